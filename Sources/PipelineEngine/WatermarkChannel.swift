import Synchronization

/// A bounded queue between two stages whose bound is in bytes, not in elements.
///
/// Senders suspend once the buffered bytes reach the high mark and go on when they have fallen to the low mark, so that
/// the stages do not wake each other for every element. An element larger than the high mark passes when it is its turn.
/// Several senders and several receivers may share a channel; elements leave in the order in which they came.
///
///     let decoded = WatermarkChannel<PixelImage>(lowByteCount: 32 << 20, highByteCount: 64 << 20)
///     try await decoded.send(image, byteCount: image.bytes.count)
///     decoded.finish()
///     for try await image in decoded { … }
///
/// After `finish` the elements already sent, those of suspended senders too, are still delivered.
public final class WatermarkChannel<Element: Sendable>: AsyncSequence, Sendable {
    private let state: Mutex<WatermarkState<Element>>

    /// Makes an open, empty channel; needs 0 <= low < high.
    public init(lowByteCount: Int, highByteCount: Int) {
        state = Mutex(WatermarkState(lowByteCount: lowByteCount, highByteCount: highByteCount))
    }

    /// The bytes waiting now; suspended senders' elements are not counted.
    public var bufferedByteCount: Int { state.withLock { $0.bufferedByteCount } }

    /// Adds an element, suspending while the channel is full.
    ///
    /// - Throws: `PipelineError` (`channelFinished`) after `finish`, `CancellationError` when cancelled while waiting;
    ///   the element is not sent then.
    public func send(_ element: Element, byteCount: Int) async throws {
        try Task.checkCancellation()
        let ticket = state.withLock { $0.makeTicket() }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                perform(
                    state.withLock {
                        $0.send(element, byteCount: byteCount, ticket: ticket, continuation: continuation)
                    })
            }
        } onCancel: {
            perform(state.withLock { $0.cancel(ticket: ticket) })
        }
        state.withLock { $0.forget(ticket: ticket) }
        switch outcome {
        case .accepted: return
        case .cancelled: throw CancellationError()
        case .finished:
            throw PipelineError(
                .channelFinished, "an element was sent after the channel was finished; finish it after the last sender")
        }
    }

    /// Ends the channel; receivers get what was sent and then the end, or the error if one is given.
    public func finish(throwing error: (any Error)? = nil) {
        perform(state.withLock { $0.finish(error) })
    }

    /// Takes the next element, suspending while there is none; nil at the end.
    public func receive() async throws -> Element? {
        try Task.checkCancellation()
        let ticket = state.withLock { $0.makeTicket() }
        let received = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                perform(state.withLock { $0.receive(ticket: ticket, continuation: continuation) })
            }
        } onCancel: {
            perform(state.withLock { $0.cancel(ticket: ticket) })
        }
        state.withLock { $0.forget(ticket: ticket) }
        switch received {
        case .element(let element): return element
        case .end: return nil
        case .failure(let error): throw error
        case .cancelled: throw CancellationError()
        }
    }

    /// Takes elements until the end.
    public struct Iterator: AsyncIteratorProtocol {
        let channel: WatermarkChannel

        /// The next element, or nil at the end.
        public mutating func next() async throws -> Element? { try await channel.receive() }
    }

    /// Every iterator takes from the same queue.
    public func makeAsyncIterator() -> Iterator { Iterator(channel: self) }

    private func perform(_ action: WatermarkState<Element>.Action) {
        for (continuation, outcome) in action.senders { continuation.resume(returning: outcome) }
        for (continuation, received) in action.receivers { continuation.resume(returning: received) }
    }
}
