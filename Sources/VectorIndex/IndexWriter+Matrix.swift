import ByteFormats
import PipelineEngine
import Samples

/// A matrix of vectors of any origin, to be put into an index.
public struct VectorMatrix: Sendable {
    /// Number of vectors, N.
    public let rowCount: Int
    /// E.
    public let dimension: Int
    /// Names the matrix in hits, as data set and shard.
    public let identity: ShardIdentity
    /// Hands out rows [range, E], row-major; called from several threads with ranges of at most 256 rows.
    public let rows: @Sendable (Range<Int>) throws -> [Float]
    /// One key per row, or none.
    public let keys: (@Sendable (Range<Int>) throws -> [String])?
    /// Ids of the rows; by default consecutive numbers from `firstID`.
    public let ids: [UInt64]?
    /// Id of row 0 where `ids` are not given.
    public let firstID: UInt64
    /// Whether vectors are divided by their length first. Otherwise one whose length is not 1 is an error.
    public let isNormalized: Bool

    /// A matrix.
    ///
    /// - Parameter normalizing: Divide each vector by its length.
    public init(
        rowCount: Int, dimension: Int, identity: ShardIdentity, ids: [UInt64]? = nil, firstID: UInt64 = 0,
        keys: (@Sendable (Range<Int>) throws -> [String])? = nil, normalizing: Bool,
        rows: @escaping @Sendable (Range<Int>) throws -> [Float]
    ) {
        precondition(rowCount >= 0 && rowCount <= Int(UInt32.max), "VectorMatrix: \(rowCount) rows")
        precondition(ids.map { $0.count == rowCount } ?? true, "VectorMatrix: \(rowCount) rows need as many ids")
        self.rowCount = rowCount
        self.dimension = dimension
        self.identity = identity
        self.ids = ids
        self.firstID = firstID
        self.keys = keys
        isNormalized = normalizing
        self.rows = rows
    }

    /// The space under which vectors of unknown origin are kept.
    public static let space = SpaceFingerprint(digest: Digest(hashing: "vlmpipe vectors of any origin"))
}

extension IndexWriter {
    /// Adds a matrix of vectors, replacing one of the same identity; groups are made concurrently on `pool`.
    ///
    /// Memory does not depend on the number of rows. The bytes depend on the rows, the profile and the codec of the
    /// index alone, not on the number of threads. The first matrix with codes decides the codec: its mean is taken over
    /// a sample of the rows.
    ///
    /// - Parameters:
    ///   - profile: what is kept of each vector.
    ///   - isUnpacked: keep codes uncompressed, for faster search.
    /// - Throws: `invalidVector`, naming the row, for vectors that are not finite, are zero, or are not of unit length
    ///   where that is required; `CancellationError`.
    public mutating func build(
        _ matrix: VectorMatrix, profile: IndexProfile, isUnpacked: Bool = false, on pool: ComputePool
    ) async throws {
        guard matrix.dimension == manifest.dimension else {
            throw VectorIndexError(
                .invalidVector,
                "vectors of \(matrix.dimension) dimensions do not fit an index of \(manifest.dimension) dimensions")
        }
        guard !manifest.segments.contains(where: { $0.shards.count > 1 && $0.holds(matrix.identity) }) else {
            throw VectorIndexError(
                .invalidRows, "\(matrix.identity.dataset) has been merged with others; build it into another index")
        }
        var codec: VectorCodec?
        if profile.isCoded {
            let known = try self.codec()
            codec = try await pool.run { try known ?? VectorCodec(mean: matrix.sampledMean()) }
        }
        if let codec { try store(codec) }
        let storage = SegmentStorage(
            profile: profile, codec: codec,
            hasRawVectors: profile == .plain && matrix.rowCount < SegmentFormat.rawRowCountLimit,
            isUnpacked: isUnpacked, identifiers: .assigned)
        let size = SegmentFormat.groupRowCount
        let segment = try await segmentWriter(storage).write(
            groupCount: (matrix.rowCount + size - 1) / size, on: pool, shard: matrix.record(content:)
        ) { group in
            let rows = group * size..<min(matrix.rowCount, (group + 1) * size)
            let (stored, vectors) = try matrix.stored(rows)
            var encoder = GroupEncoder(dimension: matrix.dimension, storage: storage)
            var encoded = encoder.encode(stored, vectors: vectors, kind: .images)
            encoded.contentChecksum = stored.checksum
            return encoded
        }
        let next = matrix.ids == nil ? matrix.firstID &+ UInt64(matrix.rowCount) : 0
        try publish(
            manifest.segments.filter { !$0.holds(matrix.identity) } + [segment], codec: codec?.digest,
            nextID: max(manifest.nextID, next))
    }
}

