import ByteFormats
import PipelineEngine
import Samples
import TestSupport
import Testing

@testable import VectorIndex

@Suite struct SearchTests {
    static let dimension = 24

    /// Three shards with many equal vectors, and one large enough to be compressed.
    private func makeIndex(
        _ folder: TemporaryFolder, isLarge: Bool = false
    ) throws -> (index: String, embeddings: [EmbeddingSegment]) {
        var embeddings: [EmbeddingSegment] = []
        for (number, count) in [300, 1, 517].enumerated() {
            embeddings.append(
                try TestVectors.shard(
                    "\(number).tar", sampleCount: count, captionCount: number, dimension: Self.dimension,
                    seed: UInt64(number % 2), distinctCount: 40, folder: folder.file("embeddings")))
        }
        if isLarge {
            embeddings.append(
                try TestVectors.shard(
                    "large.tar", sampleCount: 6000, captionCount: 1, dimension: Self.dimension, seed: 9,
                    distinctCount: 3000, folder: folder.file("embeddings")))
        }
        var writer = try IndexWriter.open(
            folder: folder.file("index.vlx"), space: TestVectors.space, dimension: Self.dimension)
        let change = try writer.seal(embeddings)
        #expect(change.sealed.count == embeddings.count)
        return (folder.file("index.vlx"), embeddings)
    }

    private func request(
        _ queryCount: Int, k: Int, kinds: VectorKinds = .images, filter: RowFilter? = nil, seed: UInt64 = 77
    ) -> SearchRequest {
        SearchRequest(
            space: TestVectors.space, dimension: Self.dimension,
            queries: TestVectors.unit(queryCount, dimension: Self.dimension, seed: seed), neighborCount: k,
            kinds: kinds,
            filter: filter)
    }

    @Test(arguments: [VectorKinds.images, .captions, .all], [1, 10, 5000])
    func equalsBruteForceWithTies(kinds: VectorKinds, k: Int) async throws {
        let folder = try TemporaryFolder()
        let (path, embeddings) = try makeIndex(folder)
        let rows = try BruteForce.rows(embeddings)
        let pool = ComputePool(threadCount: 2)
        // Queries that are stored vectors tie at the very top.
        let stored = HalfPrecision.widen(rows[3].halves)
        let asked = SearchRequest(
            space: TestVectors.space, dimension: Self.dimension,
            queries: TestVectors.unit(3, dimension: Self.dimension, seed: 4) + stored, neighborCount: k, kinds: kinds)
        let hits = try await IndexReader(folder: path).search(asked, on: pool)
        #expect(hits == BruteForce.search(rows, request: asked))
        pool.shutdown()
    }

    @Test func compressedSegmentsCacheThreadsAndBatchesGiveTheSame() async throws {
        let folder = try TemporaryFolder()
        let (path, embeddings) = try makeIndex(folder, isLarge: true)
        let rows = try BruteForce.rows(embeddings)
        let asked = request(70, k: 17, kinds: .all)
        let expected = BruteForce.search(rows, request: asked)
        for threadCount in [1, 2, 3] {
            let pool = ComputePool(threadCount: threadCount)
            for cacheByteCount in [0, 200_000, 1 << 30] {
                let reader = try IndexReader(folder: path, cacheByteCount: cacheByteCount)
                for _ in 0..<2 {
                    #expect(try await reader.search(asked, on: pool) == expected, "\(threadCount) threads")
                }
            }
            let reader = try IndexReader(folder: path)
            for query in [0, 69] {
                let one = SearchRequest(
                    space: asked.space, dimension: asked.dimension,
                    queries: Array(asked.queries[query * Self.dimension..<(query + 1) * Self.dimension]),
                    neighborCount: 17, kinds: .all)
                #expect(try await reader.search(one, on: pool) == [expected[query]])
            }
            pool.shutdown()
        }
        // How rows are spread over segments does not matter either.
        var writer = try IndexWriter.open(folder: path, space: TestVectors.space, dimension: Self.dimension)
        #expect(try writer.compact().writtenSegmentCount == 1)
        let pool = ComputePool(threadCount: 2)
        #expect(try await IndexReader(folder: path).search(asked, on: pool) == expected)
        pool.shutdown()
    }

    @Test func manyQueriesInSeveralPasses() async throws {
        let folder = try TemporaryFolder()
        let (path, embeddings) = try makeIndex(folder)
        let asked = request(1100, k: 2)
        let pool = ComputePool(threadCount: 2)
        let hits = try await IndexReader(folder: path).search(asked, on: pool)
        #expect(hits == BruteForce.search(try BruteForce.rows(embeddings), request: asked))
        pool.shutdown()
    }

