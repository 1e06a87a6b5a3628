import Kernels

extension Tape {
    /// y = (x − mean(x)) / √(var(x) + epsilon) · gain + bias per row, population variance (Ba, Kiros, Hinton 2016).
    public func layerNorm(
        _ x: TapeValue, gain: ParameterSpan, bias: ParameterSpan, epsilon: Float = LayerNormOperation.epsilon
    ) -> TapeValue {
        precondition(
            gain.count == x.columnCount && bias.count == x.columnCount,
            "layer norm: gain of \(gain.count), bias of \(bias.count) for \(x.columnCount) columns")
        let y = allocate(x.rowCount, x.columnCount)
        let means = allocateCache(x.rowCount)
        let reciprocalDeviations = allocateCache(x.rowCount)
        RowKernels.layerNorm(
            region(of: x), gain: parameterRegion(gain), bias: parameterRegion(bias), into: region(of: y), means: means,
            reciprocalDeviations: reciprocalDeviations, rowCount: x.rowCount, columnCount: x.columnCount,
            epsilon: epsilon)
        record(
            .layerNorm(
                LayerNormOperation(
                    x: x, gain: gain, bias: bias, means: means, reciprocalDeviations: reciprocalDeviations, output: y)))
        return y
    }
}

/// y = x̂·g + b with x̂ = (x − μ)·ρ, ρ = (σ² + ε)^−½ over C columns. With u = dy ∘ g:
/// dg += Σ dy ∘ x̂, db += Σ dy, dx = ρ (u − mean(u) − x̂ · mean(u ∘ x̂)),
/// since μ and ρ depend on every x of the row: ∂μ/∂x = 1/C and ∂ρ/∂x = −ρ² x̂ / C.
/// Keeps x, μ and ρ per row.
public struct LayerNormOperation {
    /// PyTorch's and CLIP's epsilon.
    public static let epsilon: Float = 1e-5

    let x: TapeValue
    let gain: ParameterSpan
    let bias: ParameterSpan
    let means: FloatRegion
    let reciprocalDeviations: FloatRegion
    let output: TapeValue

    func backward(_ pass: BackwardPass) {
        guard let gradient = pass.gradient(of: output) else { return }
        // Gain and bias want their gradients even where x wants none; then x's goes to memory that is given back.
        let target = pass.target(for: x)
        let block = target == nil ? pass.workspace.acquire(gradient.count) : -1
        RowKernels.layerNormBackward(
            input: pass.tape.region(of: x), outputGradient: gradient, gain: pass.tape.parameterRegion(gain),
            means: means, reciprocalDeviations: reciprocalDeviations,
            inputGradient: target?.region ?? pass.workspace.region(block, gradient.count),
            accumulating: !(target?.isFresh ?? true), gainGradient: pass.parameterGradient(gain),
            biasGradient: pass.parameterGradient(bias), rowCount: x.rowCount, columnCount: x.columnCount)
        if block >= 0 { pass.workspace.release(block) }
        pass.release(output)
    }
}
