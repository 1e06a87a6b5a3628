/// A binary heap whose least element comes out first.
struct MinimumHeap<Element> {
    private var elements: [Element] = []
    private let precedes: (Element, Element) -> Bool

    /// Makes an empty heap ordered by `precedes`.
    init(minimumCapacity: Int = 0, precedes: @escaping (Element, Element) -> Bool) {
        self.precedes = precedes
        elements.reserveCapacity(minimumCapacity)
    }

    /// Adds an element. Time log n.
    mutating func push(_ element: Element) {
        elements.append(element)
        var index = elements.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard precedes(elements[index], elements[parent]) else { return }
            elements.swapAt(index, parent)
            index = parent
        }
    }

    /// Removes and returns the least element, or nil when there is none. Time log n.
    mutating func pop() -> Element? {
        guard let first = elements.first else { return nil }
        let last = elements.removeLast()
        guard !elements.isEmpty else { return first }
        elements[0] = last
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < elements.count {
                if precedes(elements[child], elements[least]) { least = child }
            }
            if least == index { return first }
            elements.swapAt(index, least)
            index = least
        }
    }
}
