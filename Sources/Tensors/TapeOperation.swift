/// An entry of the tape. A closed set of values rather than objects, so that recording allocates nothing in steady state.
enum TapeOperation {
    case parameter(ParameterOperation)
    case linear(LinearOperation)
    case activatedLinear(ActivatedLinearOperation)
    case activation(ActivationOperation)
    case layerNorm(LayerNormOperation)
    case attention(AttentionOperation)
    case embedding(EmbeddingOperation)
    case convolution(ConvolutionOperation)
    case tokenAssembly(TokenAssemblyOperation)
    case rowSelection(RowSelectionOperation)
    case meanPooling(MeanPoolingOperation)
    case addition(AdditionOperation)
    case l2Normalization(L2NormalizationOperation)

    /// Passes the gradient of the output on to the inputs and parameters, then gives it back.
    func backward(_ pass: BackwardPass) {
        switch self {
        case .parameter(let operation): operation.backward(pass)
        case .linear(let operation): operation.backward(pass)
        case .activatedLinear(let operation): operation.backward(pass)
        case .activation(let operation): operation.backward(pass)
        case .layerNorm(let operation): operation.backward(pass)
        case .attention(let operation): operation.backward(pass)
        case .embedding(let operation): operation.backward(pass)
        case .convolution(let operation): operation.backward(pass)
        case .tokenAssembly(let operation): operation.backward(pass)
        case .rowSelection(let operation): operation.backward(pass)
        case .meanPooling(let operation): operation.backward(pass)
        case .addition(let operation): operation.backward(pass)
        case .l2Normalization(let operation): operation.backward(pass)
        }
    }
}
