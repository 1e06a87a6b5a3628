import ByteFormats
import PipelineEngine
import Samples
import TestSupport
import Testing

@testable import VectorIndex

@Suite struct IndexWriterTests {
    private static let dimension = 4

    private func shard(
        _ name: String, _ count: Int, seed: UInt64 = 1, content: String = "content", in folder: TemporaryFolder,
        under embeddings: String = "embeddings"
    ) throws -> EmbeddingSegment {
        try TestVectors.shard(
            name, sampleCount: count, dimension: Self.dimension, seed: seed, content: content,
            folder: folder.file(embeddings))
    }

    private func open(_ path: String) throws -> IndexWriter {
        try IndexWriter.open(folder: path, space: TestVectors.space, dimension: Self.dimension)
    }

    /// The live files of an index: name and bytes of each segment that the current manifest names.
    private func live(_ path: String) throws -> FolderState {
        guard let manifest = try IndexFolder(path: path).currentManifest() else { return [:] }
        var state: FolderState = [:]
        for segment in manifest.segments { state[segment.name] = try Files.read(path + "/" + segment.name) }
        return state
    }

    @Test func sealingIsIdempotentAndReplaces() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("index.vlx")
        let first = try shard("a", 30, in: folder)
        let second = try shard("b", 20, in: folder)
        var writer = try open(path)
        #expect(try writer.seal([first, second]).sealed.count == 2)
        let generation = writer.manifest.generation
        let again = try writer.seal([second, first])
        #expect(again.unchanged.count == 2 && !again.isPublished && writer.manifest.generation == generation)
        let before = try live(path)
        let changed = try shard("b", 25, seed: 2, content: "new", in: folder)
        #expect(try writer.seal([changed]).sealed == [ShardIdentity(dataset: "data", shard: "b")])
        #expect(writer.manifest.rowCount == 30 * 2 + 25 * 2)
        let after = try live(path)
        #expect(after.count == 2 && Set(before.keys).intersection(after.keys).count == 1)
        #expect(
            writer.manifest.shards[ShardIdentity(dataset: "data", shard: "b")]?.shardDigest
                == Digest(hashing: "new"))
        let removed = try writer.synchronize(with: [changed])
        #expect(removed.removed == [ShardIdentity(dataset: "data", shard: "a")])
        #expect(removed.unchanged.count == 1 && writer.manifest.rowCount == 50)
        #expect(!(try writer.remove([ShardIdentity(dataset: "data", shard: "a")]).isPublished))
        #expect(throws: VectorIndexError.self) { try writerRefusesTwins(folder) }
        #expect(try IndexVerification.run(folder: path).isSound)
    }

    private func writerRefusesTwins(_ folder: TemporaryFolder) throws {
        var writer = try open(folder.file("twins.vlx"))
        try writer.seal([try shard("a", 3, in: folder), try shard("a", 4, in: folder, under: "more")])
    }

    @Test func removingAShardFromAMergedSegmentEqualsNeverHavingHadIt() throws {
        let folder = try TemporaryFolder()
        let shards = try ["a", "b", "c"].map { try shard($0, 300, seed: UInt64($0.utf8.first ?? 0), in: folder) }
        var writer = try open(folder.file("index.vlx"))
        try writer.seal(shards)
        #expect(try writer.compact().writtenSegmentCount == 1)
        #expect(writer.manifest.segments.count == 1)
        #expect(!(try writer.compact().isPublished))
        try writer.remove([ShardIdentity(dataset: "data", shard: "b")])
        var other = try open(folder.file("other.vlx"))
        try other.seal([shards[2]])
        try other.seal([shards[0]])
        try other.compact()
        #expect(try live(folder.file("index.vlx")) == live(folder.file("other.vlx")))
    }

    @Test func segmentsAreAFunctionOfTheirRows() throws {
        let folder = try TemporaryFolder()
        let shards = try (0..<5).map { try shard("s\($0)", 40 + $0, seed: UInt64($0), in: folder) }
        var states: [FolderState] = []
        for (number, order) in [[0, 1, 2, 3, 4], [4, 2, 0, 3, 1]].enumerated() {
            let path = folder.file("\(number).vlx")
            var writer = try open(path)
            for index in order {
                try writer.seal([shards[index]])
                if index == 2 { try writer.compact() }
            }
            try writer.compact()
            states.append(try live(path))
        }
        #expect(states[0] == states[1] && states[0].count == 1)
    }

    @Test func largeShardsStayApartAndAreCompressed() throws {
        let folder = try TemporaryFolder()
        let large = try shard("b", 35_000, in: folder)
        let small = try shard("a", 10, in: folder)
        let last = try shard("c", 10, in: folder)
        var writer = try open(folder.file("index.vlx"))
        try writer.seal([large, small, last])
        try writer.compact()
        // a and b fill the first segment past 65,536 rows, c starts the next; c's is kept as it was.
        #expect(writer.manifest.segments.map { $0.shards.map(\.identity.shard) } == [["a", "b"], ["c"]])
        let segment = try IndexSegment(folder: folder.file("index.vlx"), name: writer.manifest.segments[0].name)
        #expect(segment.table.groups.allSatisfy { $0.frame(.vectors).codec == .byteSplitRuns })
        #expect(writer.manifest.rowCount == 70_040)
        #expect(try IndexVerification.run(folder: folder.file("index.vlx")).isSound)
    }

    @Test func secondWriterIsBusyAndReadersAreNot() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("index.vlx")
        var writer = try open(path)
        try writer.seal([try shard("a", 3, in: folder)])
        let error = #expect(throws: VectorIndexError.self) { _ = try open(path).manifest }
        #expect(error?.code == .busy)
        let reader = try IndexReader(folder: path)
        try writer.seal([try shard("b", 3, in: folder)])
        #expect(reader.rowCount == 6 && writer.manifest.rowCount == 12)
    }

    @Test func otherSpacesAreRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("index.vlx")
        var writer = try open(path)
        try writer.seal([try shard("a", 3, in: folder)])
        let foreign = try TestVectors.write(
            TestVectors.chunks(sampleCount: 2, dimension: 4, seed: 1),
            header: TestVectors.header(dimension: 4, space: TestVectors.otherSpace), folder: folder.file("foreign"))
        do {
            try writer.seal([foreign])
            Issue.record("accepted")
        } catch let error as VectorIndexError {
            #expect(error.code == .spaceMismatch)
            for space in [TestVectors.space, TestVectors.otherSpace] { #expect(error.message.contains("\(space)")) }
        }
        _ = consume writer
        for (space, dimension) in [(TestVectors.otherSpace, 4), (TestVectors.space, 5)] {
            let error = #expect(throws: VectorIndexError.self) {
                _ = try IndexWriter.open(folder: path, space: space, dimension: dimension).manifest
            }
            #expect(error?.code == .spaceMismatch)
        }
    }

    @Test func oldReadersKeepWorkingAndOldFilesGo() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("index.vlx")
        var writer = try open(path)
        try writer.seal([try shard("a", 300, in: folder)])
        let reader = try IndexReader(folder: path)
        for number in 0..<6 {
            try writer.seal([try shard("b", 5 + number, content: "\(number)", in: folder)])
            try writer.compact()
        }
        let names = try Folder.names(in: path)
        #expect(names.filter { $0.hasPrefix("MANIFEST-") }.count == 3)
        var named: Set<String> = []
        for generation in try IndexFolder(path: path).generations() {
            named.formUnion(try IndexFolder(path: path).manifest(generation: generation).segments.map(\.name))
        }
        #expect(Set(names.filter { $0.hasSuffix(".vsx") }) == named)
        let pool = ComputePool(threadCount: 1)
        let request = SearchRequest(
            space: TestVectors.space, dimension: 4, queries: [1, 0, 0, 0], neighborCount: 3)
        #expect(try await reader.search(request, on: pool).first?.count == 3)
        pool.shutdown()
    }

    @Test func killedBetweenAnyTwoStepsConverges() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("index.vlx")
        let old = [try shard("a", 30, in: folder), try shard("b", 20, in: folder), try shard("c", 5, in: folder)]
        let changed = try shard("b", 22, seed: 3, content: "new", in: folder, under: "more")
        let added = try shard("d", 9, in: folder)
        do {
            var writer = try open(path)
            try writer.seal(old)
            try writer.compact()
        }
        let start = try Files.state(of: path)
        let change = { [self] in
            var writer = try open(path)
            try writer.synchronize(with: [old[0], changed, added])
            try writer.compact()
        }
        let states = try Files.states(of: path, during: change)
        let expected = try live(path)
        #expect(states.count > 12 && states.first?.count == start.count)
        for (index, state) in states.enumerated() {
            try Files.restore(state, to: path)
            // Whoever reads now sees a whole index.
            let reader = try IndexReader(folder: path)
            #expect([110, 122].contains(reader.rowCount), "state \(index): \(reader.rowCount) rows")
            try change()
            #expect(try live(path) == expected, "state \(index)")
            #expect(try IndexVerification.run(folder: path).isSound, "state \(index)")
            #expect(!(try Folder.names(in: path).contains { $0.hasSuffix(".tmp") }), "state \(index)")
        }
    }

    @Test func matricesOfAnyOrigin() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("index.vlx")
        let vectors = TestVectors.unit(5000, dimension: 4, seed: 6)
        let doubled = vectors.map { $0 * 2 }
        let identity = ShardIdentity(dataset: "x.npy", shard: "")
        var writer = try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: 4)
        let matrix = VectorMatrix(
            rowCount: 5000, dimension: 4, identity: identity, keys: { $0.map { "key \($0)" } }, normalizing: true
        ) { Array(doubled[$0.lowerBound * 4..<$0.upperBound * 4]) }
        let pool = ComputePool(threadCount: 2)
        try await writer.build(matrix, profile: .plain, on: pool)
        try await writer.build(matrix, profile: .plain, on: pool)
        let reader = try IndexReader(folder: path)
        #expect(reader.rowCount == 5000)
        let request = SearchRequest(
            space: VectorMatrix.space, dimension: 4, queries: Array(vectors[4 * 4321..<4 * 4322]), neighborCount: 1)
        let hit = try #require(try await reader.search(request, on: pool).first?.first)
        #expect(hit.id == 4321 && hit.key == "key 4321" && hit.identity.sample.ordinal == 4321)
        #expect(try IndexVerification.run(folder: path).isSound)
        for (value, normalizing) in [(Float(0), true), (.nan, true), (.infinity, true), (0.3, false), (.nan, false)] {
            let bad = VectorMatrix(
                rowCount: 2, dimension: 4, identity: identity, ids: [7, 9], normalizing: normalizing
            ) { range in Array(([1, 0, 0, 0, value, 0, 0, 0] as [Float])[range.lowerBound * 4..<range.upperBound * 4]) }
            do {
                try await writer.build(bad, profile: .plain, on: pool)
                Issue.record("\(value) was accepted")
            } catch let error as VectorIndexError {
                #expect(error.code == .invalidVector && error.message.contains("row 1"), "\(error)")
            }
        }
        #expect(try Folder.names(in: path).allSatisfy { !$0.hasSuffix(".tmp") })
        pool.shutdown()
    }
}
