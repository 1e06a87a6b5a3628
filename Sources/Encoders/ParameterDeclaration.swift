import Tensors

/// Declares the parameters of both towers in storage order, each with its shape, decay and initial distribution.
struct ParameterDeclaration {
    private(set) var layout = ParameterLayout()
    private(set) var initialisations: [ParameterInitialisation] = []

    mutating func declare(
        _ name: String, _ shape: [Int], decayed: Bool, _ initialisation: ParameterInitialisation
    ) -> ParameterSpan {
        let count = shape.reduce(1, *)
        initialisations.append(initialisation)
        return ParameterSpan(offset: layout.append(name, shape, isDecayed: decayed), count: count)
    }

    /// A weight [out, in] and, unless `bias` is nil, a bias [out].
    mutating func linear(
        _ path: String, in inputWidth: Int, out outputWidth: Int, deviation: Double, bias: ParameterInitialisation?
    ) -> LinearLayer {
        let weight = declare("\(path).weight", [outputWidth, inputWidth], decayed: true, .normal(deviation: deviation))
        let bias = bias.map { declare("\(path).bias", [outputWidth], decayed: false, $0) }
        return LinearLayer(weight: weight, bias: bias, inputWidth: inputWidth, outputWidth: outputWidth)
    }

    mutating func norm(_ path: String, width: Int) -> NormLayer {
        NormLayer(
            gain: declare("\(path).weight", [width], decayed: false, .constant(1)),
            bias: declare("\(path).bias", [width], decayed: false, .constant(0)), width: width)
    }

    /// A block under CLIP's text initialisation: input projections C^−½, projections back into the residual stream
    /// additionally (2L)^−½ for L blocks, hidden layer (2C)^−½, MLP biases uniform within 1/√in.
    mutating func block(_ path: String, width: Int, hiddenWidth: Int, headCount: Int, layerCount: Int) -> BlockLayer {
        let inputDeviation = 1 / Double(width).squareRoot()
        let residualDeviation = inputDeviation / Double(2 * layerCount).squareRoot()
        let attentionNorm = norm("\(path).attentionNorm", width: width)

        let names = ["query", "key", "value"]
        let weights = names.map {
            declare(
                "\(path).attention.\($0).weight", [width, width], decayed: true, .normal(deviation: inputDeviation))
        }
        let biases = names.map { declare("\(path).attention.\($0).bias", [width], decayed: false, .constant(0)) }
        func rows(_ range: Range<Int>) -> LinearLayer {
            LinearLayer(
                weight: ParameterSpan(offset: weights[range.lowerBound].offset, count: range.count * width * width),
                bias: ParameterSpan(offset: biases[range.lowerBound].offset, count: range.count * width),
                inputWidth: width, outputWidth: range.count * width)
        }
        let output = linear(
            "\(path).attention.output", in: width, out: width, deviation: residualDeviation, bias: .constant(0))
        let attention = AttentionLayer(
            queryKeyValue: rows(0..<3), query: rows(0..<1), keyValue: rows(1..<3), output: output, headCount: headCount,
            headWidth: width / headCount)

        let mlpNorm = norm("\(path).mlpNorm", width: width)
        let hidden = linear(
            "\(path).mlp.hidden", in: width, out: hiddenWidth, deviation: 1 / Double(2 * width).squareRoot(),
            bias: .uniform(bound: inputDeviation))
        let mlpOutput = linear(
            "\(path).mlp.output", in: hiddenWidth, out: width, deviation: residualDeviation,
            bias: .uniform(bound: 1 / Double(hiddenWidth).squareRoot()))
        return BlockLayer(
            attentionNorm: attentionNorm, attention: attention, mlpNorm: mlpNorm,
            mlp: MLPLayer(hidden: hidden, output: mlpOutput))
    }

    mutating func stem(_ path: String, _ vision: DualEncoderConfiguration.Vision) -> StemLayer {
        switch vision.stem {
        case .patch:
            let inputWidth = vision.patchSize * vision.patchSize * 3
            let weight = declare(
                "\(path).patch.weight", [vision.width, vision.patchSize, vision.patchSize, 3], decayed: true,
                .normal(deviation: 1 / Double(inputWidth).squareRoot()))
            return .patch(LinearLayer(weight: weight, bias: nil, inputWidth: inputWidth, outputWidth: vision.width))
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

    mutating func imageTower(_ configuration: DualEncoderConfiguration) -> ImageTowerLayers {
        let vision = configuration.vision
        let deviation = 1 / Double(vision.width).squareRoot()
        let stem = stem("imageTower.stem", vision)
        let classToken = declare("imageTower.classToken", [vision.width], decayed: false, .normal(deviation: deviation))
        let positions = declare(
            "imageTower.positions", [vision.tokenCount, vision.width], decayed: false, .normal(deviation: deviation))
        let stemNorm = norm("imageTower.stemNorm", width: vision.width)
        let blocks = (0..<vision.layerCount).map {
            block(
                "imageTower.blocks.\($0)", width: vision.width, hiddenWidth: vision.hiddenWidth,
                headCount: vision.headCount, layerCount: vision.layerCount)
        }
        return ImageTowerLayers(
            stem: stem, classToken: classToken, positions: positions, stemNorm: stemNorm, blocks: blocks,
            finalNorm: norm("imageTower.finalNorm", width: vision.width),
            projection: linear(
                "imageTower.projection", in: vision.width, out: configuration.embeddingDimension, deviation: deviation,
                bias: nil))
    }

    mutating func textTower(_ configuration: DualEncoderConfiguration) -> TextTowerLayers {
        let text = configuration.text
        let tokenEmbedding = declare(
            "textTower.tokenEmbedding.weight", [text.vocabularySize, text.width], decayed: true,
            .normal(deviation: 0.02))
        let positions = declare(
            "textTower.positions", [text.contextLength, text.width], decayed: false, .normal(deviation: 0.01))
        let blocks = (0..<text.layerCount).map {
            block(
                "textTower.blocks.\($0)", width: text.width, hiddenWidth: text.hiddenWidth, headCount: text.headCount,
                layerCount: text.layerCount)
        }
        return TextTowerLayers(
            tokenEmbedding: tokenEmbedding, positions: positions, blocks: blocks,
            finalNorm: norm("textTower.finalNorm", width: text.width),
            projection: linear(
                "textTower.projection", in: text.width, out: configuration.embeddingDimension,
                deviation: 1 / Double(text.width).squareRoot(), bias: nil))
    }
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
