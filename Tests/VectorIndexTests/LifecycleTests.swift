import ByteFormats
import PipelineEngine
import Samples
import TestSupport
import Testing

@testable import VectorIndex

/// Deletion, compaction, joining and repair of indexes of every profile.
@Suite struct LifecycleTests {
    private static let dimension = 64

    private func writer(_ path: String) throws -> IndexWriter {
        try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: Self.dimension)
    }

    private func build(
        _ path: String, name: String, count: Int, seed: UInt64, firstID: UInt64 = 0, profile: IndexProfile,
        codecOf other: String? = nil
    ) async throws -> [Float] {
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        let vectors = CodedIndex.clustered(count, dimension: Self.dimension, seed: seed)
        var writer = try writer(path)
        if let other { try writer.useCodec(of: other) }
        try await writer.build(
            VectorMatrix(
                rowCount: count, dimension: Self.dimension, identity: ShardIdentity(dataset: name, shard: ""),
                firstID: firstID, keys: { $0.map { "\(name)/\($0)" } }, normalizing: false
            ) { Array(vectors[$0.lowerBound * Self.dimension..<$0.upperBound * Self.dimension]) },
            profile: profile, on: pool)
        return vectors
    }

    private func hits(_ path: String, _ queries: [Float], k: Int = 20, mode: SearchMode = .exact) async throws
        -> [[SearchHit]]
    {
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        return try await IndexReader(folder: path).search(
            CodedIndex.request(queries, dimension: Self.dimension, k: k), mode: mode, on: pool
        ).hits
    }

    /// Bytes of the segments that the current manifest names.
    private func live(_ path: String) throws -> FolderState {
        let manifest = try #require(try IndexFolder(path: path).currentManifest())
        return Dictionary(
            uniqueKeysWithValues: try manifest.segments.map { ($0.name, try Files.read(path + "/" + $0.name)) })
    }

    /// What is deleted is found no more, everything else as before with the same scores, before and after compaction.
    @Test(arguments: IndexProfile.allCases)
    func deletedRowsAreGone(profile: IndexProfile) async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("i.vlx")
        _ = try await build(path, name: "a", count: 600, seed: 1, profile: profile)
        _ = try await build(path, name: "b", count: 300, seed: 2, firstID: 600, profile: profile)
        let queries = CodedIndex.clustered(8, dimension: Self.dimension, seed: 3)
        let everything = try await hits(path, queries, k: 900)
        let gone = Set((0..<900).map(UInt64.init).filter { $0 % 3 == 0 || (256..<520).contains($0) })
        let expected = everything.map { $0.filter { !gone.contains($0.id) } }
        var index = try writer(path)
        #expect(try index.delete(.ids(gone.filter { $0 % 3 == 0 })) == gone.count { $0 % 3 == 0 })
        let rest = gone.filter { $0 % 3 != 0 }
        #expect(try index.delete(.keys(Set(rest.map { "a/\($0)" }))) == rest.count)
        #expect(try index.delete(.ids(gone)) == 0)
        #expect(index.manifest.rowCount == expected[0].count)
        for k in [5, 900] {
            #expect(try await hits(path, queries, k: k) == expected.map { Array($0.prefix(k)) })
            #expect(
                try await hits(path, queries, k: k, mode: .approximate(poolSize: 900))
                    == expected.map { Array($0.prefix(k)) })
        }
        #expect(try IndexVerification.run(folder: path).isSound)
        let information = try IndexReader(folder: path).information
        #expect(information.deleted == gone.count && information.images == expected[0].count)
        #expect(try index.compact().writtenSegmentCount == 1)
        let compacted = try live(path)
        #expect(!(try index.compact().isPublished))
        #expect(try await hits(path, queries, k: 900) == expected)
        #expect(try IndexVerification.run(folder: path).isSound)
        #expect(index.manifest.segments.allSatisfy { $0.deletion == nil && $0.rowCount == expected[0].count })
        #expect(try IndexReader(folder: path).information.deleted == 0)
        // Packed codes are what they were, and unpacking keeps deletions.
        if profile.isCoded {
            try index.delete(.ids([1, 2]))
            #expect(try index.setPacking(isUnpacked: true) == 1)
            let left = expected.map { $0.filter { $0.id > 2 } }
            #expect(try await hits(path, queries, k: 900) == left)
            #expect(try index.setPacking(isUnpacked: false) == 1)
            #expect(try await hits(path, queries, k: 900) == left && (try live(path)) == compacted)
        }
        // Space comes back.
        let garbage = try index.collectGarbage()
        #expect(garbage.fileCount > 0 && garbage.byteCount > 0)
        #expect(try Folder.names(in: path).filter(IndexFolder.isContent).count == index.manifest.fileNames.count)
    }

    /// Samples are deleted with all their vectors; the shard stays known; the same embeddings bring nothing back.
    @Test func samplesOfEmbeddings() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("i.vlx")
        let shards = try ["a", "b"].map {
            try TestVectors.shard($0, sampleCount: 300, dimension: 8, seed: 4, folder: folder.file("e"))
        }
        var index = try IndexWriter.open(folder: path, space: TestVectors.space, dimension: 8)
        try index.seal(shards)
        var filter = RowFilter()
        filter.insert(ShardIdentity(dataset: "data", shard: "a"), samples: .ordinals([0, 7, 299, 1000]))
        filter.insert(ShardIdentity(dataset: "data", shard: "b"), samples: .all)
        #expect(try index.delete(.samples(filter)) == 6 + 600)
        #expect(try index.compact(.init(profile: .full)).writtenSegmentCount == 1)
        #expect(index.manifest.shards.count == 2 && index.manifest.rowCount == 594)
        #expect(!(try index.seal(shards).isPublished))
        let reader = try IndexReader(folder: path)
        #expect(reader.rowCount(of: .images) == 297 && reader.rowCount(of: .captions) == 297)
        #expect(try IndexVerification.run(folder: path).isSound)
    }

    /// Codes made by compaction from small plain segments equal those of any other way there.
    @Test func condensingGivesCodesOnceThereAreManyRows() async throws {
        let folder = try TemporaryFolder()
        let shards = try (0..<4).map {
            try TestVectors.shard(
                "s\($0)", sampleCount: 1500, dimension: 16, seed: UInt64($0), folder: folder.file("e"))
        }
        var states: [FolderState] = []
        for (number, order) in [[0, 1, 2, 3], [3, 1, 0, 2]].enumerated() {
            let path = folder.file("\(number).vlx")
            var index = try IndexWriter.open(folder: path, space: TestVectors.space, dimension: 16)
            for shard in order {
                try index.seal([shards[shard]])
                #expect(try !index.condense().isPublished || index.manifest.segments.count == 1)
                let isCoded = try IndexReader(folder: path).information.profiles == ["full"]
                #expect(isCoded == (index.manifest.rowCount >= IndexWriter.codedRowCount))
            }
            states.append(try live(path))
            #expect(try IndexVerification.run(folder: path).isSound)
            let rows = try BruteForce.rows(shards)
            let request = SearchRequest(
                space: TestVectors.space, dimension: 16, queries: TestVectors.unit(5, dimension: 16, seed: 9),
                neighborCount: 30)
            let pool = ComputePool(threadCount: 2)
            defer { pool.shutdown() }
            #expect(
                try await IndexReader(folder: path).search(request, on: pool)
                    == BruteForce.search(rows, request: request))
        }
        #expect(states[0] == states[1] && states[0].count == 1)
    }

    /// Independent writers with one codec: adopting and merging in any order give the same answers, merging the same
    /// bytes.
    @Test(arguments: IndexProfile.allCases)
    func joiningIndexes(profile: IndexProfile) async throws {
        let folder = try TemporaryFolder()
        let (a, b) = (folder.file("a.vlx"), folder.file("b.vlx"))
        _ = try await build(a, name: "a", count: 500, seed: 1, profile: profile)
        _ = try await build(
            b, name: "b", count: 280, seed: 2, firstID: 1000, profile: profile,
            codecOf: profile.isCoded ? a : nil)
        do {
            var index = try writer(b)
            try index.delete(.ids([1000, 1100]))
        }
        let queries = CodedIndex.clustered(8, dimension: Self.dimension, seed: 3)
        var merged: [FolderState] = []
        var answers: [[[SearchHit]]] = []
        for (number, order) in [[a, b], [b, a]].enumerated() {
            var index = try writer(folder.file("m\(number).vlx"))
            #expect(try index.merge(order).sealed.count == 2)
            #expect(index.manifest.rowCount == 778 && index.manifest.segments.count == 1)
            #expect(!(try index.merge([a]).isPublished))
            merged.append(try live(folder.file("m\(number).vlx")))
            answers.append(try await hits(folder.file("m\(number).vlx"), queries))
            var adopting = try writer(folder.file("d\(number).vlx"))
            #expect(try adopting.adopt(order).sealed.count == 2)
            #expect(adopting.manifest.rowCount == 778 && adopting.manifest.nextID == 1280)
            #expect(try adopting.adopt([b]).unchanged.count == 1)
            answers.append(try await hits(folder.file("d\(number).vlx"), queries))
            try adopting.compact()
            answers.append(try await hits(folder.file("d\(number).vlx"), queries))
            merged.append(try live(folder.file("d\(number).vlx")))
            for name in ["m", "d"] {
                #expect(try IndexVerification.run(folder: folder.file("\(name)\(number).vlx")).isSound)
            }
        }
        #expect(answers.allSatisfy { $0 == answers[0] } && merged.allSatisfy { $0 == merged[0] })
        // What is adopted is not part of the other index any more.
        try TestFiles.remove(a)
        #expect(try await hits(folder.file("d0.vlx"), queries) == answers[0])
    }

    @Test func whatCannotBeJoinedIsRefused() async throws {
        let folder = try TemporaryFolder()
        let (a, b, c) = (folder.file("a.vlx"), folder.file("b.vlx"), folder.file("c.vlx"))
        _ = try await build(a, name: "a", count: 40, seed: 1, profile: .std)
        _ = try await build(b, name: "b", count: 40, seed: 2, firstID: 39, profile: .std, codecOf: a)
        _ = try await build(c, name: "a", count: 40, seed: 3, firstID: 100, profile: .full)
        func refusal(_ paths: [String], merging: Bool) throws -> VectorIndexError? {
            var index = try writer(folder.file("x.vlx"))
            return #expect(throws: VectorIndexError.self) {
                _ = merging ? try index.merge(paths) : try index.adopt(paths)
            }
        }
        for merging in [false, true] {
            #expect(try refusal([a, b], merging: merging)?.code == .idCollision)
            #expect(try refusal([a, c], merging: merging)?.code == .invalidRows)
            #expect(try refusal([folder.file("no")], merging: merging)?.code == .notFound)
            #expect(try !Folder.names(in: folder.file("x.vlx")).contains { $0.hasSuffix(".vsx") })
        }
        // Another codec: only rows with vectors can follow.
        let d = folder.file("d.vlx")
        _ = try await build(d, name: "d", count: 40, seed: 4, firstID: 200, profile: .full)
        #expect(try refusal([a, d], merging: false)?.message.contains("codec") == true)
        #expect(try refusal([d, a], merging: true)?.message.contains("codec") == true)
        var index = try writer(folder.file("y.vlx"))
        try index.merge([a, d])
        #expect(index.manifest.rowCount == 80 && index.manifest.segments.count == 2)
        #expect(try IndexVerification.run(folder: folder.file("y.vlx")).isSound)
    }

    /// A flipped byte costs one group, a lost codec the codes, a lost manifest nothing.
    @Test(arguments: [IndexProfile.plain, .std, .full])
    func repair(profile: IndexProfile) async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("i.vlx")
        _ = try await build(path, name: "a", count: 700, seed: 1, profile: profile)
        _ = try await build(path, name: "b", count: 300, seed: 2, firstID: 700, profile: profile)
        do {
            var index = try writer(path)
            try index.delete(.ids([5, 600, 999]))
        }
        let sound = try Files.state(of: path)
        let whole = try IndexWriter.repair(folder: path)
        #expect(whole.wasSound && whole.wholeSegmentCount == 2 && whole.rowCount == 997)
        #expect(try Files.state(of: path) == sound)
        let manifest = try #require(try IndexFolder(path: path).currentManifest())
        let big = try #require(manifest.segments.first { $0.rowCount == 700 })
        let queries = CodedIndex.clustered(8, dimension: Self.dimension, seed: 3)
        let before = try await hits(path, queries, k: 1000)
        // One byte of the second group.
        let segment = try IndexFolder(path: path).open(big)
        let frame = segment.table.groups[1].frame(profile.isCoded ? .high : .vectors)
        var bytes = try #require(sound[big.name])
        bytes[Int(frame.byteOffset) + 3] ^= 1
        try Files.write(bytes, to: path + "/" + big.name)
        let mended = try IndexWriter.repair(folder: path)
        #expect(mended.lostRowCount == 256 && mended.mendedSegmentCount == 1 && mended.rowCount == 741)
        #expect(mended.incompleteShards == [ShardIdentity(dataset: "a", shard: "")])
        #expect(try await hits(path, queries, k: 1000) == before.map { $0.filter { !(256..<512).contains($0.id) } })
        do {
            var index = try writer(path)
            try index.collectGarbage()
        }
        #expect(try IndexVerification.run(folder: path).isSound)
        // All manifests are gone.
        try Files.restore(sound, to: path)
        for name in sound.keys where name.hasPrefix(IndexManifest.filePrefix) {
            try Files.write([1, 2], to: path + "/" + name)
        }
        let found = try IndexWriter.repair(folder: path)
        #expect(found.rowCount == 997 && found.lostRowCount == 0 && !found.wasSound)
        #expect(try await hits(path, queries, k: 1000) == before)
        // The codec is gone.
        try Files.restore(sound, to: path)
        guard let codec = sound.keys.first(where: { $0.hasPrefix(VectorCodec.filePrefix) }) else { return }
        try Files.write([], to: path + "/" + codec)
        let plain = try IndexWriter.repair(folder: path)
        #expect(plain.rowCount == (profile == .full ? 997 : 0))
        let left = try await hits(path, queries, k: 1000)
        #expect(left == (profile == .full ? before : before.map { _ in [] }))
    }
}
