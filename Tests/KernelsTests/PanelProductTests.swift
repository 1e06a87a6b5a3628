import Kernels
import TestSupport
import Testing

@Suite("Panel products against their plain twins at every level")
struct PanelProductTests {
    /// Rows, columns, depth: tails of tiles, panels, transposed blocks and runs of depth.
    private static let sizes = [
        (0, 5, 3), (1, 1, 1), (3, 7, 5), (4, 32, 8), (8, 33, 16), (11, 31, 383), (12, 64, 384), (13, 40, 385),
        (25, 96, 9),
        (37, 65, 770), (5, 3, 0),
    ]

    private struct Operands {
        let x: [Float], weight: [Float], bias: [Float], residual: [Float]

        init(_ rows: Int, _ columns: Int, _ depth: Int, _ range: ClosedRange<Double> = -1...1) {
            var random = TestRandom(seed: UInt64(rows * 1_000_000 + columns * 1000 + depth))
            x = random.values(rows * depth, range)
            weight = random.values(columns * depth, range)
            bias = random.values(columns)
            residual = random.values(rows * columns)
        }
    }

    /// The product by the kernel, from buffers that start `shift` floats off their alignment and are followed by guards.
    private func product(
        _ operands: Operands, _ rows: Int, _ columns: Int, _ depth: Int, _ level: ProductLevel, shift: Int = 0,
        activation: ActivationFunction? = nil, hasBias: Bool = false, hasResidual: Bool = false
    ) -> [Float] {
        func region(_ values: [Float]) -> FloatRegion {
            FloatRegion(FloatBuffer([Float](repeating: .nan, count: shift) + values)).suffix(from: shift)
        }
        func blank(_ count: Int) -> FloatRegion { region([Float](repeating: .nan, count: count)) }
        let packed = blank(PanelProduct.packedCount(rowCount: rows, depth: depth))
        PanelProduct.pack(region(operands.x), into: packed, rowCount: rows, depth: depth)
        let guardCount = 40
        let y = region(
            (hasResidual ? operands.residual : operands.residual.map { _ in .nan })
                + [Float](repeating: 7, count: guardCount))
        PanelProduct.multiply(
            packed: packed, by: WeightRegion(region(operands.weight)), bias: hasBias ? region(operands.bias) : nil,
            activation: activation, residual: hasResidual ? y : nil, into: y, rowCount: rows, columnCount: columns,
            depth: depth, panel: blank(PanelProduct.panelCount(depth: depth)), level: level)
        #expect(y.array.suffix(guardCount).allSatisfy { $0 == 7 }, "nothing is written behind the result")
        return Array(y.array.dropLast(guardCount))
    }

    @Test(arguments: sizes, ProductLevel.available)
    func sumsEqualTheTwinInEveryBit(size: (Int, Int, Int), level: ProductLevel) {
        let (rows, columns, depth) = size
        let operands = Operands(rows, columns, depth)
        let expected = PlainKernels<Float>.panelProduct(
            operands.x, weight: operands.weight, rowCount: rows, columnCount: columns, depth: depth,
            isFused: level > .plain)
        for shift in [0, 1, 5] {
            let actual = product(operands, rows, columns, depth, level, shift: shift)
            #expect(actual == expected, "\(size) at \(level), \(shift) floats off")
        }
    }

    @Test(arguments: [nil, ActivationFunction.gelu, .quickGELU, .geluTanh], ProductLevel.available)
    func ends(activation: ActivationFunction?, level: ProductLevel) {
        for (rows, columns, depth) in [(13, 37, 11), (4, 64, 400), (1, 5, 2)] {
            let operands = Operands(rows, columns, depth)
            for (hasBias, hasResidual) in [(false, false), (true, false), (false, true), (true, true)] {
                var sums = PlainKernels<Float>.panelProduct(
                    operands.x, weight: operands.weight, rowCount: rows, columnCount: columns, depth: depth,
                    isFused: level > .plain
                ).map(Double.init)
                for place in sums.indices where hasBias { sums[place] += Double(operands.bias[place % columns]) }
                if let activation { sums = PlainKernels<Double>.activation(activation, of: sums) }
                for place in sums.indices where hasResidual { sums[place] += Double(operands.residual[place]) }
                expectClose(
                    product(
                        operands, rows, columns, depth, level, activation: activation, hasBias: hasBias,
                        hasResidual: hasResidual), sums, bound: 2e-6, "\(level) bias \(hasBias) residual \(hasResidual)"
                )
            }
        }
    }

