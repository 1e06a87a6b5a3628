import Dispatch
import Glibc
import Synchronization

/// The queue the worker threads of a `ComputePool` take their jobs from.
///
/// The threads own the queue and not the pool, so that the pool can be released while they sleep.
final class JobQueue: Sendable {
    /// `@safe`: the unowned references are alive, since the task that made the job holds its executor.
    @safe
    struct Entry: Sendable {
        let job: UnownedJob
        let executor: UnownedTaskExecutor
    }

    private struct State {
        var jobs = RingBuffer<Entry>()
        var isClosed = false
    }

    private let state = Mutex(State())
    private let available = DispatchSemaphore(value: 0)

    func push(_ entry: Entry) {
        state.withLock { state in
            precondition(!state.isClosed, "ComputePool.enqueue: the pool was shut down while work was still coming")
            state.jobs.append(entry)
        }
        available.signal()
    }

    /// Lets the threads end after the jobs that are already queued.
    func close(threadCount: Int) {
        state.withLock { $0.isClosed = true }
        for _ in 0..<threadCount { available.signal() }
    }

    /// Runs jobs on the calling thread until the queue is closed and empty.
    func work() {
        while true {
            available.wait()
            let (entry, isClosed) = state.withLock { ($0.jobs.popFirst(), $0.isClosed) }
            if let entry {
                unsafe entry.job.runSynchronously(on: entry.executor)
            } else if isClosed {
                return
            }
        }
    }
}

/// Threads of the operating system that serve one `JobQueue`.
///
/// `@unchecked Sendable`: `pthread_t` is an opaque handle that is written once, before the value is shared.
struct WorkerThreads: @unchecked Sendable {
    private let handles: [pthread_t]

    var count: Int { handles.count }

    /// Starts the threads; traps when the operating system refuses even the first one.
    init(count: Int, serving queue: JobQueue) {
        var handles: [pthread_t] = []
        for _ in 0..<count {
            var handle = pthread_t()
            // The thread takes over the retain and gives it back when it starts.
            let context = unsafe Unmanaged.passRetained(queue)
            let status = unsafe pthread_create(
                &handle, nil,
                { raw in
                    guard let raw = unsafe raw else { return nil }
                    let queue = unsafe Unmanaged<JobQueue>.fromOpaque(raw).takeRetainedValue()
                    queue.work()
                    return nil
                }, context.toOpaque())
            guard status == 0 else {
                unsafe context.release()
                precondition(!handles.isEmpty, "ComputePool: the system refuses to start a thread (error \(status))")
                break
            }
            handles.append(handle)
        }
        self.handles = handles
    }

    /// Waits until every thread has ended; the calling thread, if it is one of them, is let go instead.
    func join() {
        for handle in handles {
            if pthread_equal(handle, pthread_self()) != 0 {
                pthread_detach(handle)
            } else {
                pthread_join(handle, nil)
            }
        }
    }
}
