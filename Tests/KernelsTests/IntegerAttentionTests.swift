import Kernels
import TestSupport
import Testing

@Suite("Attention in 16-bit integers against its plain twin at every level")
struct IntegerAttentionTests {
    /// Lengths of sequences, heads, head width: tails of tiles, vectors and pairs, sequences without rows.
    private static let shapes: [(lengths: [Int], heads: Int, width: Int)] = [
        ([1], 1, 1), ([2, 1], 2, 3), ([0, 5, 0, 3], 1, 7), ([12, 13, 17], 2, 16), ([16, 33], 3, 20), ([50, 4], 2, 64),
        ([197], 1, 64), ([31], 1, 104),
    ]

    private struct Case {
        let query: [Float]
        let key: [Float]
        let value: [Float]
        let offsets: [Int32]
        let heads: Int
        let width: Int

        var columns: Int { heads * width }

        init(_ shape: (lengths: [Int], heads: Int, width: Int), scale: Double = 1, seed: UInt64 = 3) {
            offsets = shape.lengths.reduce(into: [0]) { $0.append($0[$0.count - 1] + Int32($1)) }
            (heads, width) = (shape.heads, shape.width)
            var random = TestRandom(seed: seed)
            let count = Int(offsets[offsets.count - 1]) * heads * width
            query = random.values(count, -3 * scale...3 * scale)
            key = random.values(count, -3...3)
            value = random.values(count, -1...2)
        }

        init(_ other: Case, query: [Float]? = nil, key: [Float]? = nil, value: [Float]? = nil) {
            (offsets, heads, width) = (other.offsets, other.heads, other.width)
            self.query = query ?? other.query
            self.key = key ?? other.key
            self.value = value ?? other.value
        }

        /// The kernel over rows in which query, key and value follow each other, `shift` floats off.
        func attended(_ level: ProductLevel, isCausal: Bool = false, shift: Int = 0) -> [Float] {
            let rowCount = Int(offsets[offsets.count - 1])
            var rows = [Float](repeating: .nan, count: shift)
            for row in 0..<rowCount {
                for part in [query, key, value] { rows += part[row * columns..<(row + 1) * columns] }
            }
            let core = AttentionKernel(
                headCount: heads, headWidth: width, queryStride: 3 * columns, keyValueStride: 3 * columns,
                isCausal: isCausal)
            let region = FloatRegion(FloatBuffer(rows + [.nan])).region(at: shift, count: rows.count - shift)
            func column(_ start: Int) -> FloatRegion { rowCount == 0 ? region : region.suffix(from: start) }
            let guards = [Float](repeating: 7, count: 20)
            let output = FloatRegion(
                FloatBuffer([Float](repeating: .nan, count: shift + query.count) + guards)
            ).suffix(from: shift)
            let scratch = FloatRegion(
                FloatBuffer(
                    [Float](repeating: .nan, count: shift + core.integerScratchCount(keyOffsets: offsets)) + guards)
            ).suffix(from: shift)
            core.forwardInIntegers(
                query: region, key: column(columns), value: column(2 * columns), into: output, queryOffsets: offsets,
                keyOffsets: offsets, scratch: scratch, level: level)
            #expect(Array(output.array.suffix(20)) == guards, "nothing is written behind the result")
            #expect(Array(scratch.array.suffix(20)) == guards, "nor behind the scratch")
            return Array(output.array.dropLast(20))
        }

        /// Sequence by sequence, head by head.
        func twin(isCausal: Bool) -> [Float] {
            var result = [Float](repeating: 0, count: query.count)
            for (start, end) in zip(offsets.map(Int.init), offsets.dropFirst().map(Int.init)) where start < end {
                for head in 0..<heads {
                    func rows(_ x: [Float]) -> [Float] {
                        (start..<end).flatMap { row -> ArraySlice<Float> in
                            let first = row * columns + head * width
                            return x[first..<first + width]
                        }
                    }
                    let y = PlainKernels<Float>.integerAttention(
                        query: rows(query), key: rows(key), value: rows(value), width: width, isCausal: isCausal)
                    for row in start..<end {
                        for column in 0..<width {
                            result[row * columns + head * width + column] = y[(row - start) * width + column]
                        }
                    }
                }
            }
            return result
        }

        func exact(isCausal: Bool) -> [Double] {
            PlainKernels<Double>.attention(
                query: query.map(Double.init), key: key.map(Double.init), value: value.map(Double.init),
                queryOffsets: offsets, keyOffsets: offsets, headCount: heads, headWidth: width, isCausal: isCausal)
        }
    }