    /// What a row gives does not depend on the rows and columns beside it.
    @Test(arguments: ProductLevel.available)
    func elementsInAnyCompany(level: ProductLevel) {
        let (rows, columns, depth) = (29, 70, 500)
        let all = Operands(rows, columns, depth)
        let together = product(all, rows, columns, depth, level, activation: .gelu, hasBias: true)
        for row in 0..<rows {
            let x = FloatBuffer(Array(all.x[row * depth..<(row + 1) * depth]))
            let packed = FloatBuffer(count: PanelProduct.packedCount(rowCount: 1, depth: depth))
            PanelProduct.pack(FloatRegion(x), into: FloatRegion(packed), rowCount: 1, depth: depth)
            let y = FloatBuffer(count: columns)
            PanelProduct.multiply(
                packed: FloatRegion(packed), by: WeightRegion(FloatRegion(FloatBuffer(all.weight))),
                bias: FloatRegion(FloatBuffer(all.bias)), activation: .gelu, into: FloatRegion(y), rowCount: 1,
                columnCount: columns, depth: depth,
                panel: FloatRegion(FloatBuffer(count: PanelProduct.panelCount(depth: depth))), level: level)
            #expect(y.array == Array(together[row * columns..<(row + 1) * columns]), "row \(row)")
        }
    }

    /// Columns of a wider matrix: what is beside them stays.
    @Test(arguments: ProductLevel.available)
    func rowsApart(level: ProductLevel) {
        let (rows, columns, depth, stride) = (14, 35, 9, 50)
        let operands = Operands(rows, columns, depth)
        let dense = product(operands, rows, columns, depth, level, hasBias: true, hasResidual: true)
        let packed = FloatBuffer(count: PanelProduct.packedCount(rowCount: rows, depth: depth))
        PanelProduct.pack(
            FloatRegion(FloatBuffer(operands.x)), into: FloatRegion(packed), rowCount: rows, depth: depth)
        let wide = FloatBuffer([Float](repeating: 7, count: rows * stride))
        for row in 0..<rows {
            wide.write(operands.residual[row * columns..<(row + 1) * columns], at: row * stride + 3)
        }
        let y = FloatRegion(wide).suffix(from: 3)
        PanelProduct.multiply(
            packed: FloatRegion(packed), by: WeightRegion(FloatRegion(FloatBuffer(operands.weight))),
            bias: FloatRegion(FloatBuffer(operands.bias)), residual: y, into: y, stride: stride, rowCount: rows,
            columnCount: columns, depth: depth,
            panel: FloatRegion(FloatBuffer(count: PanelProduct.panelCount(depth: depth))),
            level: level)
        for row in 0..<rows {
            let values = wide.array(row * stride..<(row + 1) * stride)
            #expect(Array(values[3..<3 + columns]) == Array(dense[row * columns..<(row + 1) * columns]))
            #expect((values[..<3] + values[(3 + columns)...]).allSatisfy { $0 == 7 })
        }
    }

    @Test(arguments: ProductLevel.available)
    func extremeValues(level: ProductLevel) {
        let operands = Operands(5, 34, 20, -1e18...1e18)
        let expected = PlainKernels<Double>.panelProduct(
            operands.x.map(Double.init), weight: operands.weight.map(Double.init), rowCount: 5, columnCount: 34,
            depth: 20, isFused: false)
        let actual = product(operands, 5, 34, 20, level)
        for (value, exact) in zip(actual, expected) { #expect(abs(Double(value) - exact) <= 1e31, "\(value)") }
        // A row that is not finite spoils itself alone.
        for bad in [Float.nan, .infinity] {
            var x = [Float](repeating: 1, count: 3 * 4)
            x[5] = bad
            let packed = FloatBuffer(count: PanelProduct.packedCount(rowCount: 3, depth: 4))
            PanelProduct.pack(FloatRegion(FloatBuffer(x)), into: FloatRegion(packed), rowCount: 3, depth: 4)
            let y = FloatBuffer(count: 6)
            PanelProduct.multiply(
                packed: FloatRegion(packed), by: WeightRegion(FloatRegion(FloatBuffer([2, 2, 2, 2, 2, 2, 2, 2]))),
                into: FloatRegion(y), rowCount: 3, columnCount: 2, depth: 4,
                panel: FloatRegion(FloatBuffer(count: PanelProduct.panelCount(depth: 4))), level: level)
            #expect(y.array[0...1] == [8, 8] && y.array[4...5] == [8, 8])
            #expect(!y[2].isFinite && !y[3].isFinite)
        }
    }
}
