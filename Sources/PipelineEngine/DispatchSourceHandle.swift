import Dispatch

/// An active dispatch source that may be cancelled from any thread.
///
/// `@unchecked Sendable`: dispatch objects are thread-safe by their contract; only `cancel` is called after the handle
/// is made.
struct DispatchSourceHandle: @unchecked Sendable {
    private let source: any DispatchSourceProtocol

    /// Starts the source.
    init(resuming source: any DispatchSourceProtocol) {
        self.source = source
        source.resume()
    }

    func cancel() { source.cancel() }
}
