import Kernels
import TestSupport
import Testing

/// Halves that lie `shift` elements into a buffer, and the floats that they stand for.
struct StoredHalves {
    let weights: WeightRegion
    let floats: [Float]

    init(_ bits: [UInt16], _ format: HalfBuffer.Format, shift: Int = 0) {
        floats = bits.map { Self.widened($0, format) }
        let count = bits.count + shift
        let memory = FloatBuffer(count: count / 2 + 1)
        // The memory outlives the view, which keeps it.
        let halves = unsafe memory.withUnsafeMutablePointer { base in
            unsafe UnsafeMutableRawPointer(base).bindMemory(to: UInt16.self, capacity: count + 2)
        }
        for (place, half) in bits.enumerated() { unsafe halves[shift + place] = half }
        weights = unsafe WeightRegion(HalfBuffer(viewing: halves, count: count, format, of: memory))
            .region(at: shift, count: bits.count)
    }

    /// The definition: sign, exponent and fraction; NaN becomes quiet where the processor makes it so.
    static func widened(_ half: UInt16, _ format: HalfBuffer.Format) -> Float {
        let bits = UInt32(half)
        if format == .bfloat16 { return Float(bitPattern: bits << 16) }
        let (sign, exponent, fraction) = ((bits & 0x8000) << 16, (bits >> 10) & 31, bits & 1023)
        switch exponent {
        case 0: return Float(bitPattern: sign | (Float(fraction) * 0x1p-24).bitPattern)
        case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13 | (fraction == 0 ? 0 : 0x40_0000))
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}

@Suite("Weights of 16 bits give what they give as floats, in every bit")
struct WeightRegionTests {
    private static let everyHalf = (0...UInt16.max).map { $0 }

    /// Finite halves, a third of them subnormal or zero.
    private func halves(_ count: Int, seed: UInt64) -> [UInt16] {
        var random = TestRandom(seed: seed)
        return (0..<count).map { place in
            let bits = UInt16(random.integer(below: 1 << 16))
            return place.isMultiple(of: 3) ? bits & 0x83FF : bits & 0xBFFF
        }
    }

    @Test(arguments: HalfBuffer.Format.allCases) func widening(format: HalfBuffer.Format) {
        for shift in [0, 1, 3] {
            let stored = StoredHalves(Self.everyHalf, format, shift: shift)
            #expect(stored.weights.count == 1 << 16 && stored.weights.floats == nil)
            #expect(stored.weights.array.map(\.bitPattern) == stored.floats.map(\.bitPattern), "shift \(shift)")
            let part = stored.weights.region(at: 1000, count: 77)
            #expect(part.array == Array(stored.floats[1000..<1077]))
        }
        let floats = FloatRegion(FloatBuffer([1, .nan, -3]))
        #expect(WeightRegion(floats).floats?.offset == 0 && WeightRegion(floats).region(at: 2, count: 1).array == [-3])
    }

    @Test(arguments: HalfBuffer.Format.allCases) func finiteness(format: HalfBuffer.Format) {
        let finite = halves(100, seed: 1)
        #expect(StoredHalves(finite, format).weights.isFinite)
        #expect(StoredHalves([], format).weights.isFinite)
        let wrong = Self.everyHalf.first {
            StoredHalves([$0], format).weights.isFinite != StoredHalves.widened($0, format).isFinite
        }
        #expect(wrong == nil)
        for place in [0, 1, 31, 64, 99] {
            for bad: UInt16 in [0x7F80, 0xFF80, 0x7FFF, 0xFFFF] {
                var spoilt = finite
                spoilt[place] = bad
                #expect(!StoredHalves(spoilt, format, shift: 1).weights.isFinite, "\(bad) at \(place)")
            }
        }
    }

    private func product(
        _ x: [Float], by weight: WeightRegion, rows: Int, columns: Int, depth: Int, _ level: ProductLevel
    ) -> [UInt32] {
        let packed = FloatRegion(FloatBuffer(count: PanelProduct.packedCount(rowCount: rows, depth: depth)))
        PanelProduct.pack(FloatRegion(FloatBuffer(x)), into: packed, rowCount: rows, depth: depth)
        let y = FloatRegion(FloatBuffer(count: rows * columns))
        PanelProduct.multiply(
            packed: packed, by: weight, into: y, rowCount: rows, columnCount: columns, depth: depth,
            panel: FloatRegion(FloatBuffer(count: PanelProduct.panelCount(depth: depth))), level: level)
        return y.array.map(\.bitPattern)
    }

