import ByteFormats
import PipelineEngine
import Samples
import TestSupport
import Testing

@testable import VectorIndex

/// Recall is that of the vectors, wherever these are known, and nothing is said that was not measured.
@Suite struct CalibrationTests {
    private static let dimension = 48

    private func pool() -> ComputePool { ComputePool(threadCount: 2) }

    /// Writes Float32 vectors as `.fvecs`.
    private func write(_ vectors: [Float], to path: String) throws {
        var writer = ByteWriter()
        for start in stride(from: 0, to: vectors.count, by: Self.dimension) {
            writer.write(UInt32(Self.dimension))
            for value in vectors[start..<start + Self.dimension] { writer.write(value.bitPattern) }
        }
        try Files.write(writer.bytes, to: path)
    }

    /// Against the vectors, codes of 4 bits do not find everything, however much is looked at; against themselves they do.
    @Test(arguments: [false, true])
    func recallOfCodesAndOfVectors(isPartitioned: Bool) async throws {
        let folder = try TemporaryFolder()
        let pool = pool()
        defer { pool.shutdown() }
        let path = folder.file("i.vlx")
        let vectors = CodedIndex.clustered(4000, dimension: Self.dimension, seed: 1, spread: 0.5)
        let queries = CodedIndex.clustered(60, dimension: Self.dimension, seed: 2, spread: 0.5)
        try await CodedIndex.build(vectors, dimension: Self.dimension, profile: .lite, at: path)
        var writer = try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: Self.dimension)
        if isPartitioned { try await writer.partition(PartitionTests.partitioning(40), on: pool) }
        try writer.delete(.ids([5, 6, 7]))
        let file = folder.file("x.fvecs")
        try write(vectors, to: file)
        let truth = VectorTruth(try VectorFile(path: file), firstID: 0)
        let reader = try IndexReader(folder: path)
        #expect(!reader.knowsVectors)
        let ofCodes = try await reader.calibration(queries: queries, neighborCount: 10, on: pool)
        let ofVectors = try await reader.calibration(queries: queries, neighborCount: 10, truth: truth, on: pool)
        #expect(ofCodes.truth == .codes && ofVectors.truth == .vectors)
        #expect((ofCodes.kappa != nil) == isPartitioned)
        let best = try #require(ofVectors.points.last?.recall)
        #expect(try #require(ofCodes.points.last?.recall) > 0.999)
        #expect(best < 0.99 && best > 0.7, "\(best)")
        for calibration in [ofCodes, ofVectors] {
            #expect(calibration.isPlausible)
            #expect(zip(calibration.points, calibration.points.dropFirst()).allSatisfy { $0.recall < $1.recall })
        }
        // What is printed is what a search of that effort finds, counted here by brute force.
        try writer.store(ofVectors)
        let tuned = try IndexReader(folder: path)
        let live = (0..<4000).filter { ![5, 6, 7].contains($0) }
        let wanted = ofVectors.points[ofVectors.points.count / 2].recall
        let answer = try await tuned.search(
            CodedIndex.request(queries, dimension: Self.dimension, k: 10), mode: .recall(wanted), on: pool)
        var found = 0
        for (query, hits) in answer.hits.enumerated() {
            let start = query * Self.dimension
            func score(_ row: Int) -> Double {
                (0..<Self.dimension).reduce(0.0) {
                    $0 + Double(queries[start + $1]) * Double(vectors[row * Self.dimension + $1])
                }
            }
            let floor = live.map(score).sorted(by: >)[9] - 1e-6
            found += hits.count { score(Int($0.id)) >= floor }
        }
        #expect(abs(Double(found) / 600 - wanted) < 0.002 && answer.recall == wanted && answer.recallTruth == .vectors)
        // More than was reached, more neighbours than were measured, and conditions.
        await #expect(throws: VectorIndexError.self) {
            try await tuned.search(
                CodedIndex.request(queries, dimension: Self.dimension, k: 10), mode: .recall(0.9999), on: pool)
        }
        await #expect(throws: VectorIndexError.self) {
            try await tuned.search(
                CodedIndex.request(queries, dimension: Self.dimension, k: 11), mode: .recall(0.5), on: pool)
        }
        let filter = RowFilter(shards: [ShardIdentity(dataset: "x.npy", shard: "")])
        let filtered = try await tuned.search(
            CodedIndex.request(queries, dimension: Self.dimension, k: 10, filter: filter),
            mode: .approximate(poolSize: 64, rowBudget: isPartitioned ? 200 : nil), on: pool)
        #expect((filtered.recall == nil) == isPartitioned)
    }

    /// Where vectors are kept, the index is its own truth: brute force over the file agrees.
    @Test func fullIsItsOwnTruth() async throws {
        let folder = try TemporaryFolder()
        let pool = pool()
        defer { pool.shutdown() }
        let path = folder.file("i.vlx")
        let vectors = TestVectors.unit(3000, dimension: Self.dimension, seed: 1)
        let queries = TestVectors.unit(50, dimension: Self.dimension, seed: 2)
        try await CodedIndex.build(vectors, dimension: Self.dimension, profile: .full, at: path)
        try write(vectors, to: folder.file("x.fvecs"))
        let reader = try IndexReader(folder: path)
        #expect(reader.knowsVectors)
        let own = try await reader.calibration(queries: queries, neighborCount: 5, on: pool)
        let file = try await reader.calibration(
            queries: queries, neighborCount: 5,
            truth: VectorTruth(try VectorFile(path: folder.file("x.fvecs")), firstID: 0), on: pool)
        #expect(own == file && own.truth == .vectors)
    }

    /// A truth that is not that of the index is refused: too few vectors, other ids, other vectors.
    @Test func foreignTruthIsRefused() async throws {
        let folder = try TemporaryFolder()
        let pool = pool()
        defer { pool.shutdown() }
        let path = folder.file("i.vlx")
        let vectors = TestVectors.unit(300, dimension: Self.dimension, seed: 1)
        try await CodedIndex.build(vectors, dimension: Self.dimension, profile: .std, at: path)
        let reader = try IndexReader(folder: path)
        let file = folder.file("x.fvecs")
        let queries = Array(vectors.prefix(10 * Self.dimension))
        for (rows, firstID) in [
            (Array(vectors.dropLast(Self.dimension)), UInt64(0)), (vectors, 1),
            (TestVectors.unit(300, dimension: Self.dimension, seed: 9), 0),
        ] {
            try write(rows, to: file)
            let truth = VectorTruth(try VectorFile(path: file), firstID: firstID)
            await #expect(throws: VectorIndexError.self) {
                try await reader.calibration(queries: queries, neighborCount: 5, truth: truth, on: pool)
            }
        }
        // Vectors may be of any length, and there may be more of them.
        try write((vectors + vectors).map { $0 * 3 }, to: file)
        let truth = VectorTruth(try VectorFile(path: file), firstID: 0)
        let calibration = try await reader.calibration(queries: queries, neighborCount: 5, truth: truth, on: pool)
        #expect(try #require(calibration.points.last?.recall) > 0.98)
    }

    /// Files of embeddings are a truth too, of images and captions.
    @Test func embeddingsAreTruth() async throws {
        let folder = try TemporaryFolder()
        let pool = pool()
        defer { pool.shutdown() }
        let shards = try (0..<3).map {
            try TestVectors.shard(
                "\($0)", sampleCount: 90, dimension: 16, seed: UInt64($0), folder: folder.file("e"))
        }
        var writer = try IndexWriter.open(folder: folder.file("i"), space: TestVectors.space, dimension: 16)
        try writer.seal(shards)
        try writer.compact(.init(profile: .std))
        let reader = try IndexReader(folder: folder.file("i"))
        let queries = TestVectors.unit(40, dimension: 16, seed: 50)
        let truth = VectorTruth(shards, name: "embeddings")
        let calibration = try await reader.calibration(queries: queries, neighborCount: 10, truth: truth, on: pool)
        #expect(calibration.truth == .vectors && calibration.points[0].recall > 0.5)
        await #expect(throws: VectorIndexError.self) {
            try await reader.calibration(
                queries: queries, neighborCount: 10, truth: VectorTruth(Array(shards.dropLast()), name: "some"),
                on: pool)
        }
    }
}
