extension MergeTable {
    /// From this many symbols on ``applyToLongRun(_:)`` is the faster one.
    static let longRunSymbolCount = 96

    private struct Candidate {
        var rank: Int32
        var position: Int32
        var right: Int32
        var leftSymbol: Int32
        var rightSymbol: Int32

        /// Lower ranks first, then from left to right.
        static func precedes(_ one: Candidate, _ other: Candidate) -> Bool {
            one.rank != other.rank ? one.rank < other.rank : one.position < other.position
        }
    }

    /// Applies the merges to `symbols` in place with the result of ``apply(to:ranks:)``, in time n log n.
    ///
    /// A linked list of symbols and a heap of candidate pairs; a candidate whose symbols have changed is dropped when it
    /// comes up.
    func applyToLongRun(_ symbols: inout [Int32]) {
        let count = symbols.count
        guard count > 1 else { return }
        var next = (0..<count).map { Int32($0 + 1) }
        var previous = (0..<count).map { Int32($0 - 1) }
        var heap: [Candidate] = []
        heap.reserveCapacity(count)
        func candidate(_ left: Int32, _ right: Int32) -> Candidate? {
            guard left >= 0, right < count else { return nil }
            let (leftSymbol, rightSymbol) = (symbols[Int(left)], symbols[Int(right)])
            return rank(leftSymbol, rightSymbol).map {
                Candidate(rank: $0, position: left, right: right, leftSymbol: leftSymbol, rightSymbol: rightSymbol)
            }
        }
        for index in 0..<(count - 1) {
            if let pair = candidate(Int32(index), Int32(index + 1)) { Self.push(pair, onto: &heap) }
        }
        while let best = Self.pop(&heap) {
            let (left, right) = (best.position, best.right)
            // A symbol that was merged away is -1.
            guard symbols[Int(left)] == best.leftSymbol, symbols[Int(right)] == best.rightSymbol,
                next[Int(left)] == right
            else { continue }
            symbols[Int(left)] = merges[Int(best.rank)].result
            symbols[Int(right)] = -1
            let after = next[Int(right)]
            next[Int(left)] = after
            if after < count { previous[Int(after)] = left }
            if let pair = candidate(previous[Int(left)], left) { Self.push(pair, onto: &heap) }
            if let pair = candidate(left, after) { Self.push(pair, onto: &heap) }
        }
        symbols.removeAll { $0 < 0 }
    }

    private static func push(_ item: Candidate, onto heap: inout [Candidate]) {
        heap.append(item)
        var index = heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard Candidate.precedes(heap[index], heap[parent]) else { return }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    private static func pop(_ heap: inout [Candidate]) -> Candidate? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
                if Candidate.precedes(heap[child], heap[least]) { least = child }
            }
            if least == index { return first }
            heap.swapAt(index, least)
            index = least
        }
    }
}
