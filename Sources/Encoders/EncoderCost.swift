/// What a model weighs and what one input costs, counted from its description.
///
/// Operations are those of matrix products, convolutions and attention, two per multiplication and addition, as open_clip's
/// profile counts them: a text has its full context, an image all its tokens, and biases, norms, activations and the embedding
/// look-up are left out.
public struct EncoderCost: Sendable, Equatable {
    /// Parameters of the image tower.
    public let imageParameterCount: Int
    /// Parameters of the text tower.
    public let textParameterCount: Int
    /// Operations of one image.
    public let imageOperationCount: Int
    /// Operations of one text of the full context.
    public let textOperationCount: Int

    /// Counts a model; throws nothing for a valid configuration.
    public init(_ configuration: DualEncoderConfiguration) throws(EncodersError) {
        self.init(try DualEncoderArchitecture(configuration))
    }

    init(_ architecture: DualEncoderArchitecture) {
        let (configuration, layout) = (architecture.configuration, architecture.layout)
        func count(_ tower: String) -> Int {
            layout.entries.lazy.filter { $0.name.hasPrefix(tower) }.map(\.count).reduce(0, +)
        }
        imageParameterCount = count("imageTower.")
        textParameterCount = count("textTower.")
        imageOperationCount = Self.imageOperations(configuration, layout)
        let text = configuration.text
        let tokens = text.contextLength
        let blocks = Self.products(layout, "textTower.blocks.", positionCount: tokens)
        let attention = text.layerCount * Self.attention(queries: tokens, keys: tokens, width: text.width)
        textOperationCount = blocks + attention + Self.products(layout, "textTower.projection.", positionCount: 1)
    }

    /// Two operations per weight of the matrices below a path and position.
    private static func products(_ layout: ParameterLayout, _ path: String, positionCount: Int) -> Int {
        2 * positionCount
            * layout.entries.lazy.filter { $0.name.hasPrefix(path) && $0.shape.count >= 2 }.map(\.count).reduce(0, +)
    }

    /// Products of queries with keys and of probabilities with values.
    private static func attention(queries: Int, keys: Int, width: Int) -> Int { 4 * queries * keys * width }

    private static func imageOperations(_ configuration: DualEncoderConfiguration, _ layout: ParameterLayout) -> Int {
        let vision = configuration.vision
        switch vision.architecture {
        case .transformer: return transformerOperations(vision, layout)
        case .convNeXt(let network):
            var side = vision.imageSize / 4
            var total = products(layout, "imageTower.stem.", positionCount: side * side)
            for index in network.depths.indices {
                if index > 0 {
                    side /= 2
                    total += products(
                        layout, "imageTower.stages.\(index).downsample.", positionCount: side * side)
                }
                total += products(layout, "imageTower.stages.\(index).blocks.", positionCount: side * side)
            }
            return total + products(layout, "imageTower.projectionHidden.", positionCount: 1)
                + products(layout, "imageTower.projection.", positionCount: 1)
        case .modifiedResNet(let network): return residualOperations(vision, network, layout)
        }
    }

    private static func transformerOperations(
        _ vision: DualEncoderConfiguration.Vision, _ layout: ParameterLayout
    ) -> Int {
        let tokens = vision.tokenCount
        var total = vision.layerCount * attention(queries: tokens, keys: tokens, width: vision.width)
        total += products(layout, "imageTower.blocks.", positionCount: tokens)
        switch vision.stem {
        case .patch: total += products(layout, "imageTower.stem.", positionCount: vision.patchCount)
        case .convolutional:
            for index in vision.stemChannelCounts.indices {
                let side = vision.imageSize >> (index + 1)
                total += products(layout, "imageTower.stem.convolutions.\(index).", positionCount: side * side)
            }
            total += products(layout, "imageTower.stem.projection.", positionCount: vision.patchCount)
        }
        if vision.pooling == .attentionPool {
            // One query; keys and values of all tokens.
            for part in ["key", "value"] {
                total += products(layout, "imageTower.pool.attention.\(part).", positionCount: tokens)
            }
            for part in ["attention.query", "attention.output", "mlp"] {
                total += products(layout, "imageTower.pool.\(part).", positionCount: 1)
            }
            total += attention(queries: 1, keys: tokens, width: vision.width)
        }
        return total + products(layout, "imageTower.projection.", positionCount: 1)
    }

    private static func residualOperations(
        _ vision: DualEncoderConfiguration.Vision, _ network: DualEncoderConfiguration.ModifiedResNet,
        _ layout: ParameterLayout
    ) -> Int {
        var side = vision.imageSize / 2
        var total = products(layout, "imageTower.stem.", positionCount: side * side)
        side /= 2
        for (index, depth) in network.depths.enumerated() {
            for block in 0..<depth {
                let path = "imageTower.stages.\(index).blocks.\(block)"
                // The first block of a later stage halves the sides behind its 3 × 3 convolution.
                let outputSide = index > 0 && block == 0 ? side / 2 : side
                for part in ["reduction", "convolution"] {
                    total += products(layout, "\(path).\(part).", positionCount: side * side)
                }
                for part in ["expansion", "shortcut"] {
                    total += products(layout, "\(path).\(part).", positionCount: outputSide * outputSide)
                }
                side = outputSide
            }
        }
        let tokens = side * side + 1
        for part in ["key", "value"] {
            total += products(layout, "imageTower.pool.\(part).", positionCount: tokens)
        }
        total += products(layout, "imageTower.pool.query.", positionCount: 1)
        total += attention(queries: 1, keys: tokens, width: vision.width)
        return total + products(layout, "imageTower.projection.", positionCount: 1)
    }
}
