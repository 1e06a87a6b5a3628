import CKernels
import Samples
import Testing

@testable import VectorIndex

@Suite struct CodeClusterTests {
    @Test(arguments: [1, 3, 31, 256], [1, 2, 65])
    func nearestIsTheLargestScore(rowCount: Int, clusterCount: Int) {
        var generator = SeededGenerator(seed: UInt64(rowCount * 100 + clusterCount))
        func floats(_ count: Int) -> [Float] { (0..<count).map { _ in Float(generator.uniform()) } }
        let dots = (0..<clusterCount * 256).map { _ in Int32(generator.integer(below: 2001)) - 1000 }
        let (steps, offsets, penalties) = (floats(clusterCount), floats(clusterCount), floats(clusterCount))
        let scales = floats(rowCount)
        var nearest = [UInt32](repeating: 7, count: rowCount)
        var best = [Float](repeating: -.infinity, count: rowCount)
        unsafe vlm_nearest_clusters(
            dots, 256, clusterCount, steps, offsets, penalties, scales, rowCount, 1000, &nearest, &best)
        for row in 0..<rowCount {
            var expected: (score: Float, number: Int) = (-.infinity, 0)
            for cluster in 0..<clusterCount {
                let product: Float = Float(dots[cluster * 256 + row]) * steps[cluster]
                let score: Float = scales[row] * (product - offsets[cluster]) - penalties[cluster]
                if score > expected.score { expected = (score, cluster) }
            }
            #expect(nearest[row] == UInt32(1000 + expected.number) && best[row] == expected.score)
        }
        // What is known already is only replaced by something better.
        let before = (nearest, best)
        unsafe vlm_nearest_clusters(
            dots, 256, clusterCount, steps, offsets, penalties, scales, rowCount, 5000, &nearest, &best)
        #expect(nearest == before.0 && best == before.1)
    }

    @Test(arguments: [64, 192])
    func codesAreAddedAsTheyRead(dimension: Int) {
        let codec = VectorCodec(mean: [Float](repeating: 0, count: dimension))
        let vectors = TestVectors.unit(3, dimension: dimension, seed: 5)
        let all = RowCodes(vectors, codec: codec, profile: .std)
        for codes in [all, all.withoutLow()] {
            var sums = [Float](repeating: 0.5, count: 2 * dimension)
            codes.add(row: 2, to: &sums, at: 1)
            let rotated = codec.rotated(vectors[2 * dimension..<3 * dimension])
            for index in 0..<dimension {
                #expect(sums[index] == 0.5)
                #expect(abs(sums[dimension + index] - 0.5 - rotated[index]) < (codes.low.isEmpty ? 0.04 : 0.003))
            }
        }
    }

    /// Rows around far centres are told apart, and each is with its own.
    @Test func clustersAreFound() {
        let codec = VectorCodec(mean: [Float](repeating: 0, count: 64))
        let centres = TestVectors.unit(9, dimension: 64, seed: 11)
        let noise = TestVectors.unit(900, dimension: 64, seed: 12)
        let vectors = (0..<900 * 64).map { index -> Float in
            let (row, element) = (index / 64, index % 64)
            return centres[row % 9 * 64 + element] + 0.2 * noise[index]
        }
        let codes = RowCodes(vectors, codec: codec, profile: .std)
        let parts = RowPartitioning(rowCount: 100).partitions(of: codes)
        #expect(parts.joined().sorted() == Array(0..<900))
        let isPure = parts.filter { part in Set(part.map { $0 % 9 }).count == 1 }
        #expect(isPure.count >= parts.count - 2, "\(parts.map { part in Set(part.map { $0 % 9 }) })")
    }

    /// Every row is in one partition, none is too large, also where rows are equal.
    @Test(arguments: [1, 2, 39, 1000], [1, 7, 64, 5000])
    func everyRowHasOnePartition(rowCount: Int, target: Int) {
        let codec = VectorCodec(mean: [Float](repeating: 0, count: 64))
        for distinct in [1, 2, rowCount] {
            let pool = TestVectors.unit(distinct, dimension: 64, seed: 3)
            let vectors = (0..<rowCount).flatMap { pool[$0 % distinct * 64..<($0 % distinct + 1) * 64] }
            let parts = RowPartitioning(rowCount: target).partitions(
                of: RowCodes(vectors, codec: codec, profile: .lite))
            #expect(parts.joined().sorted() == Array(0..<rowCount))
            #expect(parts.allSatisfy { !$0.isEmpty && $0.count <= max(4 * target, 2) }, "\(parts.map(\.count))")
        }
        #expect(RowPartitioning(rowCount: target).partitions(of: RowCodes()).isEmpty)
    }
}
