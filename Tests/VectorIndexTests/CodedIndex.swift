import ByteFormats
import PipelineEngine
import Samples

@testable import VectorIndex

/// Indexes with codes for tests.
enum CodedIndex {
    /// [count, dimension] of unit length around a few centres, with a strong common mean, as image embeddings have it; all
    /// numbers are binary16 numbers, so that every way of keeping vectors keeps them exactly.
    static func clustered(_ count: Int, dimension: Int, seed: UInt64, spread: Float = 0.6) -> [Float] {
        let centres = TestVectors.unit(12, dimension: dimension, seed: 5)
        let noise = TestVectors.unit(count, dimension: dimension, seed: seed)
        var generator = SeededGenerator(seed: seed, number: 1, purpose: "clusters")
        var vectors: [Float] = []
        vectors.reserveCapacity(count * dimension)
        for row in 0..<count {
            let centre = generator.integer(below: 12)
            let raw = (0..<dimension).map {
                0.4 * centres[$0] + 0.6 * centres[centre * dimension + $0] + spread * noise[row * dimension + $0]
            }
            let length = raw.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            vectors += raw.map { Float(Double($0) / length) }
        }
        return HalfPrecision.widen(HalfPrecision.narrow(vectors))
    }

    static func matrix(_ vectors: [Float], dimension: Int, name: String = "x.npy", firstID: UInt64 = 0) -> VectorMatrix
    {
        VectorMatrix(
            rowCount: vectors.count / dimension, dimension: dimension,
            identity: ShardIdentity(dataset: name, shard: ""), firstID: firstID, keys: { $0.map { "key\($0)" } },
            normalizing: false
        ) { Array(vectors[$0.lowerBound * dimension..<$0.upperBound * dimension]) }
    }

    static func build(
        _ vectors: [Float], dimension: Int, profile: IndexProfile, isUnpacked: Bool = false, at path: String,
        threadCount: Int = 2, name: String = "x.npy", firstID: UInt64 = 0
    ) async throws {
        let pool = ComputePool(threadCount: threadCount)
        defer { pool.shutdown() }
        var writer = try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: dimension)
        try await writer.build(
            matrix(vectors, dimension: dimension, name: name, firstID: firstID), profile: profile,
            isUnpacked: isUnpacked, on: pool)
    }

    static func request(_ queries: [Float], dimension: Int, k: Int, filter: RowFilter? = nil) -> SearchRequest {
        SearchRequest(
            space: VectorMatrix.space, dimension: dimension, queries: queries, neighborCount: k, kinds: .all,
            filter: filter)
    }

    /// The ids of the nearest rows and their scores over F16 values, by definition.
    static func bruteForce(_ vectors: [Float], queries: [Float], dimension: Int, k: Int) -> [[(
        id: UInt64, score: Float
    )]] {
        let halves = HalfPrecision.narrow(vectors)
        return stride(from: 0, to: queries.count, by: dimension).map { start in
            let query = Array(queries[start..<start + dimension])
            let scored = (0..<vectors.count / dimension).map { row in
                (
                    id: UInt64(row),
                    score: PlainTwin.dot(query, Array(halves[row * dimension..<(row + 1) * dimension]))
                )
            }
            return Array(scored.sorted { $0.score != $1.score ? $0.score > $1.score : $0.id < $1.id }.prefix(k))
        }
    }
}
