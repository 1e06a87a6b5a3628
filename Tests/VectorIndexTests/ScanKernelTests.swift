import ByteFormats
import CKernels
import Testing

@testable import VectorIndex

@Suite struct ScanKernelTests {
    @Test(arguments: [1, 3, 15, 16, 17, 64, 100, 513])
    func equalsThePlainTwinAtEveryTileEdge(dimension: Int) {
        for rowCount in [1, 2, 3, 4, 5, 9] {
            for queryCount in [1, 2, 3, 4, 5, 7] {
                let queries = TestVectors.unit(queryCount, dimension: dimension, seed: 1)
                let rows = HalfPrecision.narrow(TestVectors.unit(rowCount, dimension: dimension, seed: 2))
                let scores = PlainTwin.scan(queries, rows, dimension: dimension)
                for query in 0..<queryCount {
                    #expect(scores[query * (rowCount + 1) + rowCount] == -7, "guard")
                    for row in 0..<rowCount {
                        let vector = Array(queries[query * dimension..<(query + 1) * dimension])
                        let halves = Array(rows[row * dimension..<(row + 1) * dimension])
                        let plain = PlainTwin.dot(vector, halves)
                        #expect(
                            scores[query * (rowCount + 1) + row].bitPattern == plain.bitPattern,
                            "D \(dimension), query \(query) of \(queryCount), row \(row) of \(rowCount)")
                        let exact = zip(vector, HalfPrecision.widen(halves))
                            .reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
                        #expect(abs(Double(plain) - exact) < 1e-6)
                    }
                }
            }
        }
    }

    @Test func subnormalAndSignedRowsAreExact() {
        let rows: [UInt16] = [0x0001, 0x8001, 0x03FF, 0x0400, 0x0000, 0x8000, 0x7BFF, 0xFBFF]
        for (index, value) in HalfPrecision.widen(rows).enumerated() {
            var query = [Float](repeating: 0, count: rows.count)
            query[index] = 1
            #expect(PlainTwin.scan(query, rows, dimension: rows.count)[0] == value, "element \(index)")
        }
    }

    @Test func positionsAtLeastAreAllAndAscending() {
        let scores: [Float] = [1, 0.5, 0.5, -1, 2, 0.49999]
        var positions = [UInt32](repeating: 99, count: scores.count)
        let count = unsafe scores.withUnsafeBufferPointer { scores in
            unsafe positions.withUnsafeMutableBufferPointer { positions -> Int in
                guard let from = scores.baseAddress, let to = positions.baseAddress else { return 0 }
                return unsafe vlm_positions_at_least(from, scores.count, 0.5, to)
            }
        }
        #expect(positions.prefix(count) == [0, 1, 2, 4])
    }
}
