import Tensors

/// Declares the parameters of both towers in storage order, each with its shape, decay and initial distribution.
struct ParameterDeclaration {
    private(set) var layout = ParameterLayout()
    private(set) var initialisations: [ParameterInitialisation] = []

    /// Matrices, which decay, may be in 16 bits in inference, unless it reads them `inFloats`.
    mutating func declare(
        _ name: String, _ shape: [Int], decayed: Bool, inFloats: Bool = false, _ initialisation: ParameterInitialisation
    ) -> ParameterSpan {
        let count = shape.reduce(1, *)
        initialisations.append(initialisation)
        let offset = layout.append(name, shape, isDecayed: decayed, mayBeHalf: decayed && !inFloats)
        return ParameterSpan(offset: offset, count: count)
    }

    /// A weight [out, in] and, unless `bias` is nil, a bias [out].
    mutating func linear(
        _ path: String, in inputWidth: Int, out outputWidth: Int, deviation: Double, bias: ParameterInitialisation?,
        inFloats: Bool = false
    ) -> LinearLayer {
        let weight = declare(
            "\(path).weight", [outputWidth, inputWidth], decayed: true, inFloats: inFloats,
            .normal(deviation: deviation))
        let bias = bias.map { declare("\(path).bias", [outputWidth], decayed: false, $0) }
        return LinearLayer(weight: weight, bias: bias, inputWidth: inputWidth, outputWidth: outputWidth)
    }

    mutating func norm(
        _ path: String, width: Int, epsilon: Float = DualEncoderConfiguration.Vision.defaultNormEpsilon
    ) -> NormLayer {
        NormLayer(
            gain: declare("\(path).weight", [width], decayed: false, .constant(1)),
            bias: declare("\(path).bias", [width], decayed: false, .constant(0)), width: width, epsilon: epsilon)
    }

    /// Attention under CLIP's text initialisation: input projections C^−½, the projection back into the residual stream
    /// `residualDeviation`.
    mutating func attention(_ path: String, _ style: BlockStyle, residualDeviation: Double) -> AttentionLayer {
        let width = style.width
        let deviation = 1 / Double(width).squareRoot()
        let weights = ["query", "key", "value"].map {
            declare("\(path).\($0).weight", [width, width], decayed: true, .normal(deviation: deviation))
        }
        let biases = (style.hasKeyBias ? ["query", "key", "value"] : ["query", "value"]).map {
            declare("\(path).\($0).bias", [width], decayed: false, .constant(0))
        }
        func rows(_ range: Range<Int>) -> LinearLayer {
            var bias: ParameterSpan?
            if style.hasKeyBias || range == 0..<1 {
                bias = ParameterSpan(offset: biases[range.lowerBound].offset, count: range.count * width)
            }
            return LinearLayer(
                weight: ParameterSpan(offset: weights[range.lowerBound].offset, count: range.count * width * width),
                bias: bias, inputWidth: width, outputWidth: range.count * width)
        }
        let norm = style.hasSubNorm ? norm("\(path).norm", width: width, epsilon: style.normEpsilon) : nil
        let output = linear(
            "\(path).output", in: width, out: width, deviation: residualDeviation, bias: .constant(0))
        return AttentionLayer(
            queryKeyValue: rows(0..<3), query: rows(0..<1), keyValue: rows(1..<3), output: output,
            headCount: style.headCount, headWidth: width / style.headCount,
            unkeyedValueBias: style.hasKeyBias ? nil : biases[1], norm: norm)
    }

    /// A perceptron under CLIP's text initialisation: hidden layer (2C)^−½, biases uniform within 1/√in.
    mutating func mlp(_ path: String, _ style: BlockStyle, residualDeviation: Double) -> MLPLayer {
        let names = style.mlp == .swiGLU ? ["gate", "hidden"] : ["hidden"]
        let weights = names.map {
            declare(
                "\(path).\($0).weight", [style.hiddenWidth, style.width], decayed: true,
                .normal(deviation: 1 / Double(2 * style.width).squareRoot()))
        }
        let biases = names.map {
            declare(
                "\(path).\($0).bias", [style.hiddenWidth], decayed: false,
                .uniform(bound: 1 / Double(style.width).squareRoot()))
        }
        let rowCount = names.count * style.hiddenWidth
        let hidden = LinearLayer(
            weight: ParameterSpan(offset: weights[0].offset, count: rowCount * style.width),
            bias: ParameterSpan(offset: biases[0].offset, count: rowCount), inputWidth: style.width,
            outputWidth: rowCount)
        let norm = style.hasSubNorm ? norm("\(path).norm", width: style.hiddenWidth, epsilon: style.normEpsilon) : nil
        let output = linear(
            "\(path).output", in: style.hiddenWidth, out: style.width, deviation: residualDeviation,
            bias: .uniform(bound: 1 / Double(style.hiddenWidth).squareRoot()))
        return MLPLayer(hidden: hidden, output: output, isGated: style.mlp == .swiGLU, norm: norm)
    }

