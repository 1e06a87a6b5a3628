import Dispatch
import Glibc
import Synchronization

/// Lets Ctrl-C stop a run at its next safe point.
///
/// The first SIGINT or SIGTERM is acknowledged at once and requests a stop; the stage looks at `isStopRequested` after
/// each chunk or step. The second one leaves the process at once with status 130. Signals are handled on a queue of
/// their own, so a busy pool does not delay them.
public final class StopSignal: Sendable {
    private struct State {
        var isStopRequested = false
        var sources: [DispatchSourceHandle] = []
    }

    /// The default acknowledgement.
    public static let defaultAcknowledgement =
        "\nstopping at the next safe point; what is done is kept. Ctrl-C again stops at once\n"

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "stop-signal")
    private let acknowledge: @Sendable () -> Void
    private let leave: @Sendable () -> Void

    /// Makes a signal that nothing triggers yet; `listen` attaches it to the process.
    ///
    /// - Parameters:
    ///   - acknowledge: called once, on the first request; writes to stderr unless given.
    ///   - leave: called on the second signal; ends the process with status 130 unless given.
    public init(
        acknowledge: @escaping @Sendable () -> Void = { StandardError.write(StopSignal.defaultAcknowledgement) },
        leave: @escaping @Sendable () -> Void = { _exit(130) }
    ) {
        self.acknowledge = acknowledge
        self.leave = leave
    }

    deinit {
        state.withLock { state in
            for source in state.sources { source.cancel() }
        }
    }

    /// Whether the run should end at its next safe point.
    public var isStopRequested: Bool { state.withLock { $0.isStopRequested } }

    /// Takes over the given signals of the process; their default action no longer happens.
    public func listen(to signals: [Int32] = [SIGINT, SIGTERM]) {
        for number in signals {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { [weak self] in self?.request() }
            // Until the source is registered the signal would be lost.
            let isRegistered = DispatchSemaphore(value: 0)
            source.setRegistrationHandler { isRegistered.signal() }
            let handle = DispatchSourceHandle(resuming: source)
            isRegistered.wait()
            state.withLock { $0.sources.append(handle) }
        }
    }

    /// Does what a signal does: the first call requests a stop, a later one leaves.
    public func request() {
        let isFirst = state.withLock { state in
            defer { state.isStopRequested = true }
            return !state.isStopRequested
        }
        if isFirst {
            acknowledge()
        } else {
            leave()
        }
    }
}