extension IndexManifest.Segment {
    fileprivate func holds(_ identity: ShardIdentity) -> Bool { shards.contains { $0.identity == identity } }
}

extension StoredRows {
    /// CRC-32C of ids, keys and F16 vectors.
    fileprivate var checksum: UInt32 {
        var head = ByteWriter(capacity: ids.count * 32)
        for id in ids { head.write(id) }
        for row in rows { head.write(field: row.key) }
        var checksum = CRC32C()
        checksum.update(head.bytes)
        unsafe checksum.update(halves.span.bytes)
        return checksum.value
    }
}

extension VectorMatrix {
    fileprivate func record(content: Digest) -> IndexedShard {
        let name = Digest(hashing: "matrix")
        return IndexedShard(
            identity: identity, recipe: name, shardDigest: name, embeddingDigest: content, sampleCount: rowCount,
            failedCount: 0, imageRowCount: rowCount, captionRowCount: 0)
    }

    /// Some rows, checked and of unit length, as they are stored and as they came.
    fileprivate func stored(_ range: Range<Int>) throws -> (StoredRows, [Float]) {
        let vectors = try unitRows(range)
        let keys = try keys?(range) ?? [String](repeating: "", count: range.count)
        guard keys.count == range.count, keys.allSatisfy({ $0.utf8.count <= EmbeddingRow.maximumKeyByteCount }) else {
            throw VectorIndexError(
                .invalidRows,
                "rows \(range) need one key each of at most \(EmbeddingRow.maximumKeyByteCount) bytes")
        }
        var stored = StoredRows()
        stored.rows = zip(range, keys).map { EmbeddingRow(ordinal: UInt32($0), view: .image, key: $1) }
        stored.ids = ids.map { Array($0[range]) } ?? range.map { firstID &+ UInt64($0) }
        stored.halves = HalfPrecision.narrow(vectors)
        return (stored, vectors)
    }

    /// Some rows, checked and of unit length.
    fileprivate func unitRows(_ range: Range<Int>) throws -> [Float] {
        var vectors = try rows(range)
        guard vectors.count == range.count * dimension else {
            throw VectorIndexError(
                .invalidVector,
                "rows \(range) came with \(vectors.count) numbers instead of \(range.count * dimension)")
        }
        if isNormalized { try normalize(&vectors, firstRow: range.lowerBound) }
        try UnitVectors.check(vectors, dimension: dimension) { "row \(range.lowerBound + $0)" }
        return vectors
    }

    /// The mean of at most 16,384 rows in 64 runs spread evenly over the matrix; 0 for no rows.
    fileprivate func sampledMean() throws -> [Float] {
        let runCount = 64
        let length = 256
        var sums = [Double](repeating: 0, count: dimension)
        var count = 0
        var next = 0
        for run in 0..<runCount {
            let start = max(next, run * rowCount / runCount)
            let range = start..<min(rowCount, start + length)
            guard !range.isEmpty else { continue }
            next = range.upperBound
            let vectors = try unitRows(range)
            for row in 0..<range.count {
                for index in 0..<dimension { sums[index] += Double(vectors[row * dimension + index]) }
            }
            count += range.count
        }
        return sums.map { Float($0 / Double(max(1, count))) }
    }

    private func normalize(_ vectors: inout [Float], firstRow: Int) throws(VectorIndexError) {
        let squared = UnitVectors.squaredLengths(vectors, dimension: dimension)
        for (row, length) in squared.enumerated() {
            guard length.isFinite, length > 0 else {
                throw VectorIndexError(
                    .invalidVector,
                    "the vector of row \(firstRow + row) is \(length == 0 ? "zero" : "not finite"); leave it out")
            }
            let scale = 1 / length.squareRoot()
            for index in row * dimension..<(row + 1) * dimension {
                vectors[index] = Float(Double(vectors[index]) * scale)
            }
        }
    }
}
