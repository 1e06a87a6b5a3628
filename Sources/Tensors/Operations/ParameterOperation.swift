import Kernels

/// A parameter read as a value. Backward: parameter gradient += output gradient. Keeps nothing.
struct ParameterOperation {
    let span: ParameterSpan
    let output: TapeValue

    func backward(_ pass: BackwardPass) {
        guard let gradient = pass.gradient(of: output) else { return }
        RowKernels.add(gradient, to: pass.parameterGradient(span))
        pass.release(output)
    }
}
