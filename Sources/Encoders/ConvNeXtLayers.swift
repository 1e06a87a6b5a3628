import Tensors

/// A ConvNeXt image tower's parameters (Liu et al. 2022). Images are height × width × channels throughout.
struct ConvNeXtLayers: Sendable {
    /// x += output(gelu(hidden(norm(depthwise(x))))). The block's scale per channel is part of `mlp.output`.
    struct Block: Sendable {
        /// [7, 7, C].
        let depthwiseWeight: ParameterSpan
        /// [C].
        let depthwiseBias: ParameterSpan
        let norm: NormLayer
        let mlp: MLPLayer
    }

    /// A normalisation, then a convolution that halves both sides.
    struct Downsample: Sendable {
        let norm: NormLayer
        /// [out, 2, 2, in] as a linear map of 4 · in channels.
        let convolution: LinearLayer
    }

    struct Stage: Sendable {
        let width: Int
        /// Missing in the first stage.
        let downsample: Downsample?
        let blocks: [Block]
    }

    /// [C, 4, 4, 3] as a linear map of flattened patches.
    let stem: LinearLayer
    let stemNorm: NormLayer
    let stages: [Stage]
    let finalNorm: NormLayer
    /// The first map of a head of two.
    let projectionHidden: LinearLayer?
    let projection: LinearLayer
}

extension DualEncoderConfiguration.ConvNeXt {
    /// Pixels per side of the stem's patches.
    static let stemSize = 4
    /// Cells per side that a downsampling convolution joins.
    static let downsampleSize = 2
    /// Hidden units of a block's perceptron over its channels.
    static let mlpRatio = 4

    /// Cells per side of the image in the stage of an index; cells that fill no whole one of the next stage are dropped there.
    static func gridSize(imageSize: Int, stage: Int) -> Int { imageSize / (stemSize << stage) }
}

extension ParameterDeclaration {
    /// Fresh weights keep the size of what passes (He et al. 2015); a block's output is of the order of 1/√blocks.
    mutating func convNeXt(
        _ network: DualEncoderConfiguration.ConvNeXt, embeddingDimension: Int
    ) -> ConvNeXtLayers {
        typealias Network = DualEncoderConfiguration.ConvNeXt
        let stem = convolution(
            "imageTower.stem.patch", kernelSize: Network.stemSize, in: 3, out: network.widths[0], gain: 1)
        let stemNorm = norm("imageTower.stemNorm", width: network.widths[0], epsilon: network.normEpsilon)
        var stages: [ConvNeXtLayers.Stage] = []
        for (index, (depth, width)) in zip(network.depths, network.widths).enumerated() {
            let path = "imageTower.stages.\(index)"
            let previousWidth = network.widths[max(0, index - 1)]
            let downsample =
                index == 0
                ? nil
                : ConvNeXtLayers.Downsample(
                    norm: norm("\(path).downsample.norm", width: previousWidth, epsilon: network.normEpsilon),
                    convolution: convolution(
                        "\(path).downsample.convolution", kernelSize: Network.downsampleSize, in: previousWidth,
                        out: width, gain: 1))
            let blocks = (0..<depth).map {
                convNeXtBlock("\(path).blocks.\($0)", network, width: width)
            }
            stages.append(ConvNeXtLayers.Stage(width: width, downsample: downsample, blocks: blocks))
        }
        let width = network.featureWidth
        let finalNorm = norm("imageTower.finalNorm", width: width, epsilon: network.normEpsilon)
        var hidden: LinearLayer?
        if network.head == .mlp {
            hidden = linear(
                "imageTower.projectionHidden", in: width, out: 2 * embeddingDimension,
                deviation: (2 / Double(width)).squareRoot(), bias: .constant(0))
        }
        let inputWidth = hidden?.outputWidth ?? width
        let projection = linear(
            "imageTower.projection", in: inputWidth, out: embeddingDimension,
            deviation: 1 / Double(inputWidth).squareRoot(), bias: nil)
        return ConvNeXtLayers(
            stem: stem, stemNorm: stemNorm, stages: stages, finalNorm: finalNorm, projectionHidden: hidden,
            projection: projection)
    }

    private mutating func convNeXtBlock(
        _ path: String, _ network: DualEncoderConfiguration.ConvNeXt, width: Int
    ) -> ConvNeXtLayers.Block {
        let weight = declare(
            "\(path).depthwise.weight", [7, 7, width], decayed: true, inFloats: true, .normal(deviation: 1 / 7))
        let bias = declare("\(path).depthwise.bias", [width], decayed: false, .constant(0))
        let norm = norm("\(path).norm", width: width, epsilon: network.normEpsilon)
        let hiddenWidth = DualEncoderConfiguration.ConvNeXt.mlpRatio * width
        let hidden = linear(
            "\(path).mlp.hidden", in: width, out: hiddenWidth, deviation: (2 / Double(width)).squareRoot(),
            bias: .constant(0))
        let output = linear(
            "\(path).mlp.output", in: hiddenWidth, out: width,
            deviation: 1 / Double(hiddenWidth * network.blockCount).squareRoot(), bias: .constant(0))
        return ConvNeXtLayers.Block(
            depthwiseWeight: weight, depthwiseBias: bias, norm: norm, mlp: MLPLayer(hidden: hidden, output: output))
    }

    /// A weight [out, kernel, kernel, in] and a bias [out], as a linear map of what each output place looks at.
    mutating func convolution(
        _ path: String, kernelSize: Int, in inputWidth: Int, out outputWidth: Int, gain: Double
    ) -> LinearLayer {
        let columnCount = kernelSize * kernelSize * inputWidth
        return LinearLayer(
            weight: declare(
                "\(path).weight", [outputWidth, kernelSize, kernelSize, inputWidth], decayed: true,
                .normal(deviation: (gain / Double(columnCount)).squareRoot())),
            bias: declare("\(path).bias", [outputWidth], decayed: false, .constant(0)), inputWidth: columnCount,
            outputWidth: outputWidth)
    }
}