    /// A block: what leads back into the residual stream starts with C^−½ (2L)^−½ for L blocks.
    mutating func block(_ path: String, _ style: BlockStyle) -> BlockLayer {
        let deviation = style.residualDeviation
        return BlockLayer(
            attentionNorm: norm("\(path).attentionNorm", width: style.width, epsilon: style.normEpsilon),
            attention: attention("\(path).attention", style, residualDeviation: deviation),
            mlpNorm: norm("\(path).mlpNorm", width: style.width, epsilon: style.normEpsilon),
            mlp: mlp("\(path).mlp", style, residualDeviation: deviation))
    }

    mutating func stem(_ path: String, _ vision: DualEncoderConfiguration.Vision) -> StemLayer {
        switch vision.stem {
        case .patch:
            let inputWidth = vision.patchSize * vision.patchSize * 3
            let weight = declare(
                "\(path).patch.weight", [vision.width, vision.patchSize, vision.patchSize, 3], decayed: true,
                .normal(deviation: 1 / Double(inputWidth).squareRoot()))
            var bias: ParameterSpan?
            if vision.hasPatchBias {
                bias = declare("\(path).patch.bias", [vision.width], decayed: false, .constant(0))
            }
            return .patch(LinearLayer(weight: weight, bias: bias, inputWidth: inputWidth, outputWidth: vision.width))
        case .convolutional:
            var convolutions: [ConvolutionLayer] = []
            var channelCount = 3
            for (index, outputChannelCount) in vision.stemChannelCounts.enumerated() {
                let inputWidth = 9 * channelCount
                // He initialisation keeps the signal's size through the GELUs.
                let weight = declare(
                    "\(path).convolutions.\(index).weight", [outputChannelCount, 3, 3, channelCount], decayed: true,
                    .normal(deviation: (2 / Double(inputWidth)).squareRoot()))
                let bias = declare(
                    "\(path).convolutions.\(index).bias", [outputChannelCount], decayed: false, .constant(0))
                convolutions.append(
                    ConvolutionLayer(
                        weight: weight, bias: bias, inputChannelCount: channelCount,
                        outputChannelCount: outputChannelCount))
                channelCount = outputChannelCount
            }
            let projection = linear(
                "\(path).projection", in: channelCount, out: vision.width,
                deviation: 1 / Double(channelCount).squareRoot(), bias: .constant(0))
            return .convolutional(convolutions, projection: projection)
        }
    }

    mutating func imageTower(_ configuration: DualEncoderConfiguration) -> ImageTower {
        let vision = configuration.vision
        switch vision.architecture {
        case .transformer:
            return .transformer(visionTransformer(vision, embeddingDimension: configuration.embeddingDimension))
        case .convNeXt(let network):
            return .convNeXt(convNeXt(network, embeddingDimension: configuration.embeddingDimension))
        case .modifiedResNet(let network):
            return .modifiedResNet(
                modifiedResNet(
                    network, gridSize: vision.gridSize, embeddingDimension: configuration.embeddingDimension))
        }
    }

