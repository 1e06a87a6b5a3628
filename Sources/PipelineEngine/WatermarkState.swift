/// The state of a `WatermarkChannel`; transitions return the action to take.
struct WatermarkState<Element: Sendable> {
    typealias Sender = CheckedContinuation<SendOutcome, Never>
    typealias Receiver = CheckedContinuation<Received, Never>

    enum SendOutcome: Sendable { case accepted, finished, cancelled }
    enum Received: Sendable { case element(Element), end, failure(any Error), cancelled }

    struct Action {
        var senders: [(Sender, SendOutcome)] = []
        var receivers: [(Receiver, Received)] = []
    }

    private struct Weighted {
        let element: Element
        let byteCount: Int
    }

    private struct WaitingSender {
        let ticket: UInt64
        let item: Weighted
        let continuation: Sender
    }

    private struct WaitingReceiver {
        let ticket: UInt64
        let continuation: Receiver
    }

    private enum End {
        case open, finished
        case failed(any Error)
    }

    let lowByteCount: Int
    let highByteCount: Int
    private(set) var bufferedByteCount = 0
    private var buffer = RingBuffer<Weighted>()
    private var senders = RingBuffer<WaitingSender>()
    private var receivers = RingBuffer<WaitingReceiver>()
    private var end = End.open
    private var isGateClosed = false
    private var cancelledTickets: Set<UInt64> = []
    private var nextTicket: UInt64 = 0

    init(lowByteCount: Int, highByteCount: Int) {
        precondition(
            0 <= lowByteCount && lowByteCount < highByteCount,
            "WatermarkChannel: needs 0 <= low < high, got \(lowByteCount) and \(highByteCount)")
        self.lowByteCount = lowByteCount
        self.highByteCount = highByteCount
    }

    mutating func makeTicket() -> UInt64 {
        nextTicket += 1
        return nextTicket
    }

    mutating func send(
        _ element: Element, byteCount: Int, ticket: UInt64, continuation: Sender
    ) -> Action {
        precondition(byteCount >= 0, "WatermarkChannel.send: byteCount is \(byteCount)")
        if cancelledTickets.remove(ticket) != nil { return Action(senders: [(continuation, .cancelled)]) }
        guard case .open = end else { return Action(senders: [(continuation, .finished)]) }
        let item = Weighted(element: element, byteCount: byteCount)
        if let receiver = receivers.popFirst() {
            return Action(
                senders: [(continuation, .accepted)], receivers: [(receiver.continuation, .element(element))])
        }
        if isGateClosed || !senders.isEmpty {
            senders.append(WaitingSender(ticket: ticket, item: item, continuation: continuation))
            return Action()
        }
        admit(item)
        return Action(senders: [(continuation, .accepted)])
    }

    mutating func receive(ticket: UInt64, continuation: Receiver) -> Action {
        if cancelledTickets.remove(ticket) != nil { return Action(receivers: [(continuation, .cancelled)]) }
        if let item = buffer.popFirst() {
            bufferedByteCount -= item.byteCount
            var action = Action(receivers: [(continuation, .element(item.element))])
            if bufferedByteCount <= lowByteCount { isGateClosed = false }
            while !isGateClosed, let sender = senders.popFirst() {
                admit(sender.item)
                action.senders.append((sender.continuation, .accepted))
            }
            return action
        }
        switch end {
        case .open:
            receivers.append(WaitingReceiver(ticket: ticket, continuation: continuation))
            return Action()
        case .finished:
            return Action(receivers: [(continuation, .end)])
        case .failed(let error):
            end = .finished
            return Action(receivers: [(continuation, .failure(error))])
        }
    }

    /// No further element is taken; what is buffered and what suspended senders hold is still delivered.
    mutating func finish(_ error: (any Error)?) -> Action {
        guard case .open = end else { return Action() }
        var action = Action()
        if let error {
            if let first = receivers.popFirst() {
                end = .finished
                action.receivers.append((first.continuation, .failure(error)))
            } else {
                end = .failed(error)
            }
        } else {
            end = .finished
        }
        while let receiver = receivers.popFirst() { action.receivers.append((receiver.continuation, .end)) }
        return action
    }

    mutating func cancel(ticket: UInt64) -> Action {
        if let sender = senders.removeFirst(where: { $0.ticket == ticket }) {
            return Action(senders: [(sender.continuation, .cancelled)])
        }
        if let receiver = receivers.removeFirst(where: { $0.ticket == ticket }) {
            return Action(receivers: [(receiver.continuation, .cancelled)])
        }
        // The cancellation overtook the request, or came after it was answered; `forget` clears the latter.
        cancelledTickets.insert(ticket)
        return Action()
    }

    mutating func forget(ticket: UInt64) {
        cancelledTickets.remove(ticket)
    }

    private mutating func admit(_ item: Weighted) {
        buffer.append(item)
        bufferedByteCount += item.byteCount
        if bufferedByteCount >= highByteCount { isGateClosed = true }
    }
}
