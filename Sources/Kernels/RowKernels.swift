import CKernels

/// The nonlinearities that have a kernel.
public enum ActivationFunction: Sendable {
    /// x·Φ(x), exact.
    case gelu
    /// x·σ(1.702x).
    case quickGELU
    /// ½x(1 + tanh(√(2/π)(x + 0.044715x³))).
    case geluTanh

    var code: Int32 {
        switch self {
        case .gelu: Int32(VLM_ACTIVATION_GELU)
        case .quickGELU: Int32(VLM_ACTIVATION_QUICK_GELU)
        case .geluTanh: Int32(VLM_ACTIVATION_GELU_TANH)
        }
    }
}

/// Row-wise loops over dense row-major matrices [rowCount, columnCount]; all sums in Float32 unless stated.
///
/// Every function checks that its regions are large enough and traps otherwise. Outputs must not overlap inputs except
/// where that is allowed explicitly.
public enum RowKernels {
    /// output = f(input + bias); derivative = f′(input + bias) where asked for.
    ///
    /// `output` may be `input` when no derivative is kept; `derivative` may be `input`.
    public static func activation(
        _ function: ActivationFunction, of input: FloatRegion, bias: FloatRegion?, into output: FloatRegion,
        derivative: FloatRegion?, rowCount: Int, columnCount: Int
    ) {
        let count = rowCount * columnCount
        input.require(count, "activation", "input")
        output.require(count, "activation", "output")
        bias?.require(columnCount, "activation", "bias")
        derivative?.require(count, "activation", "derivative")
        unsafe vlm_activation_forward(
            input.pointer, bias?.pointer, output.pointer, derivative?.pointer, rowCount, columnCount, function.code)
    }

    /// gradient *= derivative; biasGradient += column sums of the product.
    public static func activationBackward(
        gradient: FloatRegion, derivative: FloatRegion, biasGradient: FloatRegion?, rowCount: Int, columnCount: Int
    ) {
        gradient.require(rowCount * columnCount, "activation backward", "gradient")
        derivative.require(rowCount * columnCount, "activation backward", "derivative")
        biasGradient?.require(columnCount, "activation backward", "bias gradient")
        unsafe vlm_activation_backward(
            gradient.pointer, derivative.pointer, biasGradient?.pointer, rowCount, columnCount)
    }

    /// sums += column sums of the matrix.
    public static func addColumnSums(
        of matrix: FloatRegion, to sums: FloatRegion, rowCount: Int, columnCount: Int
    ) {
        matrix.require(rowCount * columnCount, "column sums", "matrix")
        sums.require(columnCount, "column sums", "sums")
        unsafe vlm_add_column_sum(matrix.pointer, sums.pointer, rowCount, columnCount)
    }

    /// output = source + bias in each row; a missing operand counts as zero. `output` may be `source`.
    public static func addBias(
        _ bias: FloatRegion?, to source: FloatRegion?, into output: FloatRegion, rowCount: Int, columnCount: Int
    ) {
        output.require(rowCount * columnCount, "bias", "output")
        source?.require(rowCount * columnCount, "bias", "source")
        bias?.require(columnCount, "bias", "bias")
        unsafe vlm_add_bias(source?.pointer, bias?.pointer, output.pointer, rowCount, columnCount)
    }

    /// output = (input − mean) / √(variance + epsilon) · gain + bias per row, population variance.
    ///
    /// `means` and `reciprocalDeviations` [rowCount] are kept where asked for. `output` may be `input`.
    public static func layerNorm(
        _ input: FloatRegion, gain: FloatRegion, bias: FloatRegion, into output: FloatRegion, means: FloatRegion?,
        reciprocalDeviations: FloatRegion?, rowCount: Int, columnCount: Int, epsilon: Float
    ) {
        input.require(rowCount * columnCount, "layer norm", "input")
        output.require(rowCount * columnCount, "layer norm", "output")
        gain.require(columnCount, "layer norm", "gain")
        bias.require(columnCount, "layer norm", "bias")
        means?.require(rowCount, "layer norm", "means")
        reciprocalDeviations?.require(rowCount, "layer norm", "reciprocal deviations")
        unsafe vlm_layer_norm_forward(
            input.pointer, gain.pointer, bias.pointer, output.pointer, means?.pointer, reciprocalDeviations?.pointer,
            rowCount, columnCount, epsilon)
    }

