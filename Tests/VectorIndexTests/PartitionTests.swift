import ByteFormats
import CKernels
import PipelineEngine
import Samples
import TestSupport
import Testing

@testable import VectorIndex

/// Indexes stored by partition: the same rows in another order, and approximate searches that leave most of them out.
@Suite struct PartitionTests {
    static func partitioning(_ rowCount: Int, bucketByteCount: Int = 1 << 16) -> IndexWriter.Partitioning {
        var partitioning = IndexWriter.Partitioning(
            partitionRowCount: rowCount, minimumRowCount: 1, includesPartitioned: true)
        partitioning.bucketByteCount = bucketByteCount
        return partitioning
    }

    @discardableResult
    private func partition(
        _ path: String, rowCount: Int, space: SpaceFingerprint = VectorMatrix.space, dimension: Int,
        threadCount: Int = 2, bucketByteCount: Int = 1 << 16
    ) async throws -> IndexWriter.Change {
        let pool = ComputePool(threadCount: threadCount)
        defer { pool.shutdown() }
        var writer = try IndexWriter.open(folder: path, space: space, dimension: dimension)
        return try await writer.partition(Self.partitioning(rowCount, bucketByteCount: bucketByteCount), on: pool)
    }

    private func search(
        _ path: String, _ request: SearchRequest, mode: SearchMode, reading: FileReading = .mapped,
        threadCount: Int = 2,
        level: Int32 = vlm_scan_level(), upperCodeByteCount: Int = SearchEffort.upperCodeByteCount
    ) async throws -> SearchAnswer {
        let pool = ComputePool(threadCount: threadCount)
        defer { pool.shutdown() }
        let reader = try IndexReader(
            folder: path, cacheByteCount: 0, reading: reading, scanLevel: level, upperCodeByteCount: upperCodeByteCount)
        return try await reader.search(request, mode: mode, on: pool)
    }

