import ByteFormats
import CKernels
import PipelineEngine

/// The vectors that an index was made of, as exact as they are known, wherever they are: what recall is measured against.
public struct VectorTruth: Sendable {
    /// Number of batches.
    let batchCount: Int
    /// Ids and vectors [.., E], of unit length, of one batch; called from several threads.
    let batch: @Sendable (Int) throws -> (ids: [UInt64], vectors: [Float])
    /// What to call it in errors.
    let name: String

    /// The rows of a file, whose ids count up from `firstID`; brought to unit length.
    public init(_ file: VectorFile, firstID: UInt64) {
        let size = SegmentFormat.groupRowCount
        let preparation = MatrixPreparation(
            dimension: file.dimension, ids: nil, firstID: firstID, keys: nil, isNormalized: true)
        batchCount = (file.rowCount + size - 1) / size
        name = file.path
        batch = { number in
            let rows = number * size..<min(file.rowCount, (number + 1) * size)
            return (rows.map { firstID &+ UInt64($0) }, try preparation.unitRows(file.floats(rows: rows), rows))
        }
    }

    /// The rows of files of embeddings.
    public init(_ embeddings: [EmbeddingSegment], name: String) {
        let places = embeddings.indices.flatMap { segment in
            embeddings[segment].chunks.indices.map { (segment: segment, chunk: $0) }
        }
        batchCount = places.count
        self.name = name
        batch = { number in
            let stored = try embeddings[places[number].segment].storedChunk(at: places[number].chunk).stored
            return (stored.ids, HalfPrecision.widen(stored.halves))
        }
    }
}

/// The true neighbours of queries, near-ties included.
struct TrueNeighbors: Sendable {
    /// For each query the true scores of all rows within 1e-6 of the K-th, by id; of endless ties only some.
    let scores: [[UInt64: Float]]
    /// min(K, rows).
    let neighborCount: Int

    private static let tieFactor = 64

    /// Scores every vector for every query, with sums in Float32.
    ///
    /// - Throws: `invalidRows` if a row of the index is not among the vectors.
    init(
        of queries: [Float], neighborCount: Int, in truth: VectorTruth, reader: IndexReader, on pool: ComputePool
    ) async throws {
        let dimension = reader.dimension
        let live = try await pool.run { try reader.liveIDs() }
        try await truth.check(isOf: reader, live: live, on: pool)
        let queryCount = queries.count / dimension
        let wanted = min(neighborCount, live.count)
        let workers = min(truth.batchCount, pool.threadCount)
        let parts = try await pool.map(Array(0..<workers)) { worker in
            var found = [NearestScores](repeating: NearestScores(count: wanted), count: queryCount)
            var count = 0
            for number in stride(from: worker, to: truth.batchCount, by: workers) {
                try Task.checkCancellation()
                let (ids, vectors) = try truth.batch(number)
                precondition(vectors.count == ids.count * dimension, "a batch of \(ids.count) vectors")
                for (row, id) in ids.enumerated() where live.contains(id) {
                    count += 1
                    unsafe vectors.withUnsafeBufferPointer { vectors in
                        unsafe queries.withUnsafeBufferPointer { queries in
                            guard let vector = vectors.baseAddress, let first = queries.baseAddress else { return }
                            for query in 0..<queryCount {
                                // [E] of each.
                                let score = unsafe vlm_dot_lanes(
                                    first + query * dimension, vector + row * dimension, dimension)
                                found[query].insert(score, id)
                            }
                        }
                    }
                }
            }
            return (found: found, count: count)
        }
        let known = parts.reduce(0) { $0 + $1.count }
        guard known == live.count else {
            throw VectorIndexError(
                .invalidRows,
                "the index has \(live.count) vectors, of which \(known) are in \(truth.name) by their ids; name all "
                    + "vectors the index was made of, and the id of the first", path: reader.path)
        }
        scores = (0..<queryCount).map { query in
            var all = NearestScores(count: wanted)
            for part in parts { for (id, score) in part.found[query].rows { all.insert(score, id) } }
            return Dictionary(
                all.near(limit: wanted * Self.tieFactor).map { ($0.id, $0.score) }, uniquingKeysWith: max)
        }
        self.neighborCount = wanted
    }

    /// How many hits of a query are true neighbours.
    func count(of hits: [SearchHit], query: Int) -> Int {
        min(neighborCount, hits.count { scores[query][$0.id] != nil })
    }
}

extension VectorTruth {
    /// How many vectors are compared with the index, and among how many hits each must find itself.
    private static let checkedCount = 32
    private static let hitCount = 10
    /// How far a score made of codes can be from the true one.
    private static let largestCodeError: Float = 0.1

    /// Throws if vectors do not find themselves in the index: then it was made of others.
    fileprivate func check(isOf reader: IndexReader, live: Set<UInt64>, on pool: ComputePool) async throws {
        let checked = min(batchCount, Self.checkedCount)
        let rows = try await pool.map((0..<checked).map { $0 * batchCount / checked }) { number in
            let (ids, vectors) = try batch(number)
            return ids.firstIndex(where: live.contains).map { row in
                (ids[row], Array(vectors[row * reader.dimension..<(row + 1) * reader.dimension]))
            }
        }.compactMap(\.self)
        let request = SearchRequest(
            space: reader.space, dimension: reader.dimension, queries: rows.flatMap(\.1), neighborCount: Self.hitCount,
            kinds: .all)
        let found = try await reader.search(request, mode: .exact, on: pool).hits
        for ((id, _), hits) in zip(rows, found) where !hits.contains(where: { $0.id == id }) {
            // Among many that are nearly equal, others may come first.
            guard hits.count == Self.hitCount, let last = hits.last, last.score >= 1 - Self.largestCodeError else {
                throw VectorIndexError(
                    .invalidRows,
                    "vector \(id) of \(name) is not vector \(id) of the index; name the vectors the index was made of, "
                        + "and the id of the first", path: reader.path)
            }
        }
    }
}

/// The K best scores and those that nearly tie with the last.
private struct NearestScores: Sendable {
    private let count: Int
    private(set) var rows: [(id: UInt64, score: Float)] = []
    private var floor: Float = -.infinity
    private var limit = 256

    init(count: Int) { self.count = count }

    mutating func insert(_ score: Float, _ id: UInt64) {
        guard score >= floor else { return }
        rows.append((id, score))
        if rows.count >= max(limit, 4 * count) { clean() }
    }

    private mutating func clean() {
        guard rows.count > count, count > 0 else { return }
        floor = rows.map(\.score).sorted(by: >)[count - 1] - IndexCalibration.tolerance
        rows.removeAll { $0.score < floor }
        limit = 2 * rows.count
    }

    /// All of them, the best first, at most `limit`.
    func near(limit: Int) -> ArraySlice<(id: UInt64, score: Float)> {
        var all = self
        all.clean()
        return all.rows.sorted { ($1.score, $0.id) < ($0.score, $1.id) }.prefix(limit)
    }
}

extension IndexReader {
    /// The ids of all rows that are not deleted.
    fileprivate func liveIDs() throws -> Set<UInt64> {
        var ids: Set<UInt64> = []
        ids.reserveCapacity(rowCount)
        var scratch = SegmentScratch()
        for segment in segments {
            for group in segment.table.groups.indices {
                let all = try segment.readIDs(group: group, scratch: &scratch)
                let deleted = Set(segment.deletedRows(inGroup: group))
                for row in all.indices where !deleted.contains(row) { ids.insert(all[row]) }
            }
        }
        return ids
    }
}
