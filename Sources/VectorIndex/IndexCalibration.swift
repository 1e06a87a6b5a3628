import PipelineEngine
import Samples

/// What approximate searches of an index are worth, measured on queries of its own: made by `vlmpipe index tune`.
public struct IndexCalibration: Sendable, Hashable, Codable {
    /// Recall with one number of rows that are looked at again.
    public struct Point: Sendable, Hashable, Codable {
        /// Rows per query that are looked at again.
        public let poolSize: Int
        /// Share of the exact answer's hits that are found, 0 to 1; a hit counts if its score is within 1e-6 of the
        /// K-th exact score.
        public let recall: Double
    }

    /// K of the measurement; what was measured says nothing about larger ones.
    public let neighborCount: Int
    /// Queries.
    public let queryCount: Int
    /// By rising size of the pool.
    public let points: [Point]

    /// Recall that a search without a wish of its own aims at.
    public static let defaultRecall = 0.97
    /// How near the K-th exact score a hit must be.
    static let tolerance: Float = 1e-6
    static let poolSizes = (6...14).map { 1 << $0 }

    var isPlausible: Bool {
        neighborCount >= 1 && queryCount >= 1 && !points.isEmpty
            && points.allSatisfy { $0.poolSize >= 1 && (0...1).contains($0.recall) }
            && zip(points, points.dropFirst()).allSatisfy { $0.poolSize < $1.poolSize }
    }

    /// The smallest pool whose recall reached the wish, or the largest measured.
    func poolSize(forRecall recall: Double) -> Int? {
        (points.first { $0.recall >= recall } ?? points.last)?.poolSize
    }

    /// Recall measured with at most this pool, which a larger one does not fall below; `nil` if none was measured for
    /// so many neighbours.
    func recall(poolSize: Int, neighborCount: Int) -> Double? {
        guard neighborCount <= self.neighborCount else { return nil }
        return points.last { $0.poolSize <= poolSize }?.recall
    }
}

extension IndexReader {
    /// Measures approximate searches against exact ones of the same index on these queries.
    ///
    /// Exact means what the index can: on `std` and `lite` the truth is that of their codes.
    ///
    /// - Throws: `invalidVector` for no queries; what `search` throws.
    public func calibration(
        queries: [Float], neighborCount: Int, on pool: ComputePool
    ) async throws -> IndexCalibration {
        let request = SearchRequest(
            space: space, dimension: dimension, queries: queries, neighborCount: neighborCount, kinds: .all)
        guard request.queryCount > 0, neighborCount > 0, rowCount > 0 else {
            throw VectorIndexError(
                .invalidVector, "an index of \(rowCount) vectors cannot be tuned with \(request.queryCount) queries",
                path: path)
        }
        let truth = try await search(request, mode: .exact, on: pool).hits
        let wanted = truth.reduce(0) { $0 + $1.count }
        var points: [IndexCalibration.Point] = []
        for size in IndexCalibration.poolSizes {
            let found = try await search(request, mode: .approximate(poolSize: size), on: pool).hits
            let hitCount = zip(found, truth).reduce(0) { sum, pair in
                let floor = (pair.1.last?.score ?? 0) - IndexCalibration.tolerance
                return sum + pair.0.count { $0.score >= floor }
            }
            points.append(.init(poolSize: size, recall: Double(hitCount) / Double(wanted)))
            if hitCount == wanted || size >= rowCount { break }
        }
        return IndexCalibration(
            neighborCount: neighborCount, queryCount: request.queryCount, points: points)
    }
}

extension IndexWriter {
    /// Stores what was measured of the index as it is now; it is forgotten when rows change.
    public mutating func store(_ calibration: IndexCalibration) throws {
        precondition(calibration.isPlausible, "a calibration that contradicts itself")
        try publish(manifest.segments, calibration: calibration)
    }
}
