import PipelineEngine
import Samples
import TestSupport
import Testing

@testable import VectorIndex

/// Readers that open and search while a writer appends, deletes, compacts and collects garbage.
@Suite struct ConcurrencyTests {
    private static let dimension = 8
    private static let rounds = 60

    /// Round r appends 10 rows and deletes the one before's first 5, so every state is known by its rows.
    @Test(arguments: [(IndexProfile.plain, false), (.full, false), (.std, true), (.full, true)])
    func readersDuringChanges(profile: IndexProfile, isPartitioned: Bool) async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("i.vlx")
        let isDone = Locked(false)
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        try await round(0, path: path, profile: profile, isPartitioned: isPartitioned, pool: pool)
        let old = try IndexReader(folder: path)
        let answerOfOld = try await search(old, pool)
        let counts = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    var count = 0
                    while !isDone.value || count < 6 {
                        let reader = try IndexReader(folder: path)
                        let hits = try await search(reader, pool)
                        try check(hits, rowCount: reader.rowCount)
                        // Asked for all rows, a search that is sent to some partitions goes on to all.
                        let all = try await search(reader, pool, mode: .approximate(poolSize: 1, rowBudget: 5))
                        #expect(Set(all.map(\.id)) == Set(hits.map(\.id)))
                        count += 1
                    }
                    return count
                }
            }
            for number in 1..<Self.rounds {
                try await round(number, path: path, profile: profile, isPartitioned: isPartitioned, pool: pool)
            }
            isDone.update { $0 = true }
            var counts: [Int] = []
            for try await count in group { counts.append(count) }
            return counts
        }
        // Whoever opened the index long ago still sees what was there then.
        #expect(try await search(old, pool) == answerOfOld)
        let form = isPartitioned ? "\(profile), by partition" : "\(profile)"
        print("\(counts.reduce(0, +)) searches by 2 readers during \(Self.rounds) rounds of changes (\(form))")
    }

    private func round(
        _ number: Int, path: String, profile: IndexProfile, isPartitioned: Bool, pool: ComputePool
    ) async throws {
        var writer = try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: Self.dimension)
        let vectors = TestVectors.unit(10, dimension: Self.dimension, seed: UInt64(number))
        try await writer.build(
            VectorMatrix(
                rowCount: 10, dimension: Self.dimension,
                identity: ShardIdentity(dataset: "r\(number)", shard: ""), firstID: UInt64(number * 10),
                normalizing: false
            ) { Array(vectors[$0.lowerBound * Self.dimension..<$0.upperBound * Self.dimension]) },
            profile: profile, on: pool)
        if number > 0 { try writer.delete(.ids(Set((0..<5).map { UInt64((number - 1) * 10 + $0) }))) }
        if number % 3 == 2 { try writer.compact() }
        if isPartitioned, number % 4 == 3 { try await writer.partition(PartitionTests.partitioning(16), on: pool) }
        if number % 5 == 4 { try writer.collectGarbage() }
    }

    private func search(
        _ reader: IndexReader, _ pool: ComputePool, mode: SearchMode = .exact
    ) async throws -> [SearchHit] {
        let query = TestVectors.unit(1, dimension: Self.dimension, seed: 999)
        return try await reader.search(
            CodedIndex.request(query, dimension: Self.dimension, k: 10_000), mode: mode, on: pool
        ).hits[0]
    }

    /// Rounds 0 to r are there, all but the last with 5 rows; the last may still have the one before whole.
    private func check(_ hits: [SearchHit], rowCount: Int) throws {
        #expect(hits.count == rowCount)
        let ids = Set(hits.map(\.id))
        let last = try #require(ids.max()) / 10
        for round in 0...last {
            let rows = Set((0..<10).map { round * 10 + $0 })
            let present = ids.intersection(rows)
            let half = Set(rows.filter { $0 % 10 >= 5 })
            #expect(
                present == rows && round + 1 >= last || present == half && round < last, "round \(round) of \(last)")
        }
        #expect(hits == hits.sorted { $0.score != $1.score ? $0.score > $1.score : $0.id < $1.id })
    }
}
