import Foundation
import Kernels
import PipelineEngine
import Samples
import Testing

@testable import Training

@Suite struct RetrievalMetricsTests {
    let pool = ComputePool(threadCount: 2)

    @Test func `ties go to the smaller index`() async throws {
        // Three equal images: a caption of the last finds two before its own, one of the first none.
        let metrics = try await RetrievalMetrics.evaluate(
            split: "dev", images: [1, 0, 1, 0, 1, 0], texts: [1, 0, 1, 0], dimension: 2, imageOfText: [2, 0], on: pool)
        #expect(metrics.textToImage.recallAt1 == 0.5)
        #expect(metrics.textToImage.recallAt5 == 1)
        #expect(metrics.textToImage.medianRank == 2)
        // Image 1 has no caption; image 0's own caption is the second of two equal ones.
        #expect(metrics.imageToText.recallAt1 == 0.5)
        #expect(metrics.imageToText.medianRank == 1.5)
        #expect(metrics.images == 3 && metrics.texts == 2)
    }

    @Test func `any caption of an image counts, the best by rank`() async throws {
        let metrics = try await RetrievalMetrics.evaluate(
            split: "dev", images: [1, 0, 0, 1], texts: [0, 1, 0.6, 0.8, 0.8, 0.6, 0.6, 0.8], dimension: 2,
            imageOfText: [0, 0, 0, 1], on: pool)
        // Image 0 ranks captions 2, 1, 3, 0; image 1 ranks 0, 1, 3, 2 (1 and 3 are equal).
        #expect(metrics.imageToText.recallAt1 == 0.5)
        #expect(metrics.imageToText.medianRank == 2)
        // Captions 0 and 1 prefer image 1, caption 2 its own; caption 3 its own.
        #expect(metrics.textToImage.recallAt1 == 0.5)
        #expect(metrics.textToImage.medianRank == 1.5)
    }

    @Test(arguments: [1, 7, 60, 8192], [1, 3])
    func `ranks equal counting them one by one`(tileColumnCount: Int, threadCount: Int) async throws {
        let pool = ComputePool(threadCount: threadCount)
        // Coarse values, so that there are many ties whose sums are exact.
        var generator = SeededGenerator(seed: 11)
        let queries = (0..<300 * 3).map { _ in Float(generator.integer(below: 3)) }
        let candidates = (0..<131 * 3).map { _ in Float(generator.integer(below: 3)) }
        let matches = (0..<300).map { _ in
            Set((0..<generator.integer(below: 4)).map { _ in generator.integer(below: 131) }).sorted()
        }
        let ranks = try await RetrievalRanks(
            queries: FloatBuffer(queries), candidates: FloatBuffer(candidates), dimension: 3, matches: matches,
            tileColumnCount: tileColumnCount
        ).ranks(on: pool)
        var expected: [Int] = []
        for query in 0..<300 {
            let scores = (0..<131).map { candidate in
                (0..<3).reduce(Float(0)) { $0 + queries[query * 3 + $1] * candidates[candidate * 3 + $1] }
            }
            let order = (0..<131).sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
            if let rank = order.firstIndex(where: { matches[query].contains($0) }) { expected.append(rank) }
        }
        #expect(ranks == expected)
    }

    @Test func `nothing to rank gives zeros and values that are not finite are refused`() async throws {
        let empty = try await RetrievalMetrics.evaluate(
            split: "dev", images: [], texts: [], dimension: 4, imageOfText: [], on: pool)
        #expect(empty.textToImage.recallAt1 == 0)
        #expect(empty.imageToText.medianRank == 0)
        await #expect(throws: TrainingError.self) {
            try await RetrievalMetrics.evaluate(
                split: "dev", images: [.nan], texts: [1], dimension: 1, imageOfText: [0], on: pool)
        }
    }

    @Test func `the JSON form is the documented one`() async throws {
        let metrics = try await RetrievalMetrics.evaluate(
            split: "dev", images: [1], texts: [1], dimension: 1, imageOfText: [0], on: pool)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let direction = #"{"medianRank":1,"recall@1":1,"recall@10":1,"recall@5":1}"#
        #expect(
            String(decoding: try encoder.encode(metrics), as: UTF8.self)
                == #"{"imageToText":\#(direction),"images":1,"split":"dev","textToImage":\#(direction),"texts":1}"#)
        #expect(metrics.values["textToImage.recall@10"] == 1)
    }
}
