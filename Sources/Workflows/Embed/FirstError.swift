import Synchronization

/// Keeps the first error that a callback meets, for whoever started the work.
final class FirstError: Sendable {
    private let error = Mutex<(any Error)?>(nil)

    /// Keeps an error unless there is one already.
    func note(_ error: any Error) {
        self.error.withLock { if $0 == nil { $0 = error } }
    }

    /// Throws the error, if there is one.
    func rethrow() throws {
        if let error = error.withLock({ $0 }) { throw error }
    }
}
