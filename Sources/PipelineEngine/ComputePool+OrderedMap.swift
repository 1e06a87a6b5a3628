import Synchronization

extension ComputePool {
    /// Transforms elements concurrently on the pool and hands the results to `consume` serially in input order.
    ///
    /// The next input is pulled only when fewer than `window` are in flight; an element is in flight from before it is
    /// pulled until `consume` has returned for it. Pulling, transforming and consuming overlap. `consume` runs in the
    /// caller's isolation, so it may change the caller's variables.
    ///
    /// The first failure in input order, be it of the source, of `transform` or of `consume`, ends the map: everything
    /// before it has been consumed, nothing after it will be. All child tasks have ended when the call returns.
    ///
    /// - Throws: that failure, or `CancellationError` when the calling task is cancelled.
    public nonisolated(nonsending) func orderedMap<Source: AsyncSequence & Sendable, Output: Sendable>(
        _ source: Source, window: Int,
        _ transform: @Sendable @escaping (Source.Element) async throws -> Output,
        consume: (Output) async throws -> Void
    ) async throws where Source.Element: Sendable {
        let window = OrderedWindowStorage<Output>(capacity: window)
        try Task.checkCancellation()
        try await withTaskCancellationHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask(executorPreference: self) {
                    await window.pull(source, on: self, transform)
                }
                defer { window.stop() }
                do {
                    while let result = await window.nextResult() {
                        try await consume(result.get())
                        window.release()
                    }
                } catch {
                    window.stop()
                    group.cancelAll()
                    throw error
                }
            }
        } onCancel: {
            window.stop()
        }
        try Task.checkCancellation()
    }

    /// Transforms the elements of a plain sequence concurrently; see the form for asynchronous sequences.
    ///
    /// The sequence is iterated on the pool, so a lazy one may block.
    public nonisolated(nonsending) func orderedMap<Source: Sequence & Sendable, Output: Sendable>(
        _ source: Source, window: Int,
        _ transform: @Sendable @escaping (Source.Element) async throws -> Output,
        consume: (Output) async throws -> Void
    ) async throws where Source.Element: Sendable {
        try await orderedMap(SequenceElements(base: source), window: window, transform, consume: consume)
    }
}

/// A plain sequence as an asynchronous one.
private struct SequenceElements<Base: Sequence & Sendable>: AsyncSequence, Sendable {
    struct AsyncIterator: AsyncIteratorProtocol {
        var base: Base.Iterator
        mutating func next() async throws -> Base.Element? { base.next() }
    }

    let base: Base
    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: base.makeIterator()) }
}

/// Locks an `OrderedWindow` and resumes whom it names.
private final class OrderedWindowStorage<Output: Sendable>: Sendable {
    private let window: Mutex<OrderedWindow<Output>>

    init(capacity: Int) {
        window = Mutex(OrderedWindow(capacity: capacity))
    }

    /// Pulls the source to its end and starts one transform per element; returns when all have ended.
    func pull<Source: AsyncSequence & Sendable>(
        _ source: Source, on pool: ComputePool,
        _ transform: @Sendable @escaping (Source.Element) async throws -> Output
    ) async where Source.Element: Sendable {
        await withDiscardingTaskGroup { group in
            var iterator = source.makeAsyncIterator()
            while let ordinal = await requestPlace() {
                do {
                    guard let element = try await iterator.next() else {
                        perform(window.withLock { $0.sourceEnded(at: ordinal) })
                        return
                    }
                    group.addTask(executorPreference: pool) {
                        let result: Result<Output, any Error>
                        do {
                            result = .success(try await transform(element))
                        } catch {
                            result = .failure(error)
                        }
                        self.perform(self.window.withLock { $0.deposit(result, at: ordinal) })
                    }
                } catch {
                    perform(window.withLock { $0.deposit(.failure(error), at: ordinal) })
                    return
                }
            }
            group.cancelAll()
        }
    }

    nonisolated(nonsending) func nextResult() async -> Result<Output, any Error>? {
        await withCheckedContinuation { continuation in
            perform(window.withLock { $0.requestResult(continuation) })
        }
    }

    func release() {
        perform(window.withLock { $0.release() })
    }

    func stop() {
        for action in window.withLock({ $0.stop() }) { perform(action) }
    }

    private func requestPlace() async -> Int? {
        await withCheckedContinuation { continuation in
            perform(window.withLock { $0.requestPlace(continuation) })
        }
    }

    private func perform(_ action: OrderedWindow<Output>.Action) {
        switch action {
        case .none: break
        case .admit(let slot, let ordinal): slot.resume(returning: ordinal)
        case .deliver(let delivery, let result): delivery.resume(returning: result)
        }
    }
}
