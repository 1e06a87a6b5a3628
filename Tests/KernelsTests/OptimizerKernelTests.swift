import Kernels
import TestSupport
import Testing

@Suite struct OptimizerKernelTests {
    @Test(arguments: [1, 15, 1000])
    func adamWFollowsItsTwin(count: Int) {
        var random = TestRandom(seed: 1)
        let start = random.values(count)
        let parameters = FloatBuffer(start)
        let first = FloatBuffer(count: count)
        let second = FloatBuffer(count: count)
        var wide = start.map(Double.init)
        var wideFirst = [Double](repeating: 0, count: count)
        var wideSecond = wideFirst
        for step in 1...5 {
            let gradient = random.values(count, -2...2)
            OptimizerKernels.adamW(
                parameters: FloatRegion(parameters), firstMoment: FloatRegion(first), secondMoment: FloatRegion(second),
                gradient: FloatRegion(FloatBuffer(gradient)),
                step: .init(
                    step: step, rate: 0.01, beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0.2,
                    gradientScale: 0.5))
            PlainKernels.adamW(
                parameters: &wide, firstMoment: &wideFirst, secondMoment: &wideSecond,
                gradient: gradient.map { Double($0) / 2 }, step: step, rate: 0.01, beta1: 0.9, beta2: 0.98,
                epsilon: 1e-6, weightDecay: 0.2)
            expectClose(parameters.array, wide, bound: 2e-6, "step \(step)")
        }
        expectClose(second.array, wideSecond, bound: 1e-6, "second moment")
    }

    /// The first step moves every parameter by the rate against its gradient's sign: m̂/√v̂ = ±1.
    @Test func firstStepByHand() {
        let parameters = FloatBuffer([1, 1, 1])
        OptimizerKernels.adamW(
            parameters: FloatRegion(parameters), firstMoment: FloatRegion(FloatBuffer(count: 3)),
            secondMoment: FloatRegion(FloatBuffer(count: 3)), gradient: FloatRegion(FloatBuffer([3, -0.5, 0])),
            step: .init(step: 1, rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 0, weightDecay: 0))
        #expect(abs(parameters[0] - 0.9) < 1e-6 && abs(parameters[1] - 1.1) < 1e-6)
        // 0/0 without an epsilon: the caller's own wish.
        #expect(parameters[2].isNaN)
    }

    @Test func splittingChangesNoBit() {
        var random = TestRandom(seed: 2)
        let start = random.values(1003)
        let gradient = FloatBuffer(random.values(1003))
        let step = OptimizerKernels.AdamWStep(
            step: 3, rate: 0.01, beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0.1)
        func run(_ cuts: [Int]) -> [Float] {
            let buffers = [FloatBuffer(start), FloatBuffer(count: 1003), FloatBuffer(count: 1003)]
            for (begin, end) in zip([0] + cuts, cuts + [1003]) {
                let regions = (buffers + [gradient]).map { FloatRegion($0, offset: begin, count: end - begin) }
                OptimizerKernels.adamW(
                    parameters: regions[0], firstMoment: regions[1], secondMoment: regions[2], gradient: regions[3],
                    step: step)
            }
            return buffers[0].array
        }
        #expect(run([]) == run([1, 77, 500]))
    }

    @Test(arguments: [0, 1, 16, 31, 100_003])
    func sumOfSquaresIsInDouble(count: Int) {
        var random = TestRandom(seed: 3)
        var values = random.values(count)
        if count > 2 { values[1] = 1e6 }
        let expected = values.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(OptimizerKernels.sumOfSquares(FloatRegion(FloatBuffer(values))) - expected) <= 1e-13 * expected)
    }

    @Test func finiteness() {
        #expect(
            RowKernels.isFinite(FloatRegion(FloatBuffer([0, -0.0, .greatestFiniteMagnitude, .leastNonzeroMagnitude]))))
        for bad in [Float.nan, .infinity, -.infinity] {
            var values = [Float](repeating: 1, count: 37)
            values[36] = bad
            #expect(!RowKernels.isFinite(FloatRegion(FloatBuffer(values))))
        }
    }
}
