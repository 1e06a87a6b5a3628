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
    /// a sample of the rows, its directions over these and the queries.
    ///
    /// - Parameters:
    ///   - queries: vectors [Q, E] like those the index will be asked for, if they are known and it has no codec yet.
    ///   - profile: what is kept of each vector.
    ///   - isUnpacked: keep codes uncompressed, for faster search.
    /// - Throws: `invalidVector`, naming the row, for vectors that are not finite, are zero, or are not of unit length
    ///   where that is required; `CancellationError`.
    public mutating func build(
        _ matrix: VectorMatrix, queries: [Float] = [], profile: IndexProfile, isUnpacked: Bool = false,
        on pool: ComputePool
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
        let known = profile.isCoded ? try self.codec() : nil
        try checkQueries(queries, profile, known: known)
        if profile.isCoded {
            let asked = try sample(ofQueries: queries)
            codec = try await pool.run { try known ?? VectorCodec(rows: matrix.sample(), queries: asked) }
        }
        if let codec { try store(codec) }
        let storage = SegmentStorage(
            profile: profile, codec: codec,
            hasRawVectors: profile == .plain && matrix.rowCount < SegmentFormat.rawRowCountLimit,
            isUnpacked: isUnpacked, identifiers: .assigned)
        let size = SegmentFormat.groupRowCount
        let preparation = matrix.preparation
        let segment = try await segmentWriter(storage).write(
            0..<(matrix.rowCount + size - 1) / size, on: pool,
            shard: { VectorMatrix.record(of: matrix.identity, content: $0, rowCount: $1) }
        ) { group in
            let rows = group * size..<min(matrix.rowCount, (group + 1) * size)
            return try preparation.encoded(matrix.rows(rows), rows, storage: storage)
        }
        let next = matrix.ids == nil ? matrix.firstID &+ UInt64(matrix.rowCount) : 0
        try publish(
            manifest.segments.filter { !$0.holds(matrix.identity) } + [segment], codec: codec?.digest,
            nextID: max(manifest.nextID, next))
    }

    /// Adds vectors that come once from front to end; otherwise as a matrix is added. Memory depends neither on the number
    /// of rows nor on their source.
    ///
    /// The first rows alone, with the queries, decide a new codec: its mean is taken over the first 16,384.
    ///
    /// - Parameters:
    ///   - identity: names the vectors; one with this name must not be there.
    ///   - keys: one line per row, or none.
    ///   - queries: vectors [Q, E] like those the index will be asked for, if they are known and it has no codec yet.
    /// - Returns: the number of rows.
    /// - Throws: as for a matrix; `invalidRows` if there are not as many keys as rows.
    @discardableResult
    public mutating func build(
        _ stream: VectorStream, identity: ShardIdentity, firstID: UInt64, keys: LineFile? = nil, normalizing: Bool,
        queries: [Float] = [], profile: IndexProfile, isUnpacked: Bool = false, on pool: ComputePool
    ) async throws -> Int {
        guard stream.dimension == manifest.dimension else {
            throw VectorIndexError(
                .invalidVector,
                "vectors of \(stream.dimension) dimensions do not fit an index of \(manifest.dimension) dimensions")
        }
        guard !manifest.segments.contains(where: { $0.holds(identity) }) else {
            throw VectorIndexError(.invalidRows, "vectors called \(identity.dataset) are in the index already")
        }
        var keyLines: (@Sendable (Range<Int>) throws -> [String])?
        if let keys {
            keyLines = { range in
                guard range.upperBound <= keys.count else { throw Self.keyCountError(keys.count, range.upperBound) }
                return try keys.lines(range)
            }
        }
        let preparation = MatrixPreparation(
            dimension: stream.dimension, ids: nil, firstID: firstID, keys: keyLines, isNormalized: normalizing)
        var batches = try StreamBatches(stream: stream)
        var codec: VectorCodec?
        if profile.isCoded { codec = try self.codec() }
        try checkQueries(queries, profile, known: codec)
        if profile.isCoded {
            if codec == nil {
                let asked = try sample(ofQueries: queries)
                batches = try await pool.run {
                    try StreamBatches(stream: stream, readingAhead: VectorMatrix.sampledRowCount)
                }
                let head = batches.head
                codec = try await pool.run {
                    var sample = CodecSample(dimension: stream.dimension)
                    for batch in head { sample.add(try preparation.unitRows(batch.vectors, batch.rows)) }
                    return VectorCodec(rows: sample, queries: asked)
                }
            }
        }
        if let codec { try store(codec) }
        let storage = SegmentStorage(
            profile: profile, codec: codec, hasRawVectors: false, isUnpacked: isUnpacked, identifiers: .assigned)
        let segment = try await segmentWriter(storage).write(
            batches, on: pool,
            shard: { digest, rowCount in
                if let keys, keys.count != rowCount { throw Self.keyCountError(keys.count, rowCount) }
                return VectorMatrix.record(of: identity, content: digest, rowCount: rowCount)
            }
        ) { batch in
            let batch = try batch.get()
            guard batch.rows.upperBound <= Int(UInt32.max), batch.rows.upperBound <= Int(clamping: UInt64.max - firstID)
            else { throw VectorIndexError(.invalidRows, "\(batch.rows.upperBound) rows are too many for one stream") }
            return try preparation.encoded(batch.vectors, batch.rows, storage: storage)
        }
        try publish(
            manifest.segments + [segment], codec: codec?.digest,
            nextID: max(manifest.nextID, firstID &+ UInt64(segment.rowCount)))
        return segment.rowCount
    }

    private static func keyCountError(_ keyCount: Int, _ rowCount: Int) -> VectorIndexError {
        VectorIndexError(
            .invalidRows, "\(keyCount) keys for \(rowCount) vectors or more; one line per vector is needed")
    }
}

