import ByteFormats
import PipelineEngine
import Samples
import TestSupport

@testable import VectorIndex

/// One change of a small index, for tests that stop it or let its file operations fail.
struct IndexChange: Sendable, CustomStringConvertible {
    let description: String
    let run: @Sendable (String) async throws -> Void

    /// Appends, seals, deletes, compacts, merges, adopts, packs, tunes and collects garbage, each on an index that is
    /// ready for it; `materials` is a folder with what they need.
    static func all(materials: String, threadCount: Int = 1) -> [IndexChange] {
        @Sendable func change(_ path: String, _ body: (inout IndexWriter) throws -> Void) throws {
            var writer = try IndexWriter.open(folder: path, space: TestVectors.space, dimension: 4)
            try body(&writer)
        }
        return [
            IndexChange(description: "append") { path in
                let pool = ComputePool(threadCount: threadCount)
                defer { pool.shutdown() }
                var writer = try IndexWriter.open(folder: path, space: TestVectors.space, dimension: 4)
                let vectors = TestVectors.unit(20, dimension: 4, seed: 8)
                try await writer.build(
                    VectorMatrix(
                        rowCount: 20, dimension: 4, identity: ShardIdentity(dataset: "more.npy", shard: ""),
                        firstID: 77, normalizing: false
                    ) { Array(vectors[$0.lowerBound * 4..<$0.upperBound * 4]) }, profile: .std, on: pool)
            },
            IndexChange(description: "seal") { path in
                try change(path) { writer in
                    try writer.seal([
                        try EmbeddingSegment(
                            path: materials + "/e/" + EmbeddingHeader.fileName(dataset: "data", shard: "new"))
                    ])
                }
            },
            IndexChange(description: "delete") { path in
                try change(path) { writer in
                    var filter = RowFilter()
                    filter.insert(ShardIdentity(dataset: "data", shard: "a"), samples: .ordinals([1, 5]))
                    filter.insert(ShardIdentity(dataset: "data", shard: "b"), samples: .ordinals([2]))
                    try writer.delete(.samples(filter))
                }
            },
            IndexChange(description: "compact") { path in try change(path) { try $0.compact(.init(profile: .full)) } },
            IndexChange(description: "merge") { path in try change(path) { try $0.merge([materials + "/other.vlx"]) } },
            IndexChange(description: "adopt") { path in try change(path) { try $0.adopt([materials + "/other.vlx"]) } },
            IndexChange(description: "unpack") { path in try change(path) { try $0.setPacking(isUnpacked: true) } },
            IndexChange(description: "partition") { path in
                let pool = ComputePool(threadCount: threadCount)
                defer { pool.shutdown() }
                var writer = try IndexWriter.open(folder: path, space: TestVectors.space, dimension: 4)
                try await writer.partition(PartitionTests.partitioning(6, bucketByteCount: 1 << 11), on: pool)
            },
            IndexChange(description: "gc") { path in try change(path) { try $0.collectGarbage() } },
        ]
    }

    /// Makes the materials and an index in which every change has something to do.
    ///
    /// - Parameter isPartitioned: whether rows are stored by partition, of what is joined too.
    static func prepare(
        _ folder: TemporaryFolder, isPartitioned: Bool = false
    ) async throws -> (materials: String, index: String) {
        let pool = ComputePool(threadCount: 1)
        defer { pool.shutdown() }
        let partitioning = PartitionTests.partitioning(5)
        let materials = folder.file("materials")
        func shard(_ name: String, _ seed: UInt64) throws -> EmbeddingSegment {
            try TestVectors.shard(name, sampleCount: 12, dimension: 4, seed: seed, folder: materials + "/e")
        }
        let path = folder.file("start.vlx")
        var writer = try IndexWriter.open(folder: path, space: TestVectors.space, dimension: 4)
        try writer.seal([try shard("a", 1), try shard("b", 2)])
        try writer.compact(.init(profile: .std))
        if isPartitioned {
            try await writer.partition(partitioning, on: pool)
            // Codes that are not in partitions yet.
            try writer.seal([try shard("x", 6)])
            try writer.compact(.init(profile: .std))
        }
        var filter = RowFilter()
        filter.insert(ShardIdentity(dataset: "data", shard: "b"), samples: .ordinals([0, 11]))
        try writer.delete(.samples(filter))
        try writer.seal([try shard("c", 3)])
        _ = try shard("new", 5)
        var other = try IndexWriter.open(folder: materials + "/other.vlx", space: TestVectors.space, dimension: 4)
        try other.useCodec(of: path)
        try other.seal([try shard("d", 4)])
        try other.compact(.init(profile: .std))
        if isPartitioned { try await other.partition(partitioning, on: pool) }
        filter = RowFilter()
        filter.insert(ShardIdentity(dataset: "data", shard: "d"), samples: .ordinals([3]))
        try other.delete(.samples(filter))
        return (materials, path)
    }

    /// What an index answers: every row with its score for two queries, or the error it gives.
    static func answer(_ path: String, reading: FileReading = .mapped) async throws -> [[SearchHit]] {
        let pool = ComputePool(threadCount: 1)
        defer { pool.shutdown() }
        let request = SearchRequest(
            space: TestVectors.space, dimension: 4, queries: [0.6, 0.8, 0, 0, 0, -1, 0, 0], neighborCount: 1000,
            kinds: .all)
        return try await IndexReader(folder: path, reading: reading).search(request, on: pool)
    }
}
