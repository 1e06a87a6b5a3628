import Testing

@testable import Encoders

/// Layers that disappear at load.
@Suite struct FoldingTests {
    private func apply(_ rule: ForeignNaming.Folding.Rule, to values: [Float], _ others: [[Float]]) -> [Float] {
        var values = values
        var span = values.mutableSpan
        rule.apply(to: &span, others: others)
        return values
    }

    /// Two channels whose variances plus epsilon are 4 and ¼ but for the rounding of the variance.
    @Test func batchNormByHand() {
        let gain: [Float] = [3, -0.5]
        let variance: [Float] = [4 - 1e-5, 0.25 - 1e-5]
        let weight = apply(.batchNormWeight, to: [1, 2, 10, 20], [gain, variance])
        for (actual, expected) in zip(weight, [1.5, 3, -10, -20]) { #expect(abs(Double(actual) - expected) < 1e-5) }
        let bias = apply(.batchNormBias, to: [0.25, 7], [gain, variance, [2, -3]])
        for (actual, expected) in zip(bias, [-2.75, 4.0]) {
            #expect(abs(Double(actual) - expected) < 1e-5)
        }
    }

    /// Products of short fractions are exact.
    @Test func layerScaleByHand() {
        #expect(apply(.layerScale, to: [1, 2, 3, 4, 5, 6], [[0.5, -2]]) == [0.5, 1, 1.5, -8, -10, -12])
    }

    /// A variance that training cannot have makes weights that are no numbers, which loading refuses.
    @Test func aNegativeVarianceIsNotANumber() {
        #expect(apply(.batchNormWeight, to: [1], [[1], [-1]])[0].isNaN)
    }
}
