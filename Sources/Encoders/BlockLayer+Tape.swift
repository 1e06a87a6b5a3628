import Kernels
import Tensors

extension LinearLayer {
    /// y = x·Wᵀ + b + residual on the tape.
    func callAsFunction(_ x: TapeValue, on tape: Tape, residual: TapeValue? = nil) -> TapeValue {
        tape.linear(x, weight: weight, bias: bias, outputWidth: outputWidth, residual: residual)
    }
}

extension NormLayer {
    /// The normalised rows of x on the tape.
    func callAsFunction(_ x: TapeValue, on tape: Tape) -> TapeValue {
        tape.layerNorm(x, gain: gain, bias: bias)
    }
}

extension MLPLayer {
    /// residual + output(f(hidden(x))) on the tape.
    func callAsFunction(_ x: TapeValue, on tape: Tape, activation: ActivationFunction, residual: TapeValue) -> TapeValue
    {
        let hidden = tape.activatedLinear(
            x, weight: hidden.weight, bias: hidden.bias, outputWidth: hidden.outputWidth, activation: activation)
        return output(hidden, on: tape, residual: residual)
    }
}

extension BlockLayer {
    /// All rows through the block: x += attention(norm(x)); x += mlp(norm(x)).
    func callAsFunction(
        _ x: TapeValue, on tape: Tape, sequences: SequenceOffsets, isCausal: Bool, activation: ActivationFunction
    ) -> TapeValue {
        let width = attentionNorm.width
        let normed = attentionNorm(x, on: tape)
        let queryKeyValue = attention.queryKeyValue(normed, on: tape)
        let attended = tape.attention(
            query: queryKeyValue, queryColumn: 0, queryOffsets: sequences.offsets, keyValue: queryKeyValue,
            keyColumn: width, valueColumn: 2 * width, keyOffsets: sequences.offsets, headCount: attention.headCount,
            headWidth: attention.headWidth, isCausal: isCausal)
        let middle = attention.output(attended, on: tape, residual: x)
        return mlp(mlpNorm(middle, on: tape), on: tape, activation: activation, residual: middle)
    }

    /// The block where only one row per sequence is wanted afterwards: the last block of a tower that pools one token.
    ///
    /// Keys and values are needed of all rows, everything else only of the pooled ones; the result [sequences, C] is what the whole
    /// block would give in those rows, for a sixth of the work. `pooledRows` names each sequence's row, which sees its
    /// whole sequence (the class token of an unmasked tower, the last token of a causal one).
    func pooled(
        _ x: TapeValue, on tape: Tape, sequences: SequenceOffsets, pooledRows: [Int32], queryOffsets: SequenceOffsets,
        activation: ActivationFunction
    ) -> TapeValue {
        let width = attentionNorm.width
        let pooledInput = tape.selectRows(pooledRows, of: x)
        let normed = attentionNorm(x, on: tape)
        // Selected before the product over all rows is recorded: its gradient then finds memory to add to.
        let pooledNormed = tape.selectRows(pooledRows, of: normed)
        let keyValue = attention.keyValue(normed, on: tape)
        let query = attention.query(pooledNormed, on: tape)
        let attended = tape.attention(
            query: query, queryColumn: 0, queryOffsets: queryOffsets.offsets, keyValue: keyValue, keyColumn: 0,
            valueColumn: width, keyOffsets: sequences.offsets, headCount: attention.headCount,
            headWidth: attention.headWidth, isCausal: false)
        let middle = attention.output(attended, on: tape, residual: pooledInput)
        return mlp(mlpNorm(middle, on: tape), on: tape, activation: activation, residual: middle)
    }
}

extension DualEncoderConfiguration.Activation {
    /// The kernel's name for it.
    var function: ActivationFunction {
        switch self {
        case .gelu: .gelu
        case .quickGELU: .quickGELU
        case .geluTanh: .geluTanh
        }
    }
}
