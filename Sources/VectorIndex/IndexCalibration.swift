/// What approximate searches of an index are worth, measured on queries of its own: made by `vlmpipe index tune`.
public struct IndexCalibration: Sendable, Hashable, Codable {
    /// Recall with one effort.
    public struct Point: Sendable, Hashable, Codable {
        /// Rows per query that are looked at again.
        public let poolSize: Int
        /// Rows per query that are scanned in segments stored by partition; `nil` for all.
        public var rowBudget: Int?
        /// Share of the true neighbours that are found, 0 to 1; a hit counts if its true score is within 1e-6 of the K-th.
        public let recall: Double
    }

    /// What a recall is the recall of.
    public enum Truth: String, Sendable, Hashable, Codable {
        /// Neighbours by the vectors themselves.
        case vectors
        /// Neighbours by the codes of the index: what its own exact search finds.
        case codes
    }

    /// K of the measurement; what was measured says nothing about larger ones.
    public let neighborCount: Int
    /// Queries.
    public let queryCount: Int
    /// By rising effort.
    public let points: [Point]
    /// How much the spread of a partition counts beside its mean; `nil` where there are no partitions.
    public var kappa: Float?
    /// What the recall was measured against; `nil` stands for codes.
    public var truth: Truth?
    /// How searches estimated that were measured; `nil` for what versions before this number did.
    public var estimation: Int?

    /// Recall that a search without a wish of its own aims at.
    public static let defaultRecall = 0.97
    /// Changes whenever searches of the same effort find other rows. 1: signs against 3 bits of the query (decision 027), upper
    /// codes where a query is sent to few rows (029).
    static let currentEstimation = 1
    /// How near the K-th true score a hit must be.
    static let tolerance: Float = 1e-6

    var isPlausible: Bool {
        neighborCount >= 1 && queryCount >= 1 && !points.isEmpty
            && points.allSatisfy {
                $0.poolSize >= 1 && (0...1).contains($0.recall) && $0.rowBudget.map { $0 >= 1 } ?? true
            }
            && kappa?.isFinite ?? true
    }

    /// Whether searches still estimate as those that were measured.
    var isCurrent: Bool { estimation == Self.currentEstimation }

    /// The least effort whose recall reached the wish; `nil` if none did.
    func effort(reaching recall: Double) -> SearchEffort? { points.first { $0.recall >= recall }.map(effort) }

    /// The effort with the best recall that was measured.
    var bestEffort: SearchEffort? { points.max { $0.recall < $1.recall }.map(effort) }

    private func effort(_ point: Point) -> SearchEffort {
        SearchEffort(
            poolSize: point.poolSize, rowBudget: point.rowBudget, kappa: kappa ?? SearchEffort.defaultKappa)
    }

    /// Recall measured with at most this effort, which a larger one does not fall below; `nil` if none was measured for
    /// so many neighbours.
    func recall(of effort: SearchEffort, neighborCount: Int) -> Double? {
        guard neighborCount <= self.neighborCount, effort.rowBudget == nil || effort.kappa == kappa else { return nil }
        return points.filter { point in
            guard point.poolSize <= effort.poolSize else { return false }
            guard let budget = effort.rowBudget else { return true }
            return point.rowBudget.map { $0 <= budget } ?? false
        }.map(\.recall).max()
    }
}

extension IndexWriter {
    /// Stores what was measured of the index as it is now; it is forgotten when rows change.
    public mutating func store(_ calibration: IndexCalibration) throws {
        precondition(calibration.isPlausible, "a calibration that contradicts itself")
        try publish(manifest.segments, calibration: calibration)
    }
}
