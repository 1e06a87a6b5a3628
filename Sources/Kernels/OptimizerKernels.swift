import CKernels

/// Fused loops over flat parameter ranges; element-wise, so that any split over threads gives the same bits.
public enum OptimizerKernels {
    /// The numbers of one AdamW step that do not change from parameter to parameter.
    public struct AdamWStep: Sendable, Equatable {
        /// Multiplies the gradient first: the clipping factor.
        public var gradientScale: Float
        /// Decay of the first moment.
        public var beta1: Float
        /// Decay of the second moment.
        public var beta2: Float
        /// Added to the root of the second moment.
        public var epsilon: Float
        /// rate / (1 − β₁ᵗ).
        public let stepRate: Float
        /// 1 / √(1 − β₂ᵗ).
        public let reciprocalRootCorrection: Float
        /// rate · λ.
        public let decayRate: Float

        /// Prepares step `step` (from 1) at learning rate `rate` with weight decay λ; corrections are computed in Double.
        public init(
            step: Int, rate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double,
            gradientScale: Float = 1
        ) {
            precondition(step >= 1, "AdamW steps count from 1, not \(step)")
            func power(_ base: Double) -> Double {
                var result = 1.0
                var factor = base
                var exponent = step
                while exponent > 0 {
                    if exponent & 1 == 1 { result *= factor }
                    factor *= factor
                    exponent >>= 1
                }
                return result
            }
            self.gradientScale = gradientScale
            self.beta1 = Float(beta1)
            self.beta2 = Float(beta2)
            self.epsilon = Float(epsilon)
            stepRate = Float(rate / (1 - power(beta1)))
            reciprocalRootCorrection = Float(1 / (1 - power(beta2)).squareRoot())
            decayRate = Float(rate * weightDecay)
        }
    }

    /// One decoupled AdamW step (Loshchilov and Hutter 2019), in place:
    /// p −= p·decayRate; m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²; p −= stepRate · m / (√v · correction + ε).
    public static func adamW(
        parameters: FloatRegion, firstMoment: FloatRegion, secondMoment: FloatRegion, gradient: FloatRegion,
        step: AdamWStep
    ) {
        let count = parameters.count
        precondition(
            firstMoment.count == count && secondMoment.count == count && gradient.count == count,
            "AdamW: \(count) parameters, moments of \(firstMoment.count) and \(secondMoment.count), gradient of \(gradient.count)"
        )
        unsafe vlm_adamw(
            parameters.pointer, firstMoment.pointer, secondMoment.pointer, gradient.pointer, count, step.gradientScale,
            step.beta1, step.beta2, step.stepRate, step.reciprocalRootCorrection, step.epsilon, step.decayRate)
    }

    /// The sum of squares, accumulated in Double in an order that depends on the count alone.
    public static func sumOfSquares(_ values: FloatRegion) -> Double {
        unsafe vlm_sum_of_squares(values.pointer, values.count)
    }
}