    private mutating func visionTransformer(
        _ vision: DualEncoderConfiguration.Vision, embeddingDimension: Int
    ) -> ImageTowerLayers {
        let deviation = 1 / Double(vision.width).squareRoot()
        let style = BlockStyle(vision)
        let stem = stem("imageTower.stem", vision)
        var classToken: ParameterSpan?
        if vision.hasClassToken {
            classToken = declare(
                "imageTower.classToken", [vision.width], decayed: false, .normal(deviation: deviation))
        }
        let positions = declare(
            "imageTower.positions", [vision.tokenCount, vision.width], decayed: false, .normal(deviation: deviation))
        var stemNorm: NormLayer?
        if vision.hasStemNorm {
            stemNorm = norm("imageTower.stemNorm", width: vision.width, epsilon: vision.normEpsilon)
        }
        let blocks = (0..<vision.layerCount).map { block("imageTower.blocks.\($0)", style) }
        let finalNorm = norm("imageTower.finalNorm", width: vision.width, epsilon: vision.normEpsilon)
        var pool: AttentionPoolLayer?
        if vision.pooling == .attentionPool {
            pool = attentionPool("imageTower.pool", style)
        }
        var projection: LinearLayer?
        if vision.hasProjection {
            projection = linear(
                "imageTower.projection", in: vision.width, out: embeddingDimension, deviation: deviation,
                bias: vision.hasProjectionBias ? .constant(0) : nil)
        }
        let rotary = vision.rotaryGridSize.map {
            RotaryTable(gridSize: vision.gridSize, referenceSize: $0, headWidth: vision.headWidth)
        }
        return ImageTowerLayers(
            stem: stem, classToken: classToken, positions: positions, stemNorm: stemNorm, blocks: blocks,
            finalNorm: finalNorm, pool: pool, projection: projection, rotary: rotary)
    }

    private mutating func attentionPool(_ path: String, _ style: BlockStyle) -> AttentionPoolLayer {
        let deviation = 1 / Double(style.width).squareRoot()
        return AttentionPoolLayer(
            probe: declare("\(path).probe", [style.width], decayed: false, .normal(deviation: deviation)),
            attention: attention("\(path).attention", style, residualDeviation: deviation),
            mlpNorm: norm("\(path).mlpNorm", width: style.width, epsilon: style.normEpsilon),
            mlp: mlp("\(path).mlp", style, residualDeviation: deviation))
    }

    mutating func textTower(_ configuration: DualEncoderConfiguration) -> TextTowerLayers {
        let text = configuration.text
        let style = BlockStyle(text)
        let tokenEmbedding = declare(
            "textTower.tokenEmbedding.weight", [text.vocabularySize, text.width], decayed: true,
            .normal(deviation: 0.02))
        let positions = declare(
            "textTower.positions", [text.contextLength, text.width], decayed: false, .normal(deviation: 0.01))
        let blocks = (0..<text.layerCount).map { block("textTower.blocks.\($0)", style) }
        let finalNorm = norm("textTower.finalNorm", width: text.width, epsilon: text.normEpsilon)
        var projection: LinearLayer?
        if text.hasProjection {
            projection = linear(
                "textTower.projection", in: text.width, out: configuration.embeddingDimension,
                deviation: 1 / Double(text.width).squareRoot(), bias: text.hasProjectionBias ? .constant(0) : nil)
        }
        return TextTowerLayers(
            tokenEmbedding: tokenEmbedding, positions: positions, blocks: blocks, finalNorm: finalNorm,
            projection: projection)
    }
}

/// What the blocks of one tower have in common.
struct BlockStyle {
    let width: Int
    let hiddenWidth: Int
    let headCount: Int
    let layerCount: Int
    let normEpsilon: Float
    let mlp: DualEncoderConfiguration.VisionMLP
    let hasKeyBias: Bool
    let hasSubNorm: Bool

    init(_ vision: DualEncoderConfiguration.Vision) {
        width = vision.width
        hiddenWidth = vision.hiddenWidth
        headCount = vision.headCount
        layerCount = vision.layerCount
        normEpsilon = vision.normEpsilon
        mlp = vision.mlp
        hasKeyBias = vision.hasKeyBias
        hasSubNorm = vision.hasSubNorm
    }

    init(_ text: DualEncoderConfiguration.Text) {
        width = text.width
        hiddenWidth = text.hiddenWidth
        headCount = text.headCount
        layerCount = text.layerCount
        normEpsilon = text.normEpsilon
        mlp = .standard
        hasKeyBias = true
        hasSubNorm = false
    }

    /// C^−½ (2L)^−½ for L blocks, so that the residual stream keeps its size.
    var residualDeviation: Double { 1 / Double(width).squareRoot() / Double(2 * layerCount).squareRoot() }
}

extension DualEncoderConfiguration.Vision {
    /// Output channels of the stem's convolutions: one per halving, doubling up to half the width, multiples of 8.
    var stemChannelCounts: [Int] {
        let halvingCount = patchSize.trailingZeroBitCount
        return (1...max(1, halvingCount)).map { stage in
            max(8, (width >> (halvingCount - stage + 1) + 7) / 8 * 8)
        }
    }
}