    @Test func filtersLetThroughExactlyTheirRows() async throws {
        let folder = try TemporaryFolder()
        let (path, embeddings) = try makeIndex(folder, isLarge: true)
        let rows = try BruteForce.rows(embeddings)
        let reader = try IndexReader(folder: path)
        let pool = ComputePool(threadCount: 2)
        var generator = SeededGenerator(seed: 8)
        var filters: [RowFilter] = [
            RowFilter(), RowFilter(shards: [ShardIdentity(dataset: "data", shard: "1.tar")]),
            RowFilter(shards: [ShardIdentity(dataset: "other", shard: "1.tar")]),
            RowFilter(shards: embeddings.map { ShardIdentity(dataset: "data", shard: $0.header.shard) }),
        ]
        for share in [0.0001, 0.01, 0.5] {
            var filter = RowFilter()
            for embedding in embeddings {
                let ordinals = (0..<UInt32(embedding.sampleCount)).filter { _ in generator.uniform() < share }
                filter.insert(
                    ShardIdentity(dataset: "data", shard: embedding.header.shard),
                    samples: .ordinals(ordinals.reversed()))
            }
            filters.append(filter)
        }
        var mixed = RowFilter()
        mixed.insert(ShardIdentity(dataset: "data", shard: "0.tar"), samples: .ordinals([299, 7, 100_000]))
        mixed.insert(ShardIdentity(dataset: "data", shard: "2.tar"), samples: .all)
        mixed.insert(ShardIdentity(dataset: "data", shard: "2.tar"), samples: .ordinals([1]))
        filters.append(mixed)
        for (number, filter) in filters.enumerated() {
            for kinds in [VectorKinds.images, .all] {
                let asked = request(2, k: 50, kinds: kinds, filter: filter)
                let hits = try await reader.search(asked, on: pool)
                #expect(hits == BruteForce.search(rows, request: asked), "filter \(number)")
                let matching = rows.filter {
                    filter.contains($0.identity.sample)
                        && kinds.contains($0.identity.view.isVisual ? .images : .captions)
                }
                #expect(hits.allSatisfy { $0.count == min(50, matching.count) }, "filter \(number)")
            }
        }
        pool.shutdown()
    }

    @Test func emptyRequestsAndIndexes() async throws {
        let folder = try TemporaryFolder()
        let (path, _) = try makeIndex(folder)
        let pool = ComputePool(threadCount: 2)
        let reader = try IndexReader(folder: path)
        #expect(try await reader.search(request(0, k: 5), on: pool) == [])
        #expect(try await reader.search(request(2, k: 0), on: pool) == [[], []])
        var writer = try IndexWriter.open(folder: path, space: TestVectors.space, dimension: Self.dimension)
        try writer.synchronize(with: [])
        let empty = try IndexReader(folder: path)
        #expect(empty.rowCount == 0 && empty.manifest.segments.isEmpty)
        #expect(try await empty.search(request(1, k: 5), on: pool) == [[]])
        #expect(empty.information.bytesPerVector == 0)
        pool.shutdown()
    }

    @Test func otherSpacesDimensionsAndValuesAreRefused() async throws {
        let folder = try TemporaryFolder()
        let (path, _) = try makeIndex(folder)
        let pool = ComputePool(threadCount: 1)
        let reader = try IndexReader(folder: path)
        let queries = TestVectors.unit(1, dimension: Self.dimension, seed: 1)
        let otherSpace = SearchRequest(
            space: TestVectors.otherSpace, dimension: Self.dimension, queries: queries, neighborCount: 1)
        let spaceError = await #expect(throws: VectorIndexError.self) { try await reader.search(otherSpace, on: pool) }
        #expect(spaceError?.code == .spaceMismatch)
        for space in [TestVectors.space, TestVectors.otherSpace] {
            #expect(spaceError?.message.contains(space.digest.hexadecimal) == true)
        }
        let otherDimension = SearchRequest(
            space: TestVectors.space, dimension: 12, queries: queries, neighborCount: 1)
        let error = await #expect(throws: VectorIndexError.self) { try await reader.search(otherDimension, on: pool) }
        #expect(error?.code == .spaceMismatch)
        for value in [Float.nan, .infinity, -.infinity, .greatestFiniteMagnitude] {
            let bad = SearchRequest(
                space: TestVectors.space, dimension: Self.dimension,
                queries: queries + [Float](repeating: value, count: Self.dimension), neighborCount: 1)
            let error = await #expect(throws: VectorIndexError.self) { try await reader.search(bad, on: pool) }
            #expect(error?.code == .invalidVector && error?.message.contains("query 1") == true)
        }
        pool.shutdown()
    }

    @Test func cancellationEndsASearch() async throws {
        let folder = try TemporaryFolder()
        let (path, _) = try makeIndex(folder)
        let reader = try IndexReader(folder: path)
        let asked = request(1, k: 1)
        let task = Task {
            // Not started before it is cancelled: the task waits for its own cancellation.
            while !Task.isCancelled { await Task.yield() }
            let pool = ComputePool(threadCount: 1)
            defer { pool.shutdown() }
            return try await reader.search(asked, on: pool)
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func informationAddsUp() throws {
        let folder = try TemporaryFolder()
        let (path, embeddings) = try makeIndex(folder, isLarge: true)
        let information = try IndexReader(folder: path).information
        #expect(information.rows == embeddings.reduce(0) { $0 + $1.rowCount })
        #expect(information.rows == information.images + information.captions)
        #expect(information.sections.values.reduce(0, +) == information.bytes)
        #expect(Set(information.sections.keys) == ["vectors", "ids", "identity", "keys", "table"])
        #expect(information.sections["ids"] == information.rows * 8)
        let withoutKeys = information.bytes - (information.sections["keys"] ?? 0)
        #expect(information.bytesPerVector == Double(withoutKeys) / Double(information.rows))
        #expect(information.shards == 4 && information.segments == 4 && information.dimensions == Self.dimension)
    }
}
