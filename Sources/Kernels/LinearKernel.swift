/// Linear maps y = x·Wᵀ + b of row-major matrices, W [outputWidth, inputWidth].
public enum LinearKernel {
    /// y = x·Wᵀ + b + residual; a missing bias or residual counts as zero. `residual` may be `y` itself.
    public static func apply(
        _ x: FloatRegion, weight: FloatRegion, bias: FloatRegion? = nil, residual: FloatRegion? = nil,
        into y: FloatRegion, rowCount: Int, inputWidth: Int, outputWidth: Int
    ) {
        let startsFilled = bias != nil || residual != nil
        if startsFilled {
            RowKernels.addBias(bias, to: residual, into: y, rowCount: rowCount, columnCount: outputWidth)
        }
        MatrixProduct.multiply(
            x, by: weight, isRightTransposed: true, into: y, rowCount: rowCount, columnCount: outputWidth,
            depth: inputWidth, beta: startsFilled ? 1 : 0)
    }

    /// y = f(x·Wᵀ + b), and derivative = f′(x·Wᵀ + b) where asked for.
    public static func applyActivated(
        _ x: FloatRegion, weight: FloatRegion, bias: FloatRegion?, activation: ActivationFunction, into y: FloatRegion,
        derivative: FloatRegion? = nil, rowCount: Int, inputWidth: Int, outputWidth: Int
    ) {
        let sums = derivative ?? y
        MatrixProduct.multiply(
            x, by: weight, isRightTransposed: true, into: sums, rowCount: rowCount, columnCount: outputWidth,
            depth: inputWidth)
        RowKernels.activation(
            activation, of: sums, bias: bias, into: y, derivative: derivative, rowCount: rowCount,
            columnCount: outputWidth)
    }
}
