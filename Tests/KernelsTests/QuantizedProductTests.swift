import Kernels
import TestSupport
import Testing

private typealias Plain = PlainKernels<Float>

@Suite("Products in integers against their plain twins at every level")
struct QuantizedProductTests {
    /// Rows, columns, depth, outliers: tails of tiles, panels and quads.
    private static let cases: [(Int, Int, Int, [Int])] = [
        (0, 5, 3, []), (1, 1, 1, []), (1, 1, 1, [0]), (3, 7, 5, [4]), (4, 32, 8, []), (8, 33, 16, [0, 15]),
        (11, 31, 63, [1, 2, 3]), (12, 64, 64, []), (13, 40, 130, [7, 100]), (25, 70, 257, [256]),
        (2, 3, 4, [0, 1, 2, 3]),
    ]

    private func product(
        _ x: [Float], _ weight: [Float], _ rows: Int, _ columns: Int, _ depth: Int, _ outliers: [Int],
        _ level: ProductLevel, shift: Int = 0, activation: ActivationFunction? = nil, bias: [Float]? = nil,
        residual: [Float]? = nil, width: IntegerWidth = .bytes
    ) -> [Float] {
        func region(_ values: [Float]) -> FloatRegion {
            FloatRegion(FloatBuffer([Float](repeating: .nan, count: shift) + values)).suffix(from: shift)
        }
        let weights = QuantizedWeights(
            WeightRegion(region(weight)), columnCount: columns, depth: depth, outliers: outliers.map(Int32.init),
            width: width)
        let scratch = QuantizedProduct.Scratch(rowCount: rows, weights: weights)
        let guards = [Float](repeating: 7, count: 40)
        let y = region((residual ?? [Float](repeating: .nan, count: rows * columns)) + guards)
        let memory = region([Float](repeating: .nan, count: scratch.count) + guards)
        QuantizedProduct.multiply(
            region(x), by: weights, bias: bias.map(region), activation: activation, residual: residual == nil ? nil : y,
            into: y, rowCount: rows, scratch: memory, level: level)
        #expect(Array(y.array.suffix(40)) == guards, "nothing is written behind the result")
        #expect(Array(memory.array.suffix(40)) == guards, "nor behind the scratch")
        return Array(y.array.dropLast(40))
    }

    @Test(arguments: cases, IntegerWidth.allCases)
    func equalsTheTwinInEveryBit(size: (Int, Int, Int, [Int]), width: IntegerWidth) {
        let (rows, columns, depth, outliers) = size
        var random = TestRandom(seed: UInt64(rows * 1_000_000 + columns * 1000 + depth))
        var x = random.values(rows * depth, -2...3)
        for row in 0..<rows { for place in outliers { x[row * depth + place] *= 40 } }
        let weight = random.values(columns * depth)
        for level in ProductLevel.available {
            let expected = Plain.quantizedProduct(
                x, weight: weight, rowCount: rows, columnCount: columns, depth: depth, outliers: outliers,
                isFused: level > .plain, width: width)
            for shift in [0, 1, 3] {
                let actual = product(x, weight, rows, columns, depth, outliers, level, shift: shift, width: width)
                #expect(actual == expected, "\(size) at \(level), \(shift) floats off")
            }
        }
    }

