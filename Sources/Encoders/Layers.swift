import Kernels
import Tensors

/// A linear map y = x·Wᵀ + b with W [out, in] and b [out].
struct LinearLayer: Sendable {
    let weight: ParameterSpan
    let bias: ParameterSpan?
    let inputWidth: Int
    let outputWidth: Int
}

/// Layer normalisation over C channels (Ba, Kiros, Hinton 2016).
struct NormLayer: Sendable {
    let gain: ParameterSpan
    let bias: ParameterSpan
    let width: Int
    /// Added to the variance.
    let epsilon: Float
}

/// Multi-head attention; query, key and value weights follow each other in the flat buffer.
struct AttentionLayer: Sendable {
    /// [3C, C]: query, key, value rows.
    let queryKeyValue: LinearLayer
    let query: LinearLayer
    /// [2C, C]: key, then value rows.
    let keyValue: LinearLayer
    let output: LinearLayer
    let headCount: Int
    let headWidth: Int
    /// The value bias of a layer whose keys have none; `queryKeyValue` and `keyValue` then have no bias of their own.
    var unkeyedValueBias: ParameterSpan?
    /// Over the attended channels of all heads together, before the output map.
    var norm: NormLayer?
}

/// The two-layer perceptron of a block: output(norm(f(hidden(x)))).
struct MLPLayer: Sendable {
    /// [hidden, C]; of a gated perceptron [2 · hidden, C], the gate's rows first.
    let hidden: LinearLayer
    let output: LinearLayer
    /// Whether f is silu(gate) · value (Shazeer 2020) rather than the tower's activation.
    var isGated = false
    /// Over the hidden channels.
    var norm: NormLayer?
}

/// A pre-norm transformer block: x += attention(norm(x)); x += mlp(norm(x)).
struct BlockLayer: Sendable {
    let attentionNorm: NormLayer
    let attention: AttentionLayer
    let mlpNorm: NormLayer
    let mlp: MLPLayer
}

/// A 3×3 convolution of stride 2 and padding 1, weight [out, 3, 3, in].
struct ConvolutionLayer: Sendable {
    let weight: ParameterSpan
    let bias: ParameterSpan
    let inputChannelCount: Int
    let outputChannelCount: Int

    /// As a linear map of what each output place looks at.
    var map: LinearLayer {
        LinearLayer(
            weight: weight, bias: bias, inputWidth: 9 * inputChannelCount, outputWidth: outputChannelCount)
    }

    /// The geometry over square images of `inputSize` pixels per side.
    func shape(inputSize: Int) -> ConvolutionShape {
        ConvolutionShape(
            height: inputSize, width: inputSize, channelCount: inputChannelCount, kernelSize: 3, stride: 2, padding: 1)
    }
}

/// Pixels to patch features.
enum StemLayer: Sendable {
    /// One product over flattened patches (height, width, channel).
    case patch(LinearLayer)
    /// Convolutions, GELU after each, then a linear map.
    case convolutional([ConvolutionLayer], projection: LinearLayer)
}

/// One vector from many tokens: a learned query attends to all of them, and a perceptron follows.
///
/// y = attention(probe, tokens); pooled = y + mlp(norm(y)).
struct AttentionPoolLayer: Sendable {
    /// [C].
    let probe: ParameterSpan
    let attention: AttentionLayer
    let mlpNorm: NormLayer
    let mlp: MLPLayer
}

/// A vision transformer's parameters.
struct ImageTowerLayers: Sendable {
    let stem: StemLayer
    let classToken: ParameterSpan?
    /// [tokens, C], the class token's first.
    let positions: ParameterSpan
    let stemNorm: NormLayer?
    let blocks: [BlockLayer]
    let finalNorm: NormLayer
    let pool: AttentionPoolLayer?
    let projection: LinearLayer?
    let rotary: RotaryTable?
}

/// The image tower's parameters.
enum ImageTower: Sendable {
    case transformer(ImageTowerLayers)
    case convNeXt(ConvNeXtLayers)
    case modifiedResNet(ModifiedResNetLayers)
}

/// The text tower's parameters.
struct TextTowerLayers: Sendable {
    let tokenEmbedding: ParameterSpan
    let positions: ParameterSpan
    let blocks: [BlockLayer]
    let finalNorm: NormLayer
    let projection: LinearLayer?
}