    /// Exact answers are those of before, ties included, whatever the order of the rows; all bytes are sound.
    @Test(arguments: [IndexProfile.lite, .std, .full], [1, 257, 6000])
    func exactAnswersStay(profile: IndexProfile, count: Int) async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("i.vlx")
        let half = CodedIndex.clustered((count + 1) / 2, dimension: 96, seed: 1)
        // The second half repeats the first, so that every score ties.
        let vectors = Array((half + half).prefix(count * 96))
        try await CodedIndex.build(vectors, dimension: 96, profile: profile, isUnpacked: count == 257, at: path)
        let queries = CodedIndex.clustered(8, dimension: 96, seed: 2) + TestVectors.unit(4, dimension: 96, seed: 3)
        let request = CodedIndex.request(queries, dimension: 96, k: 25)
        let before = try await search(path, request, mode: .exact)
        #expect(try await partition(path, rowCount: 40, dimension: 96).writtenSegmentCount == 1)
        let information = try IndexReader(folder: path).information
        #expect(information.partitionedRows == count && information.partitions >= (count + 159) / 160)
        #expect(information.isUnpacked == (count == 257))
        for reading in FileReading.allCases {
            #expect(try await search(path, request, mode: .exact, reading: reading) == before)
            // Everything is looked at: what is found is what there is.
            let all = try await search(
                path, request, mode: .approximate(poolSize: count, rowBudget: count), reading: reading)
            #expect(all.hits.map { $0.map(\.score) } == before.hits.map { $0.map(\.score) })
        }
        let check = try IndexVerification.run(folder: path)
        #expect(check.isSound && check.rowCount >= count, "\(check.findings)")
        // Doing it again changes nothing.
        #expect(try await !partition(path, rowCount: 40, dimension: 96).isPublished)
    }

    /// One answer, however it is computed, from signs and from upper codes, with and without rows that are in no partition.
    @Test(arguments: [IndexProfile.lite, .std, .full], [0, SearchEffort.upperCodeByteCount])
    func answersDoNotDependOnTheMachine(profile: IndexProfile, upperCodeByteCount: Int) async throws {
        let folder = try TemporaryFolder()
        let dimension = 72
        let queries = CodedIndex.clustered(20, dimension: dimension, seed: 6)
        let request = CodedIndex.request(queries, dimension: dimension, k: 9)
        let mode = SearchMode.approximate(poolSize: 30, rowBudget: 400)
        var answers: [[[SearchHit]]] = []
        for isUnpacked in [true, false] {
            let path = folder.file("\(isUnpacked).vlx")
            try await CodedIndex.build(
                CodedIndex.clustered(2100, dimension: dimension, seed: 4), dimension: dimension, profile: profile,
                isUnpacked: isUnpacked, at: path)
            try await partition(path, rowCount: 50, dimension: dimension)
            try await CodedIndex.build(
                CodedIndex.clustered(300, dimension: dimension, seed: 5), dimension: dimension, profile: profile,
                isUnpacked: isUnpacked, at: path, name: "y.npy", firstID: 2100)
            for level in 0...vlm_scan_level() {
                for reading in FileReading.allCases {
                    let answer = try await search(
                        path, request, mode: mode, reading: reading, level: level,
                        upperCodeByteCount: upperCodeByteCount)
                    #expect(answer.rowBudget == 400)
                    answers.append(answer.hits)
                }
            }
            for threadCount in [1, 3] {
                var hits: [[SearchHit]] = []
                for query in 0..<20 {
                    let one = Array(queries[query * dimension..<(query + 1) * dimension])
                    hits += try await search(
                        path, CodedIndex.request(one, dimension: dimension, k: 9), mode: mode, threadCount: threadCount,
                        upperCodeByteCount: upperCodeByteCount
                    ).hits
                }
                answers.append(hits)
            }
        }
        #expect(answers.count >= 10 && answers.allSatisfy { $0 == answers[0] })
        print("\(answers.count) ways of searching partitions gave the same answers (\(profile))")
    }

    /// Rows of a partition are neighbours: a small budget finds most of what is near.
    @Test(arguments: [0, SearchEffort.upperCodeByteCount])
    func smallBudgetsFindMost(upperCodeByteCount: Int) async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("i.vlx")
        let vectors = CodedIndex.clustered(8000, dimension: 64, seed: 1, spread: 0.9)
        try await CodedIndex.build(vectors, dimension: 64, profile: .full, at: path)
        try await partition(path, rowCount: 60, dimension: 64)
        let queries = CodedIndex.clustered(50, dimension: 64, seed: 2, spread: 0.9)
        let request = CodedIndex.request(queries, dimension: 64, k: 10)
        let truth = try await search(path, request, mode: .exact).hits
        var last = 0.0
        var recalls: [Double] = []
        for budget in [160, 800, 2400, 8000] {
            let mode = SearchMode.approximate(poolSize: 400, rowBudget: budget)
            let answer = try await search(path, request, mode: mode, upperCodeByteCount: upperCodeByteCount)
            #expect(answer.mode == "approx" && answer.rowBudget == (budget == 8000 ? nil : budget))
            let found = zip(answer.hits, truth).reduce(0) {
                $0 + Set($1.0.map(\.id)).intersection($1.1.map(\.id)).count
            }
            let recall = Double(found) / 500
            #expect(recall >= last - 0.02, "budget \(budget)")
            last = recall
            recalls.append(recall)
            // One by one, on one thread, as all together on two.
            for query in [0, 17] {
                let one = CodedIndex.request(Array(queries[query * 64..<(query + 1) * 64]), dimension: 64, k: 10)
                let hits = try await search(
                    path, one, mode: mode, threadCount: 1, upperCodeByteCount: upperCodeByteCount
                ).hits
                #expect(hits == [answer.hits[query]])
            }
        }
        print("recall of 2, 10, 30, 100 % of 8,000 clustered rows: \(recalls)")
        // Of everything, the pool holds what signs take for near; of what lies near, more is right.
        #expect(recalls[0] > 0.7 && recalls.dropFirst().allSatisfy { $0 > 0.95 }, "\(recalls)")
        // Four bits leave out less than one: 0.998 of what the partitions hold, where signs leave 0.982.
        #expect((recalls[2] > 0.99) == (upperCodeByteCount > 0), "\(recalls)")
    }

    /// The bytes depend neither on the number of threads nor on how many rows are divided at once being met by chance.
    @Test func bytesAreThoseOfTheRows() async throws {
        let folder = try TemporaryFolder()
        let vectors = CodedIndex.clustered(3000, dimension: 70, seed: 4)
        var names: Set<[String]> = []
        for threadCount in [1, 2, 3] {
            let path = folder.file("\(threadCount).vlx")
            try await CodedIndex.build(vectors, dimension: 70, profile: .full, at: path)
            try await partition(path, rowCount: 50, dimension: 70, threadCount: threadCount)
            names.insert(try IndexReader(folder: path).manifest.segments.map(\.name))
            #expect(!(try Folder.names(in: path).contains { $0.hasSuffix(".tmp") }))
        }
        #expect(names.count == 1)
    }

    /// min(k, matches) hits, whatever matches and wherever it lies.
    @Test func filtersFindEverythingTheyMay() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("i.vlx")
        let vectors = CodedIndex.clustered(5000, dimension: 64, seed: 9)
        try await CodedIndex.build(vectors, dimension: 64, profile: .std, at: path)
        try await partition(path, rowCount: 50, dimension: 64)
        do {
            var writer = try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: 64)
            #expect(try writer.delete(.ids(Set((0..<5000).filter { $0 % 3 == 0 }))) == 1667)
        }
        let queries = CodedIndex.clustered(3, dimension: 64, seed: 10)
        for kept in [0, 1, 5, 50, 500, 2500, 5000] {
            let ordinals = (0..<kept).map { UInt32($0 * 5000 / max(1, kept)) }
            var filter = RowFilter()
            filter.insert(ShardIdentity(dataset: "x.npy", shard: ""), samples: .ordinals(ordinals))
            let matches = ordinals.count { $0 % 3 != 0 }
            for k in [1, 10, 100] {
                let request = CodedIndex.request(queries, dimension: 64, k: k, filter: filter)
                for budget in [1, 300, 2000] {
                    let hits = try await search(path, request, mode: .approximate(poolSize: 120, rowBudget: budget))
                        .hits
                    #expect(hits.allSatisfy { $0.count == min(k, matches) }, "kept \(kept), k \(k), budget \(budget)")
                    let allowed = Set(ordinals.map { UInt64($0) })
                    #expect(hits.joined().allSatisfy { allowed.contains($0.id) && $0.id % 3 != 0 })
                }
                let exact = try await search(path, request, mode: .exact).hits
                #expect(exact.allSatisfy { $0.count == min(k, matches) })
            }
        }
    }

    /// Shards of embeddings, images beside captions: every change of the index, and the same answers as without partitions.
    @Test func shardsComeAndGo() async throws {
        let folder = try TemporaryFolder()
        let space = TestVectors.space
        func shard(_ name: String, _ seed: UInt64, _ count: Int) throws -> EmbeddingSegment {
            try TestVectors.shard(
                name, sampleCount: count, captionCount: 2, dimension: 8, seed: seed, folder: folder.file("e"))
        }
        let shards = try [shard("a", 1, 300), shard("b", 2, 41), shard("c", 3, 500), shard("d", 4, 120)]
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        let request = SearchRequest(
            space: space, dimension: 8, queries: TestVectors.unit(6, dimension: 8, seed: 77), neighborCount: 30,
            kinds: .all)
        /// The same steps with and without partitions.
        func run(_ name: String, isPartitioned: Bool) async throws -> [[[SearchHit]]] {
            let path = folder.file(name)
            var answers: [[[SearchHit]]] = []
            func answer() async throws {
                var filter = RowFilter(shards: [ShardIdentity(dataset: "data", shard: "a")])
                filter.insert(ShardIdentity(dataset: "data", shard: "c"), samples: .ordinals([1, 2, 3, 400]))
                let filtered = SearchRequest(
                    space: space, dimension: 8, queries: request.queries, neighborCount: 40, kinds: .images,
                    filter: filter)
                let reader = try IndexReader(folder: path)
                for request in [request, filtered] {
                    answers.append(try await reader.search(request, mode: .exact, on: pool).hits)
                    let near = try await reader.search(
                        request, mode: .approximate(poolSize: 50, rowBudget: 40), on: pool)
                    #expect(near.hits.map(\.count) == answers[answers.count - 1].map(\.count))
                }
                let check = try IndexVerification.run(folder: path)
                #expect(check.isSound, "\(check.findings)")
                #expect(Set(reader.shards.keys.map(\.shard)).isSubset(of: ["a", "b", "c", "d"]))
            }
            var writer = try IndexWriter.open(folder: path, space: space, dimension: 8)
            try writer.seal(Array(shards[0...2]))
            try writer.compact(.init(profile: .full))
            if isPartitioned { try await writer.partition(Self.partitioning(20), on: pool) }
            try await answer()
            // More rows than are in partitions; rows and shards that go.
            try writer.seal([shards[3]])
            var gone = RowFilter()
            gone.insert(ShardIdentity(dataset: "data", shard: "a"), samples: .ordinals(Array(10..<80)))
            gone.insert(ShardIdentity(dataset: "data", shard: "b"), samples: .all)
            #expect(try writer.delete(.samples(gone)) == 3 * (70 + 41))
            try await answer()
            try writer.compact(.init(profile: .full))
            #expect(writer.manifest.segments.allSatisfy { $0.deletion == nil })
            try await answer()
            try writer.setPacking(isUnpacked: true)
            try await answer()
            try writer.remove([ShardIdentity(dataset: "data", shard: "c")])
            try await answer()
            try writer.seal([shards[2]])
            try writer.compact(.init(profile: .full))
            if isPartitioned {
                let change = try await writer.partition(Self.partitioning(30), on: pool)
                #expect(change.writtenSegmentCount == 1 && writer.manifest.segments.count == 1)
                #expect(try !writer.compact(.init(profile: .full)).isPublished)
            }
            try await answer()
            #expect(try writer.seal(shards).sealed.isEmpty)
            return answers
        }
        let plain = try await run("plain.vlx", isPartitioned: false)
        let partitioned = try await run("partitioned.vlx", isPartitioned: true)
        #expect(plain == partitioned)
    }

    /// Indexes with partitions are joined with others, wholly or in part, and keep their partitions.
    @Test func joining() async throws {
        let folder = try TemporaryFolder()
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        let dimension = 20
        let parts = (0..<3).map { CodedIndex.clustered(200, dimension: dimension, seed: UInt64($0)) }
        func build(_ name: String, _ numbers: [Int], like other: String? = nil) async throws -> String {
            let path = folder.file(name)
            var writer = try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: dimension)
            if let other { try writer.useCodec(of: other) }
            for number in numbers {
                let vectors = parts[number]
                let matrix = VectorMatrix(
                    rowCount: 200, dimension: dimension, identity: ShardIdentity(dataset: "\(number)", shard: ""),
                    firstID: UInt64(number * 1000), normalizing: false
                ) { Array(vectors[$0.lowerBound * dimension..<$0.upperBound * dimension]) }
                try await writer.build(matrix, profile: .full, on: pool)
            }
            return path
        }
        let request = CodedIndex.request(
            TestVectors.unit(5, dimension: dimension, seed: 3), dimension: dimension, k: 60)
        let all = try await build("all.vlx", [0, 1, 2])
        let expected = try await search(all, request, mode: .exact).hits
        let first = try await build("first.vlx", [0])
        let second = try await build("second.vlx", [0, 1, 2], like: first)
        try await partition(second, rowCount: 30, dimension: dimension)
        let foreign = try await build("foreign.vlx", [1, 2])
        try await partition(foreign, rowCount: 30, dimension: dimension)
        for (isMerge, other) in [(false, second), (true, second), (true, foreign)] {
            let path = try await build("\(isMerge)\(other == foreign).vlx", [0], like: other == second ? second : nil)
            var writer = try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: dimension)
            if isMerge { try writer.merge([other]) } else { try writer.adopt([other]) }
            #expect(try IndexReader(folder: path).information.partitionedRows == 400)
            #expect(try await search(path, request, mode: .exact).hits == expected)
            let check = try IndexVerification.run(folder: path)
            #expect(check.isSound, "\(check.findings)")
        }
    }

    /// Damaged groups are dropped, and the rest keeps its partitions.
    @Test func repairKeepsWhatCanBeRead() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("i.vlx")
        let vectors = CodedIndex.clustered(900, dimension: 64, seed: 5)
        try await CodedIndex.build(vectors, dimension: 64, profile: .full, at: path)
        try await partition(path, rowCount: 60, dimension: 64)
        let segment = try IndexFolder(path: path).open(try IndexReader(folder: path).manifest.segments[0])
        let lost = segment.table.groups[3]
        var bytes = try Files.read(segment.path)
        bytes[Int(lost.frame(.keys).byteOffset) + 5] ^= 1
        try Files.write(bytes, to: segment.path)
        let report = try IndexWriter.repair(folder: path)
        #expect(report.lostRowCount == lost.rowCount && report.mendedSegmentCount == 1 && !report.wasSound)
        #expect(report.incompleteShards == [ShardIdentity(dataset: "x.npy", shard: "")])
        let reader = try IndexReader(folder: path)
        #expect(reader.rowCount == 900 - lost.rowCount && reader.information.partitionedRows == reader.rowCount)
        var writer = try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: 64)
        // The damaged state is still there for readers until then.
        try writer.collectGarbage()
        #expect(try IndexVerification.run(folder: path).isSound)
    }

    /// A table of partitions that contradicts itself is refused, whatever its checksum says.
    @Test func hostileTables() throws {
        let group = SegmentGroup(rowCount: 3, kind: .images, profile: .lite, frames: [])
        let caption = SegmentGroup(rowCount: 3, kind: .captions, profile: .lite, frames: [])
        let mean = RowCodes(residuals: TestVectors.unit(1, dimension: 64, seed: 1), width: 64, profile: .lite)
        func entry(_ count: Int, _ spread: Float = 0.1) -> PartitionTable.Entry {
            PartitionTable.Entry(groupCount: count, spread: spread, mean: mean)
        }
        func parse(_ bytes: [UInt8], _ groups: [SegmentGroup]) throws -> PartitionTable {
            try PartitionTable(bytes, width: 64, groups: groups, path: "p", byteOffset: 0)
        }
        let good = PartitionTable.encoded([entry(2), entry(1)], width: 64)
        let table = try parse(good, [group, group, caption])
        #expect(table.count == 2 && table.groupStarts == [0, 2, 3] && table.encoded == good)
        for (entries, groups) in [
            ([entry(1), entry(1)], [group, group, caption]), ([entry(2), entry(2)], [group, group, caption]),
            ([entry(0), entry(3)], [group, group, group]), ([entry(1), entry(2)], [group, group, caption]),
            ([entry(2, .nan), entry(1)], [group, group, caption]),
            ([entry(2, -1), entry(1)], [group, group, caption]),
            ([], [group]),
        ] {
            #expect(throws: ByteFormatError.self) {
                try parse(PartitionTable.encoded(entries, width: 64), groups)
            }
        }
        for length in 0..<good.count {
            #expect(throws: ByteFormatError.self) { try parse(Array(good[..<length]), [group, group, caption]) }
        }
        #expect(throws: ByteFormatError.self) { try parse(good + [0], [group, group, caption]) }
    }
}
