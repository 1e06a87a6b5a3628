import Kernels

extension Tape {
    /// y = x / max(‖x‖, epsilon) per row; a zero row stays zero.
    public func l2Normalize(_ x: TapeValue, epsilon: Float = L2NormalizationOperation.epsilon) -> TapeValue {
        let y = allocate(x.rowCount, x.columnCount)
        let norms = allocateCache(x.rowCount)
        RowKernels.l2Normalize(
            region(of: x), into: region(of: y), norms: norms, rowCount: x.rowCount, columnCount: x.columnCount,
            epsilon: epsilon)
        record(.l2Normalization(L2NormalizationOperation(x: x, norms: norms, epsilon: epsilon, output: y)))
        return y
    }
}

/// y = x / n, n = max(‖x‖, ε). Since ∂n/∂x = y above ε: dx = (dy − y (y·dy)) / n; below it n is constant: dx = dy / ε.
/// Keeps y and ‖x‖ per row.
public struct L2NormalizationOperation {
    /// PyTorch's `F.normalize` epsilon.
    public static let epsilon: Float = 1e-12

    let x: TapeValue
    let norms: FloatRegion
    let epsilon: Float
    let output: TapeValue

    func backward(_ pass: BackwardPass) {
        guard let gradient = pass.gradient(of: output) else { return }
        if let target = pass.target(for: x) {
            RowKernels.l2NormalizeBackward(
                output: pass.tape.region(of: output), norms: norms, outputGradient: gradient,
                inputGradient: target.region, accumulating: !target.isFresh, rowCount: x.rowCount,
                columnCount: x.columnCount, epsilon: epsilon)
        }
        pass.release(output)
    }
}
