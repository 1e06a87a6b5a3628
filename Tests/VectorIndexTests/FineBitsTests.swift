import ByteFormats
import CKernels
import PipelineEngine
import Samples
import TestSupport
import Testing

@testable import VectorIndex

@Suite struct FineBitsTests {
    @Test(arguments: [1, 3, 4, 5, 64, 513])
    func sixMoreBitsAreKept(dimension: Int) {
        var vectors = TestVectors.unit(7, dimension: dimension, seed: 1)
        // Where binary16 is coarse, and at its powers of two.
        vectors[0] = 0x1p-20 * 1.3
        vectors[dimension * 3] = 0.4999
        let halves = HalfPrecision.narrow(vectors)
        let bits = FineBits.bits(of: vectors, halves: halves, dimension: dimension)
        #expect(bits.count == 7 * ((6 * dimension + 7) / 8))
        let refined = FineBits.refined(halves, bits, dimension: dimension)
        let coarse = HalfPrecision.widen(halves)
        for index in vectors.indices {
            // Half of a sixty-fourth of a step, which is at most 2^-10 of the number, or 2^-24.
            let step = max(abs(coarse[index]) * 0x1p-10, 0x1p-24)
            #expect(abs(refined[index] - vectors[index]) <= step / 64, "element \(index)")
            #expect(abs(coarse[index] - vectors[index]) <= abs(vectors[index]) * FineBits.distance + 0x1p-25)
        }
        let none = FineBits.neutral(rowCount: 7, dimension: dimension)
        #expect(FineBits.refined(halves, none, dimension: dimension) == coarse)
        #expect(FineBits.bits(of: coarse, halves: halves, dimension: dimension) == none)
    }

    /// Over binary16 numbers both scans give the same bits.
    @Test(arguments: [1, 15, 16, 17, 100, 512])
    func dotsAreThoseOfTheOtherScan(dimension: Int) {
        let query = TestVectors.unit(1, dimension: dimension, seed: 2)
        let halves = HalfPrecision.narrow(TestVectors.unit(1, dimension: dimension, seed: 3))
        let score = unsafe vlm_dot_lanes(query, HalfPrecision.widen(halves), dimension)
        #expect(score.bitPattern == PlainTwin.dot(query, halves).bitPattern)
    }

    /// Scores of `full` are those of the Float32 vectors to 4e-6, also after compaction (over binary16 they are 1e-4 off at
    /// this dimension), and hits are those of brute force by value.
    @Test func fullAnswersAreThoseOfFloats() async throws {
        let folder = try TemporaryFolder()
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        let (dimension, rowCount, k) = (48, 3000, 10)
        // Rows close to one another: scores differ by little.
        let vectors = CodedIndex.clustered(rowCount, dimension: dimension, seed: 4, spread: 0.02).enumerated().map {
            $0.element + Float(($0.offset * 7919) % 1000) * 1e-7
        }
        let queries = TestVectors.unit(20, dimension: dimension, seed: 5)
        let path = folder.file("i.vlx")
        var writer = try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: dimension)
        for part in 0..<2 {
            let rows = part * rowCount / 2..<(part + 1) * rowCount / 2
            let matrix = VectorMatrix(
                rowCount: rows.count, dimension: dimension, identity: ShardIdentity(dataset: "m\(part)", shard: ""),
                firstID: UInt64(rows.lowerBound), normalizing: false
            ) { range in
                let first = rows.lowerBound * dimension
                return Array(vectors[first + range.lowerBound * dimension..<first + range.upperBound * dimension])
            }
            try await writer.build(matrix, profile: .full, on: pool)
        }
        func exact(_ query: Int, _ row: Int) -> Double {
            (0..<dimension).reduce(0.0) {
                $0 + Double(queries[query * dimension + $1]) * Double(vectors[row * dimension + $1])
            }
        }
        for step in 0..<3 {
            if step == 1 { try writer.compact() }
            if step == 2 { try writer.setPacking(isUnpacked: true) }
            let hits = try await IndexReader(folder: path).search(
                CodedIndex.request(queries, dimension: dimension, k: k), on: pool)
            for query in 0..<20 {
                let least = (0..<rowCount).map { exact(query, $0) }.sorted(by: >)[k - 1]
                #expect(hits[query].count == k)
                for hit in hits[query] {
                    let score = exact(query, Int(hit.id))
                    #expect(score >= least - 2e-6, "step \(step), query \(query)")
                    #expect(abs(Double(hit.score) - score) < 4e-6)
                }
            }
            #expect(try IndexVerification.run(folder: path).isSound)
        }
    }
}
