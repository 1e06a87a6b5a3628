/// The state of an ordered concurrent map: who waits, which results are ready, how many places are free.
///
/// A value whose transitions return the action to take; locking and resuming are done by `OrderedWindowStorage`.
struct OrderedWindow<Output: Sendable> {
    typealias Slot = CheckedContinuation<Int?, Never>
    typealias Delivery = CheckedContinuation<Result<Output, any Error>?, Never>

    enum Action {
        case none
        case admit(Slot, Int?)
        case deliver(Delivery, Result<Output, any Error>?)
    }

    let capacity: Int
    private(set) var pulledCount = 0
    private(set) var releasedCount = 0
    private var ready: [Int: Result<Output, any Error>] = [:]
    private var endIndex: Int?
    private var isStopped = false
    private var puller: Slot?
    private var consumer: Delivery?

    init(capacity: Int) {
        precondition(capacity >= 1, "orderedMap: the window must be at least 1, it is \(capacity)")
        self.capacity = capacity
    }

    var inFlightCount: Int { pulledCount - releasedCount }

    /// The puller asks for a place; it is given the ordinal of its next input, or nil to stop.
    mutating func requestPlace(_ slot: Slot) -> Action {
        if isStopped { return .admit(slot, nil) }
        guard inFlightCount < capacity else {
            puller = slot
            return .none
        }
        pulledCount += 1
        return .admit(slot, pulledCount - 1)
    }

    /// The input has ended: the place that was given last is not used.
    mutating func sourceEnded(at ordinal: Int) -> Action {
        endIndex = ordinal
        pulledCount = ordinal
        return deliverIfPossible()
    }

    mutating func deposit(_ result: Result<Output, any Error>, at ordinal: Int) -> Action {
        ready[ordinal] = result
        return deliverIfPossible()
    }

    /// The consumer asks for the next result; it is given nil at the end or when stopped.
    mutating func requestResult(_ delivery: Delivery) -> Action {
        consumer = delivery
        return deliverIfPossible()
    }

    /// The consumer is done with the result it was given; its place is free.
    mutating func release() -> Action {
        releasedCount += 1
        guard let slot = puller else { return .none }
        puller = nil
        return requestPlace(slot)
    }

    /// Wakes everyone who waits; nothing is admitted or delivered any more.
    mutating func stop() -> [Action] {
        isStopped = true
        var actions: [Action] = []
        if let slot = puller { actions.append(.admit(slot, nil)) }
        if let delivery = consumer { actions.append(.deliver(delivery, nil)) }
        puller = nil
        consumer = nil
        return actions
    }

    private mutating func deliverIfPossible() -> Action {
        guard let delivery = consumer else { return .none }
        if isStopped || releasedCount == endIndex {
            consumer = nil
            return .deliver(delivery, nil)
        }
        guard let result = ready.removeValue(forKey: releasedCount) else { return .none }
        consumer = nil
        return .deliver(delivery, result)
    }
}
