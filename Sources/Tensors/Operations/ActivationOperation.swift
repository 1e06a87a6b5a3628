import Kernels

extension Tape {
    /// y = f(x), element by element.
    public func activation(_ x: TapeValue, _ function: ActivationFunction) -> TapeValue {
        let y = allocate(x.rowCount, x.columnCount)
        let derivative = allocateCache(x.rowCount * x.columnCount)
        RowKernels.activation(
            function, of: region(of: x), bias: nil, into: region(of: y), derivative: derivative, rowCount: x.rowCount,
            columnCount: x.columnCount)
        record(.activation(ActivationOperation(x: x, derivative: derivative, output: y)))
        return y
    }
}

/// y = f(x); dx = dy ∘ f′(x). Keeps f′(x).
struct ActivationOperation {
    let x: TapeValue
    let derivative: FloatRegion
    let output: TapeValue

    func backward(_ pass: BackwardPass) {
        guard let gradient = pass.gradient(of: output) else { return }
        RowKernels.activationBackward(
            gradient: gradient, derivative: derivative, biasGradient: nil, rowCount: output.rowCount,
            columnCount: output.columnCount)
        pass.hand(output, to: x)
    }
}
