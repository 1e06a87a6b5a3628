import ByteFormats
import Samples

@testable import VectorIndex

/// Repeatable vectors, chunks and shards.
enum TestVectors {
    static let space = SpaceFingerprint(digest: Digest(hashing: "test space"))
    static let otherSpace = SpaceFingerprint(digest: Digest(hashing: "other space"))

    /// [count, dimension] of unit length.
    static func unit(_ count: Int, dimension: Int, seed: UInt64) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        var vectors: [Float] = []
        vectors.reserveCapacity(count * dimension)
        for _ in 0..<count {
            let raw = (0..<dimension).map { _ in generator.uniform() * 2 - 1 + 1e-3 }
            let length = raw.reduce(0) { $0 + $1 * $1 }.squareRoot()
            vectors += raw.map { Float($0 / length) }
        }
        return vectors
    }

    static func header(
        dataset: String = "data", shard: String = "0000.tar", dimension: Int, recipe: String = "recipe",
        content: String = "content", space: SpaceFingerprint = space
    ) -> EmbeddingHeader {
        EmbeddingHeader(
            space: space, recipe: Digest(hashing: recipe), shardDigest: Digest(hashing: content), dimension: dimension,
            dataset: dataset, shard: shard)
    }

    /// Chunks over `sampleCount` samples with one image and `captionCount` captions each; every `failEvery`-th fails,
    /// and with `keepEvery` only every so many samples have rows at all. Vectors come from a small set, so that scores
    /// tie.
    static func chunks(
        sampleCount: Int, captionCount: Int = 1, dimension: Int, seed: UInt64, failEvery: Int = 0, keepEvery: Int = 1,
        distinctCount: Int? = nil
    ) -> [EmbeddingChunk] {
        let distinct = distinctCount ?? sampleCount * (1 + captionCount)
        let pool = unit(max(1, distinct), dimension: dimension, seed: seed)
        var next = 0
        return stride(from: 0, to: sampleCount, by: EmbeddingChunk.fullSampleCount).map { first in
            let samples = first..<min(sampleCount, first + EmbeddingChunk.fullSampleCount)
            var rows: [EmbeddingRow] = []
            var vectors: [Float] = []
            var failed: [UInt32] = []
            for sample in samples {
                if failEvery > 0, sample % failEvery == failEvery - 1 {
                    failed.append(UInt32(sample))
                    continue
                }
                guard sample % keepEvery == 0 else { continue }
                let views = [SampleView.image] + (0..<captionCount).map { .caption(UInt16($0)) }
                for view in views {
                    rows.append(EmbeddingRow(ordinal: UInt32(sample), view: view, key: "key\(sample)"))
                    let position = next % max(1, distinct) * dimension
                    vectors += pool[position..<position + dimension]
                    next += 1
                }
            }
            return EmbeddingChunk(
                firstOrdinal: UInt32(first), sampleCount: samples.count, failedOrdinals: failed, rows: rows,
                vectors: vectors)
        }
    }

    /// Writes the embeddings of a shard from start to end.
    static func write(_ chunks: [EmbeddingChunk], header: EmbeddingHeader, folder: String) throws -> EmbeddingSegment {
        var writer = try EmbeddingPartWriter.open(folder: folder, header: header)
        for chunk in chunks[writer.nextChunk...] { try writer.append(chunk) }
        return try EmbeddingSegment(path: try writer.finish())
    }

    /// A shard of an index test.
    static func shard(
        _ name: String, dataset: String = "data", sampleCount: Int, captionCount: Int = 1, dimension: Int,
        seed: UInt64, distinctCount: Int? = nil, content: String = "content", folder: String
    ) throws -> EmbeddingSegment {
        try write(
            chunks(
                sampleCount: sampleCount, captionCount: captionCount, dimension: dimension, seed: seed,
                distinctCount: distinctCount),
            header: header(dataset: dataset, shard: name, dimension: dimension, content: content), folder: folder)
    }
}

/// The answer by definition: every row is scored with the plain twin, and all are sorted.
enum BruteForce {
    struct Row {
        let identity: VectorIdentity
        let halves: [UInt16]
    }

    static func rows(_ embeddings: [EmbeddingSegment]) throws -> [Row] {
        try embeddings.flatMap { segment in
            try (0..<segment.chunkCount).flatMap { index in
                let chunk = try segment.chunk(at: index)
                let dimension = segment.header.dimension
                let halves = HalfPrecision.narrow(chunk.vectors)
                return chunk.rows.enumerated().map { position, row in
                    Row(
                        identity: VectorIdentity(
                            sample: SampleIdentity(
                                dataset: segment.header.dataset, shard: segment.header.shard, ordinal: row.ordinal),
                            view: row.view),
                        halves: Array(halves[position * dimension..<(position + 1) * dimension]))
                }
            }
        }
    }

    static func search(
        _ rows: [Row], request: SearchRequest
    ) -> [[SearchHit]] {
        (0..<request.queryCount).map { query in
            let vector = Array(request.queries[query * request.dimension..<(query + 1) * request.dimension])
            let matching = rows.filter {
                request.kinds.contains($0.identity.view.isVisual ? .images : .captions)
                    && request.filter?.contains($0.identity.sample) != false
            }
            let hits = matching.map { row in
                SearchHit(
                    score: PlainTwin.dot(vector, row.halves), id: row.identity.id, identity: row.identity,
                    key: "key\(row.identity.sample.ordinal)", box: nil)
            }
            return Array(
                hits.sorted { $0.score != $1.score ? $0.score > $1.score : $0.id < $1.id }
                    .prefix(request.neighborCount))
        }
    }
}
