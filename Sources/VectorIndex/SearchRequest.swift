import Samples

/// What to look for.
public struct SearchRequest: Sendable {
    /// The space of the queries.
    public let space: SpaceFingerprint
    /// E of the queries.
    public let dimension: Int
    /// [Q, E] row-major, finite. Scores are inner products with stored vectors of unit length, so queries of unit length
    /// give cosine similarities.
    public let queries: [Float]
    /// K: how many hits per query.
    public let neighborCount: Int
    /// Which vectors are ranked.
    public let kinds: VectorKinds
    /// Which samples are ranked; `nil` for all.
    public let filter: RowFilter?

    /// A request. Traps unless `queries` is a whole number of rows and `neighborCount` is at least 0.
    public init(
        space: SpaceFingerprint, dimension: Int, queries: [Float], neighborCount: Int, kinds: VectorKinds = .images,
        filter: RowFilter? = nil
    ) {
        precondition(
            dimension >= 1 && queries.count % dimension == 0 && neighborCount >= 0,
            "SearchRequest: \(queries.count) numbers, dimension \(dimension), \(neighborCount) neighbors")
        self.space = space
        self.dimension = dimension
        self.queries = queries
        self.neighborCount = neighborCount
        self.kinds = kinds
        self.filter = filter
    }

    /// Q.
    public var queryCount: Int { queries.count / dimension }
}

/// How thoroughly to look.
public enum SearchMode: Sendable, Equatable {
    /// `exact` up to 2,000,000 rows, `approximate` above: the number of rows alone decides.
    case automatic
    /// Every row is scored; the K best scores are certain.
    case exact
    /// The signs of every row are scored, and only `poolSize` rows per query are looked at again, or, if it is `nil`,
    /// as many as the index was tuned for (120 K, or 61,440 K / E if that is more, at least 256 and at most 4,096, if it was
    /// not). In segments that are stored by partition `rowBudget` rows are scanned, or, if it is `nil`, as many as the index was
    /// tuned for (a tenth, at least 200,000, if it was not): by four bits of each element where these are at most 8 MB.
    case approximate(poolSize: Int?, rowBudget: Int? = nil)
    /// Approximate with the least effort that was measured to find this share of the neighbours (`vlmpipe index tune`); an
    /// error if that was not measured, or nothing measured reached it.
    case recall(Double)

    /// Rows from which on `automatic` is approximate.
    public static let exactRowCountLimit = 2_000_000
}

/// What a search found, and how.
public struct SearchAnswer: Sendable, Equatable {
    /// For each query min(K, matching rows) hits, by falling score, then rising id.
    public let hits: [[SearchHit]]
    /// `exact`, or `exact over 8-bit codes`, `exact over 4-bit codes` for indexes that do not keep the vectors, or
    /// `approx`.
    public let mode: String
    /// Measured recall of this way of searching on the index's own calibration queries; `nil` where it was not measured
    /// (approximate searches of an index that was not tuned) and for `exact`, where there is nothing to measure.
    public let recall: Double?
    /// Rows per query that were looked at again; `nil` for exact searches.
    public let poolSize: Int?
    /// Rows per query that were scanned in segments stored by partition; `nil` for exact searches, and where all
    /// are scanned.
    public let rowBudget: Int?
    /// What `recall` is the recall of; `nil` without one.
    public let recallTruth: IndexCalibration.Truth?
}

/// One vector that was found.
public struct SearchHit: Sendable, Hashable {
    /// Inner product with the query; larger is more similar.
    public let score: Float
    /// The vector's 64-bit id.
    public let id: UInt64
    /// Which vector.
    public let identity: VectorIdentity
    /// Key of the sample, as it was when it was embedded.
    public let key: String
    /// Where a tile lies in the oriented original; `nil` for the whole image and for captions.
    public let box: PixelBox?
    /// Where the row was read.
    let place: HitPlace

    init(
        score: Float, id: UInt64, identity: VectorIdentity, key: String, box: PixelBox?, place: HitPlace = HitPlace()
    ) {
        self.score = score
        self.id = id
        self.identity = identity
        self.key = key
        self.box = box
        self.place = place
    }

    /// Pyramid level of a tile, 0 for whole images and captions.
    public var level: Int {
        if case .tile(let level, _) = identity.view { Int(level) } else { 0 }
    }
}