/// The rows of a stream in groups.
private struct StreamBatches: Sequence, Sendable {
    struct Batch: Sendable {
        let rows: Range<Int>
        let vectors: [Float]
    }

    struct Iterator: IteratorProtocol {
        fileprivate var head: ArraySlice<Batch>
        fileprivate let stream: VectorStream
        fileprivate var rowCount: Int
        fileprivate var isDone = false

        mutating func next() -> Result<Batch, any Error>? {
            if let batch = head.popFirst() { return .success(batch) }
            guard !isDone else { return nil }
            do {
                guard let batch = try StreamBatches.next(of: stream, firstRow: rowCount) else { return nil }
                rowCount = batch.rows.upperBound
                return .success(batch)
            } catch {
                isDone = true
                return .failure(error)
            }
        }
    }

    let stream: VectorStream
    private(set) var head: [Batch] = []

    /// - Parameter rowCount: how many rows are read at once; they come out again first.
    init(stream: VectorStream, readingAhead rowCount: Int = 0) throws {
        self.stream = stream
        while (head.last?.rows.upperBound ?? 0) < rowCount {
            guard let batch = try Self.next(of: stream, firstRow: head.last?.rows.upperBound ?? 0) else { return }
            head.append(batch)
        }
    }

    private static func next(of stream: VectorStream, firstRow: Int) throws -> Batch? {
        guard let vectors = try stream.next(SegmentFormat.groupRowCount) else { return nil }
        return Batch(rows: firstRow..<firstRow + vectors.count / stream.dimension, vectors: vectors)
    }

    func makeIterator() -> Iterator {
        Iterator(head: head[...], stream: stream, rowCount: head.last?.rows.upperBound ?? 0)
    }
}

extension IndexManifest.Segment {
    fileprivate func holds(_ identity: ShardIdentity) -> Bool { shards.contains { $0.identity == identity } }
}

extension VectorMatrix {
    /// Rows that the mean of a new codec is taken over, at most.
    fileprivate static let sampledRowCount = 16_384

    fileprivate static func record(of identity: ShardIdentity, content: Digest, rowCount: Int) -> IndexedShard {
        let name = Digest(hashing: "matrix")
        return IndexedShard(
            identity: identity, recipe: name, shardDigest: name, embeddingDigest: content, sampleCount: rowCount,
            failedCount: 0, imageRowCount: rowCount, captionRowCount: 0)
    }

    fileprivate var preparation: MatrixPreparation {
        MatrixPreparation(dimension: dimension, ids: ids, firstID: firstID, keys: keys, isNormalized: isNormalized)
    }

    /// At most 16,384 rows in 64 runs spread evenly over the matrix.
    fileprivate func sample() throws -> CodecSample {
        let length = SegmentFormat.groupRowCount
        let runCount = Self.sampledRowCount / length
        var sample = CodecSample(dimension: dimension)
        var next = 0
        for run in 0..<runCount {
            let start = Swift.max(next, run * rowCount / runCount)
            let range = start..<min(rowCount, start + length)
            guard !range.isEmpty else { continue }
            next = range.upperBound
            sample.add(try preparation.unitRows(try rows(range), range))
        }
        return sample
    }
}

extension IndexWriter {
    /// Where queries may be named: only a codec that is made now can learn from them.
    private func checkQueries(_ queries: [Float], _ profile: IndexProfile, known: VectorCodec?) throws {
        guard !queries.isEmpty else { return }
        guard profile.isCoded else {
            throw VectorIndexError(.invalidRows, "plain has no codes, so it cannot make them for queries")
        }
        guard known == nil else {
            throw VectorIndexError(
                .invalidRows,
                "how the codes of this index are made is decided already; queries are named when it is built",
                path: folder.path)
        }
    }

    /// Queries of unit length for a new codec.
    private func sample(ofQueries queries: [Float]) throws -> CodecSample {
        let dimension = manifest.dimension
        precondition(queries.count % dimension == 0, "queries: \(queries.count) numbers of dimension \(dimension)")
        var sample = CodecSample(dimension: dimension)
        for (row, squared) in UnitVectors.squaredLengths(queries, dimension: dimension).enumerated() {
            guard squared.isFinite, squared > 0 else {
                throw VectorIndexError(
                    .invalidVector, "query \(row) is \(squared == 0 ? "zero" : "not finite"); leave it out")
            }
            let length = squared.squareRoot()
            sample.add(queries[row * dimension..<(row + 1) * dimension].map { Float(Double($0) / length) })
        }
        return sample
    }
}
