import ByteFormats
import PipelineEngine
import TestSupport
import Testing

@testable import VectorIndex

/// Indexes with codes and deleted rows: every byte flipped, every file cut at every length.
@Suite struct CodedDamageTests {
    @Test(arguments: [(IndexProfile.std, false), (.std, true), (.full, false), (.full, true)], FileReading.allCases)
    func flipsAndCutsAreFoundAndNeverGiveAWrongAnswer(
        form: (profile: IndexProfile, isPartitioned: Bool), reading: FileReading
    ) async throws {
        let profile = form.profile
        let folder = try TemporaryFolder()
        let path = folder.file("i.vlx")
        let vectors = CodedIndex.clustered(35, dimension: 3, seed: 1)
        try await CodedIndex.build(vectors, dimension: 3, profile: profile, at: path)
        do {
            // One manifest only: an older one would be taken, and said to be older, where the newest is damaged.
            var writer = try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: 3)
            if form.isPartitioned {
                let pool = ComputePool(threadCount: 1)
                defer { pool.shutdown() }
                try await writer.partition(PartitionTests.partitioning(12), on: pool)
            }
            try writer.delete(.ids([2, 7, 30]))
            try writer.collectGarbage()
        }
        var flipCount = 0
        var harmlessCount = 0
        let request = CodedIndex.request([0.6, 0.8, 0], dimension: 3, k: 3)
        let pool = ComputePool(threadCount: 1)
        defer { pool.shutdown() }
        let expected = try await IndexReader(folder: path, reading: reading).search(request, on: pool)
        let state = try Files.state(of: path)
        #expect(state.count == 5 && expected[0].count == 3)
        for (name, bytes) in state where name != IndexFolder.lockName {
            for index in bytes.indices {
                for isCut in [false, true] {
                    var damaged = isCut ? Array(bytes[..<index]) : bytes
                    flipCount += isCut ? 0 : 1
                    if !isCut { damaged[index] ^= UInt8(1 << (index % 8)) }
                    try Files.write(damaged, to: path + "/" + name)
                    let label = "\(name): \(isCut ? "cut" : "flip") at \(index)"
                    #expect(!(try IndexVerification.run(folder: path).isSound), "\(label) was not found")
                    do {
                        let reader = try IndexReader(folder: path, reading: reading)
                        let hits = try await reader.search(request, on: pool)
                        // Approximate searches may find less near, and never trap.
                        _ = try await reader.search(request, mode: .approximate(poolSize: 4, rowBudget: 4), on: pool)
                        #expect(!isCut && hits == expected, "\(label): a wrong answer")
                        harmlessCount += 1
                    } catch let error as VectorIndexError {
                        #expect(!error.message.isEmpty)
                    }
                }
            }
            try Files.write(bytes, to: path + "/" + name)
        }
        #expect(try IndexVerification.run(folder: path).isSound)
        print(
            "\(form), \(reading): \(flipCount) bytes flipped and as many cuts, all found by verify; \(harmlessCount) flips "
                + "touched nothing that the search reads, all others gave an error")
    }
}
