extension PlainKernels {
    /// One AdamW step over parameters, first and second moments; `step` counts from 1.
    public static func adamW(
        parameters: inout [Scalar], firstMoment: inout [Scalar], secondMoment: inout [Scalar], gradient: [Scalar],
        step: Int, rate: Scalar, beta1: Scalar, beta2: Scalar, epsilon: Scalar, weightDecay: Scalar
    ) {
        var correction1: Scalar = 1
        var correction2: Scalar = 1
        for _ in 0..<step {
            correction1 *= beta1
            correction2 *= beta2
        }
        for index in parameters.indices {
            parameters[index] *= 1 - rate * weightDecay
            firstMoment[index] = beta1 * firstMoment[index] + (1 - beta1) * gradient[index]
            secondMoment[index] = beta2 * secondMoment[index] + (1 - beta2) * gradient[index] * gradient[index]
            let mean = firstMoment[index] / (1 - correction1)
            let root = (secondMoment[index] / (1 - correction2)).squareRoot()
            parameters[index] -= rate * mean / (root + epsilon)
        }
    }
}
