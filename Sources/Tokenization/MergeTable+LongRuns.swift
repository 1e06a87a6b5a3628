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
        var ends: [Int32] = []
        applyToLongRun(&symbols, ends: &ends)
    }

    /// As ``applyToLongRun(_:)``, and keeps where in the text each symbol ends; `ends` may be empty, and then stays so.
    func applyToLongRun(_ symbols: inout [Int32], ends: inout [Int32]) {
        let count = symbols.count
        guard count > 1 else { return }
        var next = (0..<count).map { Int32($0 + 1) }
        var previous = (0..<count).map { Int32($0 - 1) }
        var heap = MinimumHeap<Candidate>(minimumCapacity: count, precedes: Candidate.precedes)
        func candidate(_ left: Int32, _ right: Int32) -> Candidate? {
            guard left >= 0, right < count else { return nil }
            let (leftSymbol, rightSymbol) = (symbols[Int(left)], symbols[Int(right)])
            return rank(leftSymbol, rightSymbol).map {
                Candidate(rank: $0, position: left, right: right, leftSymbol: leftSymbol, rightSymbol: rightSymbol)
            }
        }
        for index in 0..<(count - 1) {
            if let pair = candidate(Int32(index), Int32(index + 1)) { heap.push(pair) }
        }
        while let best = heap.pop() {
            let (left, right) = (best.position, best.right)
            // A symbol that was merged away is -1.
            guard symbols[Int(left)] == best.leftSymbol, symbols[Int(right)] == best.rightSymbol,
                next[Int(left)] == right
            else { continue }
            symbols[Int(left)] = merges[Int(best.rank)].result
            symbols[Int(right)] = -1
            if !ends.isEmpty { ends[Int(left)] = ends[Int(right)] }
            let after = next[Int(right)]
            next[Int(left)] = after
            if after < count { previous[Int(after)] = left }
            if let pair = candidate(previous[Int(left)], left) { heap.push(pair) }
            if let pair = candidate(left, after) { heap.push(pair) }
        }
        if !ends.isEmpty { ends = zip(ends, symbols).filter { $0.1 >= 0 }.map(\.0) }
        symbols.removeAll { $0 < 0 }
    }
}
