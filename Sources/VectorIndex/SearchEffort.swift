/// How much an approximate search looks at.
struct SearchEffort: Sendable, Hashable {
    /// Rows per query that are looked at again with all their bits: of those whose signs are scanned, and of those whose upper
    /// codes are.
    var poolSize: Int
    /// Rows per query that are scanned in segments that are stored by partition; `nil` for all.
    var rowBudget: Int?
    /// How much the spread of a partition counts beside its mean.
    var kappa: Float

    /// Upper codes of this many bytes are read in the time it takes to look again at the rows that their signs would leave.
    static let upperCodeByteCount = 8 << 20

    /// Of searches that were not tuned.
    static let defaultKappa: Float = 1.5
    /// Rows that are scanned where nothing was tuned: this share of them, and no fewer than this.
    static let defaultRowShare = 0.1
    static let defaultRowCount = 200_000

    /// The budget where nothing was tuned.
    static func defaultRowBudget(rowCount: Int) -> Int {
        max(defaultRowCount, Int(Double(rowCount) * defaultRowShare))
    }
}
