import Kernels

extension Tape {
    /// y = f(x·Wᵀ + b), W [outputWidth, x.columnCount], b [outputWidth].
    public func activatedLinear(
        _ x: TapeValue, weight: ParameterSpan, bias: ParameterSpan?, outputWidth: Int, activation: ActivationFunction
    ) -> TapeValue {
        LinearOperation.check(x, weight, bias, outputWidth)
        let y = allocate(x.rowCount, outputWidth)
        let derivative = allocateCache(x.rowCount * outputWidth)
        LinearKernel.applyActivated(
            region(of: x), weight: parameterRegion(weight), bias: bias.map(parameterRegion), activation: activation,
            into: region(of: y), derivative: derivative, rowCount: x.rowCount, inputWidth: x.columnCount,
            outputWidth: outputWidth)
        record(
            .activatedLinear(
                ActivatedLinearOperation(x: x, weight: weight, bias: bias, derivative: derivative, output: y)))
        return y
    }
}

/// y = f(h), h = x·Wᵀ + b. With dh = dy ∘ f′(h): dW += dhᵀ·x, db += column sums of dh, dx = dh·W.
/// Keeps x and f′(h), which takes the place of h: the forward pass has the exponential at hand, and the backward pass is then
/// one multiplication.
struct ActivatedLinearOperation {
    let x: TapeValue
    let weight: ParameterSpan
    let bias: ParameterSpan?
    let derivative: FloatRegion
    let output: TapeValue

    func backward(_ pass: BackwardPass) {
        guard let gradient = pass.gradient(of: output) else { return }
        RowKernels.activationBackward(
            gradient: gradient, derivative: derivative, biasGradient: bias.map(pass.parameterGradient),
            rowCount: output.rowCount, columnCount: output.columnCount)
        LinearOperation.backward(pass, gradient: gradient, x: x, weight: weight, outputWidth: output.columnCount)
        pass.release(output)
    }
}