    /// The largest integers there are: 8-bit instructions that saturate would differ, and so would sums beyond 32 bits.
    @Test(arguments: IntegerWidth.allCases, [1, 2, 5, 768, 4100])
    func extremeIntegers(width: IntegerWidth, depth: Int) {
        for (low, high) in [(Float(0), Float(1)), (-1, 0), (-1, 1)] {
            let x = (0..<2 * depth).map { $0 / depth == 0 || $0.isMultiple(of: 2) ? high : low }
            let weight = (0..<3 * depth).map { place -> Float in
                switch place / depth {
                case 0: 1
                case 1: -1
                default: place.isMultiple(of: 2) ? 1 : -1
                }
            }
            let expected = Plain.quantizedProduct(
                x, weight: weight, rowCount: 2, columnCount: 3, depth: depth, outliers: [], isFused: true,
                width: width)
            for level in ProductLevel.available {
                #expect(
                    product(x, weight, 2, 3, depth, [], level, width: width) == expected,
                    "\(low) to \(high) at \(level)")
            }
        }
    }

    @Test(arguments: ProductLevel.available, IntegerWidth.allCases)
    func endsAndOddValues(level: ProductLevel, width: IntegerWidth) {
        var random = TestRandom(seed: 5)
        let (rows, columns, depth) = (5, 35, 12)
        var x = random.values(rows * depth)
        for place in 0..<depth { x[depth + place] = 0 }
        x[2 * depth + 3] = .nan
        x[3 * depth + 11] = .infinity
        for place in 0..<depth { x[4 * depth + place] = 1e-38 }
        let weight = random.values(columns * depth)
        let (bias, residual) = (random.values(columns), random.values(rows * columns))
        let sums = Plain.quantizedProduct(
            Array(x[..<depth]), weight: weight, rowCount: 1, columnCount: columns, depth: depth, outliers: [],
            isFused: false, width: width)
        for activation in [nil, ActivationFunction.gelu, .quickGELU, .geluTanh] {
            // Before it is rounded to bytes again the exact GELU need not be.
            let bound = activation == .gelu && width == .bytes ? 1e-4 : 2e-6
            let y = product(
                x, weight, rows, columns, depth, [], level, activation: activation, bias: bias, residual: residual,
                width: width)
            func finished(_ sums: [Float]) -> [Double] {
                let biased = zip(sums, bias).map { Double($0) + Double($1) }
                return activation.map { PlainKernels<Double>.activation($0, of: biased) } ?? biased
            }
            expectClose(
                Array(y[..<columns]), zip(finished(sums), residual).map { $0 + Double($1) }, bound: bound, "first row")
            // Zeros, and values too small to have a range, are zeros.
            for row in [1, 4] {
                expectClose(
                    Array(y[row * columns..<(row + 1) * columns]),
                    zip(finished([Float](repeating: 0, count: columns)), residual[(row * columns)...]).map {
                        $0 + Double($1)
                    }, bound: bound, "row \(row)")
            }
            #expect(y[2 * columns..<4 * columns].allSatisfy { $0.isNaN }, "rows that are not finite are NaN")
        }
    }

    /// Rows of zeros leave the bias alone to the activation.
    @Test(arguments: ProductLevel.available)
    func theWholeRangeOfTheGELU(level: ProductLevel) {
        let bias = (-4000...4000).map { Float($0) * 0.003 } + [-1e4, 1e4, -4.2, 4.2, -0.0, 1e-30]
        let y = product(
            [0], [Float](repeating: 1, count: bias.count), 1, bias.count, 1, [], level, activation: .gelu, bias: bias)
        for (value, (x, exact)) in zip(y, zip(bias, PlainKernels<Double>.activation(.gelu, of: bias.map(Double.init))))
        {
            // Small values, whose 8-bit steps are small, are as exact as large ones.
            let bound = min(9e-5, 6e-4 * Double(x) * Double(x)) + 4e-7 * abs(Double(x))
            #expect(abs(Double(value) - exact) <= bound, "\(x): \(value) instead of \(exact)")
        }
        #expect(product([0], [1], 1, 1, 1, [], level, activation: .gelu, bias: [.nan])[0].isNaN)
    }

    /// Whole tiles, their tails and tiles with outliers are finished in different loops, to the same bits.
    @Test(arguments: [nil, ActivationFunction.gelu, .quickGELU, .geluTanh], IntegerWidth.allCases)
    func levelsAgree(activation: ActivationFunction?, width: IntegerWidth) {
        var random = TestRandom(seed: 9)
        let (rows, columns, depth) = (29, 75, 402)
        let (x, weight) = (random.values(rows * depth, -3...3), random.values(columns * depth))
        let (bias, residual) = (random.values(columns), random.values(rows * columns))
        let ends: [([Float]?, [Float]?)] = [(bias, residual), (nil, residual), (bias, nil), (nil, nil)]
        for (bias, residual) in ends {
            func y(_ rowCount: Int, _ level: ProductLevel) -> [Float] {
                product(
                    Array(x[..<(rowCount * depth)]), weight, rowCount, columns, depth, [], level,
                    activation: activation, bias: bias, residual: residual.map { Array($0[..<(rowCount * columns)]) },
                    width: width)
            }
            let whole = y(rows, .best)
            for level in ProductLevel.available where level > .plain { #expect(y(rows, level) == whole, "\(level)") }
            #expect(y(7, .best) == Array(whole[..<(7 * columns)]), "a row does not depend on its company")
        }
    }

    /// Words are some ten times finer than bytes.
    @Test func wordsAreFiner() {
        var random = TestRandom(seed: 8)
        let depth = 768
        let (x, weight) = (random.values(depth), random.values(40 * depth))
        let exact = PlainKernels<Double>.panelProduct(
            x.map(Double.init), weight: weight.map(Double.init), rowCount: 1, columnCount: 40, depth: depth,
            isFused: false)
        func error(_ width: IntegerWidth) -> Double {
            let y = product(x, weight, 1, 40, depth, [], .best, width: width)
            return zip(y, exact).map { (Double($0) - $1) * (Double($0) - $1) }.reduce(0, +).squareRoot()
        }
        #expect(error(.words) * 8 < error(.bytes), "\(error(.words)) and \(error(.bytes))")
    }

    @Test func weightsWithoutARange() {
        let y = product([1, 2], [0, 0, 1e-38, -1e-38], 1, 2, 2, [], .best)
        #expect(y == [0, 0])
    }
}
