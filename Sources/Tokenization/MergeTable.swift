/// Ranked merges, and their application to one pre-token.
struct MergeTable: Sendable {
    /// One rule: `left` directly before `right` becomes `result`.
    struct Merge: Sendable, Equatable {
        var left: Int32
        var right: Int32
        var result: Int32
    }

    /// The rules; the index is the rank, and lower ranks are applied first.
    private(set) var merges: [Merge] = []
    private var rankOfPair: PairTable

    /// Makes an empty table with room for `minimumCapacity` rules before it grows.
    init(minimumCapacity: Int = 16) {
        rankOfPair = PairTable(minimumCapacity: minimumCapacity)
        merges.reserveCapacity(minimumCapacity)
    }

    /// Appends a rule at the next rank; a pair that already has a rule keeps the older one and returns false.
    @discardableResult
    mutating func append(_ merge: Merge) -> Bool {
        if rankOfPair.value(merge.left, merge.right) != nil { return false }
        rankOfPair.set(merge.left, merge.right, to: Int32(merges.count))
        merges.append(merge)
        return true
    }

    /// The rank of a pair, or nil.
    func rank(_ left: Int32, _ right: Int32) -> Int32? { rankOfPair.value(left, right) }

    /// Applies the merges to `symbols` in place: always the pair of lowest rank, the leftmost first among equals.
    ///
    /// Quadratic in the symbol count with a very small constant (a scan over cached ranks); the pre-token rule bounds
    /// that count at 256. `ranks` is scratch that is kept between calls.
    func apply(to symbols: inout [Int32], ranks: inout [Int32]) {
        guard symbols.count > 1 else { return }
        ranks.removeAll(keepingCapacity: true)
        for index in 0..<(symbols.count - 1) {
            ranks.append(rankOfPair.value(symbols[index], symbols[index + 1]) ?? Int32.max)
        }
        while true {
            var best = Int32.max
            var at = 0
            for (index, rank) in ranks.enumerated() where rank < best {
                best = rank
                at = index
            }
            if best == Int32.max { return }
            symbols[at] = merges[Int(best)].result
            symbols.remove(at: at + 1)
            ranks.remove(at: at)
            if at > 0 { ranks[at - 1] = rankOfPair.value(symbols[at - 1], symbols[at]) ?? Int32.max }
            if at < ranks.count { ranks[at] = rankOfPair.value(symbols[at], symbols[at + 1]) ?? Int32.max }
        }
    }
}
