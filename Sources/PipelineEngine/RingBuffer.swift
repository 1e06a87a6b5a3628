/// A first-in, first-out queue in one growing array; both ends cost amortised constant time.
struct RingBuffer<Element> {
    private var slots: [Element?] = []
    private var head = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    var first: Element? { count == 0 ? nil : slots[head] }

    mutating func append(_ element: Element) {
        if count == slots.count { grow() }
        slots[(head + count) % slots.count] = element
        count += 1
    }

    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = slots[head]
        slots[head] = nil
        head = (head + 1) % slots.count
        count -= 1
        return element
    }

    /// Removes and returns the first element that matches; linear time, for rare cancellations.
    mutating func removeFirst(where matches: (Element) -> Bool) -> Element? {
        var found: Element?
        var kept: [Element] = []
        while let element = popFirst() {
            if found == nil, matches(element) {
                found = element
            } else {
                kept.append(element)
            }
        }
        for element in kept { append(element) }
        return found
    }

    private mutating func grow() {
        var bigger: [Element?] = []
        bigger.reserveCapacity(max(8, slots.count * 2))
        for offset in 0..<count { bigger.append(slots[(head + offset) % slots.count]) }
        bigger.append(contentsOf: repeatElement(nil, count: max(8, slots.count * 2) - count))
        slots = bigger
        head = 0
    }
}
