import Synchronization

/// A fixed set of threads that runs heavy compute and blocking reads, apart from Swift's shared pool.
///
/// It is a task executor: `Task(executorPreference: pool)` and `withTaskExecutorPreference(pool)` run there. Results of
/// `map` and `orderedMap` are in input order and do not depend on the number of threads.
///
///     let pool = ComputePool(threadCount: 2)
///     let squares = try await pool.map(Array(0..<100)) { $0 * $0 }
///     pool.shutdown()
///
/// A pool must not be used after `shutdown()`; that is a mistake of the program and traps. Releasing the last reference
/// shuts the pool down too.
public final class ComputePool: TaskExecutor, Sendable {
    private let queue: JobQueue
    private let threads: WorkerThreads
    private let isShutDown = Atomic<Bool>(false)

    /// Starts the threads.
    ///
    /// - Parameter threadCount: at least 1.
    public init(threadCount: Int) {
        precondition(threadCount >= 1, "ComputePool: threadCount must be at least 1, it is \(threadCount)")
        let queue = JobQueue()
        self.queue = queue
        threads = WorkerThreads(count: threadCount, serving: queue)
    }

    deinit {
        shutdown()
    }

    /// How many threads there are.
    public var threadCount: Int { threads.count }

    /// Ends the threads after the work already queued and waits for them. Calling it again does nothing.
    public func shutdown() {
        guard !isShutDown.exchange(true, ordering: .acquiringAndReleasing) else { return }
        queue.close(threadCount: threads.count)
        threads.join()
    }

    /// Takes a job of the Swift runtime; first in, first out.
    public func enqueue(_ job: consuming ExecutorJob) {
        // The job's task holds this executor until the job has run.
        unsafe queue.push(JobQueue.Entry(job: UnownedJob(job), executor: asUnownedTaskExecutor()))
    }

    /// Runs one piece of blocking or heavy work on the pool.
    public func run<Output: Sendable>(_ body: @Sendable @escaping () throws -> Output) async throws -> Output {
        try await withTaskExecutorPreference(self) {
            try await Self.perform(body)
        }
    }

    @concurrent
    private static func perform<Output: Sendable>(
        _ body: @Sendable @escaping () throws -> Output
    ) async throws -> Output {
        try Task.checkCancellation()
        return try body()
    }

    /// Runs `body` over all items on the pool and returns the results in input order.
    ///
    /// Items are taken in order by at most `threadCount` workers. After a failure no further item is started; those
    /// running end first, and then the failure of the earliest item in input order is thrown. That is the same failure
    /// for every number of threads.
    ///
    /// - Throws: the earliest failure, or `CancellationError` when the calling task was cancelled before all had run.
    public func map<Item: Sendable, Output: Sendable>(
        _ items: [Item], _ body: @Sendable @escaping (Item) throws -> Output
    ) async throws -> [Output] {
        guard !items.isEmpty else {
            try Task.checkCancellation()
            return []
        }
        let work = SharedWork(itemCount: items.count)
        let workerCount = min(threadCount, items.count)
        let parts = await withTaskGroup(of: SharedWork.Part<Output>.self) { group in
            for _ in 0..<workerCount {
                group.addTask(executorPreference: self) { work.run(items, body) }
            }
            var parts: [SharedWork.Part<Output>] = []
            for await part in group { parts.append(part) }
            return parts
        }
        if let failure = parts.compactMap(\.failure).min(by: { $0.index < $1.index }) { throw failure.error }
        var results = [Output?](repeating: nil, count: items.count)
        for part in parts {
            for (index, output) in part.outputs { results[index] = output }
        }
        let complete = results.compactMap(\.self)
        guard complete.count == items.count else { throw CancellationError() }
        return complete
    }
}

/// The items of one `map` call, handed out in order.
private final class SharedWork: Sendable {
    struct Failure {
        let index: Int
        let error: any Error
    }

    struct Part<Output: Sendable>: Sendable {
        var outputs: [(Int, Output)] = []
        var failure: Failure?
    }

    private let itemCount: Int
    private let nextIndex = Atomic<Int>(0)
    private let isStopped = Atomic<Bool>(false)

    init(itemCount: Int) {
        self.itemCount = itemCount
    }

    /// One worker's share: runs items until there are none, one failed or the task is cancelled.
    func run<Item, Output>(_ items: [Item], _ body: (Item) throws -> Output) -> Part<Output> {
        var part = Part<Output>()
        while !isStopped.load(ordering: .acquiring), !Task.isCancelled {
            let index = nextIndex.wrappingAdd(1, ordering: .relaxed).oldValue
            guard index < itemCount else { break }
            do {
                part.outputs.append((index, try body(items[index])))
            } catch {
                // Every earlier item was already taken by some worker and will end, so the earliest failure is known.
                part.failure = Failure(index: index, error: error)
                isStopped.store(true, ordering: .releasing)
                break
            }
        }
        return part
    }
}