    @Test(arguments: HalfBuffer.Format.allCases, ProductLevel.available)
    func panelProducts(format: HalfBuffer.Format, level: ProductLevel) {
        for (rows, columns, depth) in [
            (1, 1, 1), (3, 7, 5), (4, 32, 8), (8, 33, 16), (12, 64, 384), (13, 40, 385), (25, 96, 9), (5, 3, 0),
        ] {
            var random = TestRandom(seed: UInt64(rows * 1_000_000 + columns * 1000 + depth))
            let x = random.values(rows * depth)
            for shift in [0, 1, 5] {
                let stored = StoredHalves(halves(columns * depth, seed: 7), format, shift: shift)
                let floats = WeightRegion(FloatRegion(FloatBuffer(stored.floats)))
                let expected = product(x, by: floats, rows: rows, columns: columns, depth: depth, level)
                let actual = product(x, by: stored.weights, rows: rows, columns: columns, depth: depth, level)
                #expect(actual == expected, "\(rows) × \(columns) × \(depth), \(shift) halves off")
            }
        }
    }

    /// Every half alone in a column, at every place of a block: what comes out is that half.
    @Test(arguments: HalfBuffer.Format.allCases, ProductLevel.available)
    func everyHalfInAProduct(format: HalfBuffer.Format, level: ProductLevel) {
        let depth = 9
        let bits = Self.everyHalf.flatMap { half in
            (0..<depth).map { $0 == Int(half) % depth ? half : 0 }
        }
        let stored = StoredHalves(bits, format)
        let ones = [Float](repeating: 1, count: depth)
        let actual = product(ones, by: stored.weights, rows: 1, columns: 1 << 16, depth: depth, level)
        // A sum that begins with zero has no negative zero, and its NaN is quiet.
        let wrong = Self.everyHalf.first { half in
            let (sum, expected) = (Float(bitPattern: actual[Int(half)]), StoredHalves.widened(half, format))
            return sum != expected && !(sum.isNaN && expected.isNaN)
        }
        #expect(wrong == nil)
    }

    @Test(arguments: HalfBuffer.Format.allCases, IntegerWidth.allCases)
    func quantisedWeights(format: HalfBuffer.Format, width: IntegerWidth) {
        let (rows, columns, depth) = (3, 37, 50)
        var random = TestRandom(seed: 4)
        let x = FloatRegion(FloatBuffer(random.values(rows * depth)))
        let stored = StoredHalves(halves(columns * depth, seed: 5).map { $0 & 0xBBFF }, format, shift: 1)
        func result(_ weight: WeightRegion) -> [Float] {
            let weights = QuantizedWeights(
                weight, columnCount: columns, depth: depth, outliers: [2, 49], width: width)
            let y = FloatRegion(FloatBuffer(count: rows * columns))
            let scratch = QuantizedProduct.Scratch(rowCount: rows, weights: weights).count
            QuantizedProduct.multiply(
                x, by: weights, into: y, rowCount: rows, scratch: FloatRegion(FloatBuffer(count: scratch)))
            return y.array
        }
        #expect(result(stored.weights) == result(WeightRegion(FloatRegion(FloatBuffer(stored.floats)))))
    }

    @Test(arguments: HalfBuffer.Format.allCases) func lookedUpRows(format: HalfBuffer.Format) {
        let (rowCount, width) = (11, 37)
        var random = TestRandom(seed: 6)
        let positions = FloatRegion(FloatBuffer(random.values(5 * width)))
        let tokens: [Int32] = [10, 0, 3, 3, 9]
        let places: [Int32] = [0, 1, 2, 4, 0]
        let stored = StoredHalves(halves(rowCount * width, seed: 8), format)
        func rows(_ table: WeightRegion) -> [Float] {
            let output = FloatBuffer([Float](repeating: .nan, count: tokens.count * width) + [7])
            IndexedRowKernels.embedding(
                table: table, positions: positions, tokens: tokens, places: places,
                into: FloatRegion(output), columnCount: width)
            #expect(output[tokens.count * width] == 7, "nothing is written behind the result")
            return Array(output.array.dropLast())
        }
        #expect(rows(stored.weights) == rows(WeightRegion(FloatRegion(FloatBuffer(stored.floats)))))
    }
}