    @Test(arguments: shapes, ProductLevel.available)
    func equalsTheTwin(shape: (lengths: [Int], heads: Int, width: Int), level: ProductLevel) {
        for isCausal in [false, true] {
            // Flat and sharp softmax.
            for scale in [0.01, 1, 30] {
                let rows = Case(shape, scale: scale)
                let actual = rows.attended(level, isCausal: isCausal)
                let label = "\(shape), causal \(isCausal), scale \(scale), \(level)"
                // A word of the probabilities more or less.
                expectClose(actual, rows.twin(isCausal: isCausal).map(Double.init), bound: 1e-4, label)
                if scale <= 1 {
                    expectClose(actual, rows.exact(isCausal: isCausal), bound: 4e-3, label + " against exact values")
                }
                for shift in [1, 3] {
                    #expect(rows.attended(level, isCausal: isCausal, shift: shift) == actual, "\(shift) floats off")
                }
                if level > .plain {
                    #expect(rows.attended(.avx2, isCausal: isCausal) == actual, "the bits of AVX2")
                }
            }
        }
    }

    @Test(arguments: ProductLevel.available)
    func sequencesAreTheirOwn(level: ProductLevel) {
        let together = Case(([7, 20, 3], 2, 16))
        let all = together.attended(level)
        func part(_ x: [Float]) -> [Float] { Array(x[7 * 32..<27 * 32]) }
        var alone = Case(([20], 2, 16))
        alone = Case(alone, query: part(together.query), key: part(together.key), value: part(together.value))
        #expect(alone.attended(level) == part(all))
    }

    /// The largest integers there are, all of one sign: a sum that passed 32 bits would turn negative.
    @Test(arguments: ProductLevel.available, [1, 64, 65])
    func extremeIntegers(level: ProductLevel, width: Int) {
        for sign in [Float(1), -1] {
            let shape = Case(([300], 1, width))
            let ones = [Float](repeating: 1, count: shape.query.count)
            // Equal scores: probabilities as large as their sum allows.
            let flat = Case(shape, query: ones.map { $0 * sign }, key: ones, value: ones.map { $0 * sign })
            expectClose(flat.attended(level), flat.value.map(Double.init), bound: 1e-5, "flat")
            // One key that all queries see alone.
            var key = ones.map { $0 * -sign }
            for column in 0..<width { key[7 * width + column] = sign }
            let sharp = Case(shape, query: ones.map { $0 * 1000 * sign }, key: key, value: shape.value)
            let seen = Array(shape.value[7 * width..<8 * width])
            let expected = (0..<300).flatMap { _ in seen }
            expectClose(sharp.attended(level), expected.map(Double.init), bound: 2e-3, "sharp")
        }
    }

    @Test(arguments: ProductLevel.available)
    func oddValues(level: ProductLevel) {
        let shape = Case(([3, 4], 1, 5))
        for bad in [Float.nan, .infinity, -.infinity] {
            func spoiled(_ values: [Float], _ index: Int) -> [Float] {
                var values = values
                values[index] = bad
                return values
            }
            let sound = shape.attended(level)
            // Row 4 is the second of the second sequence.
            let query = Case(shape, query: spoiled(shape.query, 4 * 5 + 2)).attended(level)
            #expect(query[20..<25].allSatisfy { $0.isNaN })
            #expect(Array(query[..<20]) == Array(sound[..<20]) && Array(query[25...]) == Array(sound[25...]))
            let key = Case(shape, key: spoiled(shape.key, 4 * 5 + 2)).attended(level)
            #expect(Array(key[..<15]) == Array(sound[..<15]) && key[15...].allSatisfy { $0.isNaN })
            let value = Case(shape, value: spoiled(shape.value, 4 * 5 + 2)).attended(level)
            for place in value.indices {
                #expect(place >= 15 && place % 5 == 2 ? value[place].isNaN : value[place] == sound[place])
            }
        }
        // Nothing to quantise: equal scores, and values of zero.
        let zeros = [Float](repeating: 0, count: shape.query.count)
        let nothing = Case(shape, query: zeros, key: zeros, value: zeros).attended(level)
        #expect(nothing == zeros)
        let tiny = Case(shape, query: zeros.map { $0 + 1e-38 }, key: zeros, value: shape.value)
        expectClose(tiny.attended(level), tiny.exact(isCausal: false), bound: 2e-3, "the mean of the values")
    }
}
