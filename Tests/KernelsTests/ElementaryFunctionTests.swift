import Glibc
import Kernels
import TestSupport
import Testing

@Suite("Polynomials against libm in Double")
struct ElementaryFunctionTests {
    /// Every 97th float of the range and its ends.
    private func samples(_ range: ClosedRange<Float>, count: Int = 200_000) -> [Float] {
        (0...count).map { range.lowerBound + (range.upperBound - range.lowerBound) * Float($0) / Float(count) }
    }

    @Test func exponentialIsAccurate() {
        let x = samples(-87.3...88)
        let y = FloatBuffer(count: x.count)
        RowKernels.exponential(FloatRegion(FloatBuffer(x)), into: FloatRegion(y))
        var worst = 0.0
        for index in x.indices {
            worst = max(worst, abs(Double(y[index]) / exp(Double(x[index])) - 1))
        }
        #expect(worst < 3e-7)
    }

    @Test func exponentialAtTheEnds() {
        let x: [Float] = [-.infinity, -1000, -88, 0, 88.02, 1000, .infinity, .nan]
        let y = FloatBuffer(count: x.count)
        RowKernels.exponential(FloatRegion(FloatBuffer(x)), into: FloatRegion(y))
        #expect(y.array(0..<4) == [0, 0, 0, 1])
        #expect(y[4].isFinite && y[5] == y[4] && y[6] == y[4] && y[7].isNaN)
    }

    @Test(arguments: [ActivationFunction.gelu, .quickGELU, .geluTanh])
    func activationIsAccurate(function: ActivationFunction) {
        let x = samples(-13...13)
        let y = FloatBuffer(count: x.count)
        let derivative = FloatBuffer(count: x.count)
        RowKernels.activation(
            function, of: FloatRegion(FloatBuffer(x)), bias: nil, into: FloatRegion(y),
            derivative: FloatRegion(derivative), rowCount: 1, columnCount: x.count)
        let wide = x.map(Double.init)
        let expected = PlainKernels<Double>.activation(function, of: wide)
        let expectedDerivative = PlainKernels<Double>.activationDerivative(function, of: wide)
        var worst = 0.0
        var worstDerivative = 0.0
        for index in x.indices {
            // Relative where the value is normal, also deep in the left tail.
            if abs(expected[index]) > 1e-37 { worst = max(worst, abs(Double(y[index]) / expected[index] - 1)) }
            worstDerivative = max(worstDerivative, abs(Double(derivative[index]) - expectedDerivative[index]))
        }
        let (bound, derivativeBound) =
            switch function {
            case .gelu: (1e-6, 6e-7)
            // The argument 1.702x is rounded once before the exponential: 22 · 6e-8 more in the tail. σ(1.702x) moves by
            // 1.702 · 6e-8 · x relative; times x again where the derivative is steep.
            case .quickGELU: (2.5e-6, 1.5e-6)
            // The argument reaches 85 in the tail and is rounded three times: 85 · 2e-7 relative, of values below 1e-36.
            case .geluTanh: (2e-5, 3e-6)
            }
        #expect(worst < bound)
        #expect(worstDerivative < derivativeBound)
        let zero = FloatBuffer([0, .nan, -100, 100])
        RowKernels.activation(
            function, of: FloatRegion(zero), bias: nil, into: FloatRegion(zero), derivative: nil, rowCount: 2,
            columnCount: 2)
        #expect(zero[0] == 0 && zero[1].isNaN && abs(zero[2]) < 1e-30 && zero[3] == 100)
    }

    @Test func biasAndDerivativeInPlace() {
        var random = TestRandom(seed: 3)
        let (rows, columns) = (5, 37)
        let h = random.values(rows * columns, -4...4)
        let bias = random.values(columns)
        let shifted = h.indices.map { Double(h[$0] + bias[$0 % columns]) }
        let derivative = FloatBuffer(h)
        let output = FloatBuffer(count: h.count)
        RowKernels.activation(
            .gelu, of: FloatRegion(derivative), bias: FloatRegion(FloatBuffer(bias)), into: FloatRegion(output),
            derivative: FloatRegion(derivative), rowCount: rows, columnCount: columns)
        expectClose(output.array, PlainKernels.activation(.gelu, of: shifted), bound: 1e-6, "output")
        expectClose(
            derivative.array, PlainKernels.activationDerivative(.gelu, of: shifted), bound: 1e-6, "derivative")
        let inPlace = FloatBuffer(h)
        RowKernels.activation(
            .gelu, of: FloatRegion(inPlace), bias: FloatRegion(FloatBuffer(bias)), into: FloatRegion(inPlace),
            derivative: nil, rowCount: rows, columnCount: columns)
        #expect(inPlace.array == output.array)
    }
}