    /// The gradients of `layerNorm`; `inputGradient` is overwritten or, if told so, added to; the others are added to.
    public static func layerNormBackward(
        input: FloatRegion, outputGradient: FloatRegion, gain: FloatRegion, means: FloatRegion,
        reciprocalDeviations: FloatRegion, inputGradient: FloatRegion, accumulating: Bool, gainGradient: FloatRegion,
        biasGradient: FloatRegion, rowCount: Int, columnCount: Int
    ) {
        let count = rowCount * columnCount
        input.require(count, "layer norm backward", "input")
        outputGradient.require(count, "layer norm backward", "output gradient")
        inputGradient.require(count, "layer norm backward", "input gradient")
        gain.require(columnCount, "layer norm backward", "gain")
        gainGradient.require(columnCount, "layer norm backward", "gain gradient")
        biasGradient.require(columnCount, "layer norm backward", "bias gradient")
        means.require(rowCount, "layer norm backward", "means")
        reciprocalDeviations.require(rowCount, "layer norm backward", "reciprocal deviations")
        unsafe vlm_layer_norm_backward(
            input.pointer, outputGradient.pointer, gain.pointer, means.pointer, reciprocalDeviations.pointer,
            inputGradient.pointer, accumulating ? 1 : 0, gainGradient.pointer, biasGradient.pointer, rowCount,
            columnCount)
    }

    /// output = input / max(‖input‖, epsilon) per row; `norms` [rowCount] are kept.
    public static func l2Normalize(
        _ input: FloatRegion, into output: FloatRegion, norms: FloatRegion, rowCount: Int, columnCount: Int,
        epsilon: Float
    ) {
        input.require(rowCount * columnCount, "L2 normalise", "input")
        output.require(rowCount * columnCount, "L2 normalise", "output")
        norms.require(rowCount, "L2 normalise", "norms")
        unsafe vlm_l2_normalise_forward(
            input.pointer, output.pointer, norms.pointer, rowCount, columnCount, epsilon)
    }

    /// The gradient of `l2Normalize` from its output and norms.
    public static func l2NormalizeBackward(
        output: FloatRegion, norms: FloatRegion, outputGradient: FloatRegion, inputGradient: FloatRegion,
        accumulating: Bool, rowCount: Int, columnCount: Int, epsilon: Float
    ) {
        output.require(rowCount * columnCount, "L2 normalise backward", "output")
        outputGradient.require(rowCount * columnCount, "L2 normalise backward", "output gradient")
        inputGradient.require(rowCount * columnCount, "L2 normalise backward", "input gradient")
        norms.require(rowCount, "L2 normalise backward", "norms")
        unsafe vlm_l2_normalise_backward(
            output.pointer, norms.pointer, outputGradient.pointer, inputGradient.pointer, accumulating ? 1 : 0,
            rowCount, columnCount, epsilon)
    }

    /// output = softmax of each row; `logSums` [rowCount] = log Σ exp(row) where asked for. `output` may be `input`.
    public static func softmax(
        _ input: FloatRegion, into output: FloatRegion, logSums: FloatRegion?, rowCount: Int, columnCount: Int
    ) {
        input.require(rowCount * columnCount, "softmax", "input")
        output.require(rowCount * columnCount, "softmax", "output")
        logSums?.require(rowCount, "softmax", "log sums")
        unsafe vlm_softmax_rows(input.pointer, output.pointer, logSums?.pointer, rowCount, columnCount)
    }

    /// output = exp(input); saturates at e^88.02, 0 below −87.33, relative error 3e-7. `output` may be `input`.
    public static func exponential(_ input: FloatRegion, into output: FloatRegion) {
        output.require(input.count, "exponential", "output")
        unsafe vlm_exponential(input.pointer, output.pointer, input.count)
    }

    /// target += source, element by element.
    public static func add(_ source: FloatRegion, to target: FloatRegion) {
        precondition(source.count == target.count, "add: \(source.count) values to \(target.count)")
        unsafe vlm_add(source.pointer, target.pointer, source.count)
    }

    /// target *= factor.
    public static func scale(_ target: FloatRegion, by factor: Float) {
        unsafe vlm_scale(target.pointer, factor, target.count)
    }

    /// target = source, element by element.
    public static func copy(_ source: FloatRegion, to target: FloatRegion) {
        precondition(source.count == target.count, "copy: \(source.count) values to \(target.count)")
        unsafe target.pointer.update(from: source.pointer, count: source.count)
    }

    /// target = value everywhere.
    public static func fill(_ target: FloatRegion, with value: Float) {
        unsafe target.pointer.update(repeating: value, count: target.count)
    }

    /// Whether no value is infinite or NaN.
    public static func isFinite(_ values: FloatRegion) -> Bool {
        unsafe vlm_all_finite(values.pointer, values.count) != 0
    }
}
