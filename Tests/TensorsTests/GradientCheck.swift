import Kernels
import Tensors
import TestSupport
import Testing

/// Records an operation on a tape whose parameters are all its inputs, and compares value and gradients with its plain twin in
/// Double: the value itself, and central differences of Σ upstream ∘ value.
struct GradientCheck {
    var parameterCount: Int
    var seed: UInt64
    var range: ClosedRange<Double> = -1...1
    /// Bound relative to 1 + |expected|: Float32 sums of some hundred terms.
    var bound = 2e-5
    var label: String

    /// The step of the central differences: truncation error h² and rounding error 1e-16 / h are both far below the bound.
    private static let step = 1e-5

    func run(
        sourceLocation: SourceLocation = #_sourceLocation, record: (Tape) -> TapeValue, plain: ([Double]) -> [Double]
    ) {
        var random = TestRandom(seed: seed)
        let values = random.values(parameterCount, range)
        let tape = Tape(workspaces: TapeWorkspacePool())
        let expected = plain(values.map(Double.init))
        var upstreamRandom = TestRandom(seed: seed &+ 77)
        let upstream = upstreamRandom.values(expected.count)
        let expectedGradient = numericGradient(values.map(Double.init), upstream.map(Double.init), plain)
        // Twice on one tape: memory that is used again must not change anything.
        var first: [Float] = []
        for round in 0..<2 {
            tape.begin(parameters: FloatBuffer(values))
            let output = record(tape)
            let name = "\(label) seed \(seed) round \(round)"
            expectClose(
                tape.tensor(of: output).values, expected, bound: bound, name + " value", sourceLocation: sourceLocation)

            let gradient = FloatBuffer(Array(repeating: Float(0.25), count: parameterCount))
            tape.backward(from: output, gradient: FloatRegion(FloatBuffer(upstream)), into: gradient)
            // Gradients are added to what was there.
            let actual = gradient.array.map { $0 - 0.25 }
            expectClose(actual, expectedGradient, bound: bound, name + " gradient", sourceLocation: sourceLocation)
            if round == 0 { first = gradient.array }
            let isRepeated = gradient.array == first
            #expect(isRepeated, "\(name): other bits than in round 0", sourceLocation: sourceLocation)
        }
    }

    private func numericGradient(
        _ values: [Double], _ upstream: [Double], _ plain: ([Double]) -> [Double]
    ) -> [Double] {
        values.indices.map { index in
            func loss(_ shift: Double) -> Double {
                var moved = values
                moved[index] += shift
                return zip(plain(moved), upstream).reduce(0) { $0 + $1.0 * $1.1 }
            }
            return (loss(Self.step) - loss(-Self.step)) / (2 * Self.step)
        }
    }
}

/// Splits a flat parameter vector in the order of the given counts.
struct Fields {
    private(set) var spans: [ParameterSpan] = []
    private(set) var count = 0

    init(_ counts: Int...) {
        for fieldCount in counts {
            spans.append(ParameterSpan(offset: count, count: fieldCount))
            count += fieldCount
        }
    }

    func values(_ index: Int, of flat: [Double]) -> [Double] {
        Array(flat[spans[index].offset..<spans[index].offset + spans[index].count])
    }
}
