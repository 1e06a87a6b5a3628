import ByteFormats
import Samples

/// A matrix of vectors of any origin, to be put into an index.
public struct VectorMatrix: Sendable {
    /// Number of vectors, N.
    public let rowCount: Int
    /// E.
    public let dimension: Int
    /// Names the matrix in hits, as data set and shard.
    public let identity: ShardIdentity
    /// Hands out rows [range, E], row-major; called with ascending ranges of at most a few thousand rows.
    public let rows: @Sendable (Range<Int>) throws -> [Float]
    /// One key per row, or none.
    public let keys: (@Sendable (Range<Int>) throws -> [String])?
    /// Ids of the rows; by default row numbers.
    public let ids: [UInt64]?
    /// Whether vectors are divided by their length first. Otherwise one whose length is not 1 is an error.
    public let isNormalized: Bool

    /// A matrix.
    ///
    /// - Parameter normalizing: Divide each vector by its length.
    public init(
        rowCount: Int, dimension: Int, identity: ShardIdentity, ids: [UInt64]? = nil,
        keys: (@Sendable (Range<Int>) throws -> [String])? = nil, normalizing: Bool,
        rows: @escaping @Sendable (Range<Int>) throws -> [Float]
    ) {
        precondition(rowCount >= 0 && rowCount <= Int(UInt32.max), "VectorMatrix: \(rowCount) rows")
        precondition(ids.map { $0.count == rowCount } ?? true, "VectorMatrix: \(rowCount) rows need as many ids")
        self.rowCount = rowCount
        self.dimension = dimension
        self.identity = identity
        self.ids = ids
        self.keys = keys
        isNormalized = normalizing
        self.rows = rows
    }

    /// The space under which vectors of unknown origin are kept.
    public static let space = SpaceFingerprint(digest: Digest(hashing: "vlmpipe vectors of any origin"))
}

extension IndexWriter {
    /// Adds a matrix of vectors, replacing one of the same identity.
    ///
    /// - Throws: `invalidVector`, naming the row, for vectors that are not finite, are zero, or are not of unit length
    ///   where that is required.
    public mutating func build(_ matrix: VectorMatrix) throws {
        guard matrix.dimension == manifest.dimension else {
            throw VectorIndexError(
                .invalidVector,
                "vectors of \(matrix.dimension) dimensions do not fit an index of \(manifest.dimension) dimensions")
        }
        try replace(with: MatrixRowSource(matrix: matrix), identifiers: .assigned)
    }
}

/// The rows of a matrix, checked as they pass.
private struct MatrixRowSource: RowSource {
    let matrix: VectorMatrix
    static let batchRowCount = 4096

    var identity: ShardIdentity { matrix.identity }
    var rowCount: Int { matrix.rowCount }

    func record(imageRowCount: Int, captionRowCount: Int) -> IndexedShard {
        let name = Digest(hashing: "matrix")
        return IndexedShard(
            identity: identity, recipe: name, shardDigest: name, embeddingDigest: name, sampleCount: rowCount,
            failedCount: 0, imageRowCount: imageRowCount, captionRowCount: captionRowCount)
    }

    func forEachBatch(of kind: VectorKinds, _ body: (StoredRows) throws -> Void) throws {
        guard kind == .images else { return }
        var start = 0
        while start < rowCount {
            let range = start..<min(rowCount, start + Self.batchRowCount)
            var vectors = try matrix.rows(range)
            guard vectors.count == range.count * matrix.dimension else {
                throw VectorIndexError(
                    .invalidVector,
                    "rows \(range) came with \(vectors.count) numbers instead of "
                        + "\(range.count * matrix.dimension)")
            }
            if matrix.isNormalized { try normalize(&vectors, firstRow: start) }
            try UnitVectors.check(vectors, dimension: matrix.dimension) { "row \(start + $0)" }
            let keys = try matrix.keys?(range) ?? [String](repeating: "", count: range.count)
            guard keys.count == range.count,
                keys.allSatisfy({ $0.utf8.count <= EmbeddingRow.maximumKeyByteCount })
            else {
                throw VectorIndexError(
                    .invalidRows, "rows \(range) need one key each of at most \(EmbeddingRow.maximumKeyByteCount) bytes"
                )
            }
            var stored = StoredRows()
            stored.rows = zip(range, keys).map { EmbeddingRow(ordinal: UInt32($0), view: .image, key: $1) }
            stored.ids = matrix.ids.map { Array($0[range]) } ?? range.map(UInt64.init)
            stored.halves = HalfPrecision.narrow(vectors)
            try body(stored)
            start = range.upperBound
        }
    }

    private func normalize(_ vectors: inout [Float], firstRow: Int) throws(VectorIndexError) {
        let squared = UnitVectors.squaredLengths(vectors, dimension: matrix.dimension)
        for (row, length) in squared.enumerated() {
            guard length.isFinite, length > 0 else {
                throw VectorIndexError(
                    .invalidVector,
                    "the vector of row \(firstRow + row) is \(length == 0 ? "zero" : "not finite"); leave it out")
            }
            let scale = 1 / length.squareRoot()
            for index in row * matrix.dimension..<(row + 1) * matrix.dimension {
                vectors[index] = Float(Double(vectors[index]) * scale)
            }
        }
    }
}
