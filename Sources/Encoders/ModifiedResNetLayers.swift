import Tensors

/// The parameters of CLIP's residual network (Radford et al. 2021), batch normalisation folded into the convolutions.
struct ModifiedResNetLayers: Sendable {
    /// y = relu(expansion(pool(relu(convolution(relu(reduction(x)))))) + shortcut(pool(x))), 1×1, 3×3 and 1×1 kernels.
    struct Block: Sendable {
        let reduction: LinearLayer
        let convolution: SpatialConvolutionLayer
        let expansion: LinearLayer
        /// Missing where the block keeps its width; then x itself is added.
        let shortcut: LinearLayer?
        /// Both sides shrink by this.
        let stride: Int
    }

    /// 3×3 each, the first of stride 2, a rectifier after each; then both sides are halved by averaging.
    let stem: [SpatialConvolutionLayer]
    let stages: [[Block]]
    /// [1 + cells, C]: of the cells' mean, then of the cells.
    let positions: ParameterSpan
    let query: LinearLayer
    let key: LinearLayer
    let value: LinearLayer
    let headCount: Int
    let projection: LinearLayer
}

/// A square convolution with a bias; the weight is [out, kernel, kernel, in].
struct SpatialConvolutionLayer: Sendable {
    /// As a linear map of what each output place looks at.
    let map: LinearLayer
    let inputWidth: Int
    let kernelSize: Int
    let stride: Int
    let padding: Int
}

extension DualEncoderConfiguration.ModifiedResNet {
    /// A block's channels over those of its 3×3 convolution.
    static let expansion = 4

    /// Channels of each stage's output.
    var stageWidths: [Int] { depths.indices.map { Self.expansion * stemWidth << $0 } }
}

extension ParameterDeclaration {
    /// Fresh weights keep the size of what passes (He et al. 2015); a block's output is of the order of 1/√blocks.
    mutating func modifiedResNet(
        _ network: DualEncoderConfiguration.ModifiedResNet, gridSize: Int, embeddingDimension: Int
    ) -> ModifiedResNetLayers {
        typealias Network = DualEncoderConfiguration.ModifiedResNet
        let half = network.stemWidth / 2
        let stem = [(3, half), (half, half), (half, network.stemWidth)].enumerated().map { index, widths in
            spatialConvolution(
                "imageTower.stem.convolutions.\(index)", in: widths.0, out: widths.1, stride: index == 0 ? 2 : 1)
        }
        var stages: [[ModifiedResNetLayers.Block]] = []
        var width = network.stemWidth
        for (index, (depth, outputWidth)) in zip(network.depths, network.stageWidths).enumerated() {
            var blocks: [ModifiedResNetLayers.Block] = []
            for block in 0..<depth {
                let path = "imageTower.stages.\(index).blocks.\(block)"
                let innerWidth = outputWidth / Network.expansion
                let isShrinking = block == 0 && index > 0
                let reduction = convolution("\(path).reduction", kernelSize: 1, in: width, out: innerWidth, gain: 2)
                let inner = spatialConvolution("\(path).convolution", in: innerWidth, out: innerWidth, stride: 1)
                let expansion = convolution(
                    "\(path).expansion", kernelSize: 1, in: innerWidth, out: outputWidth,
                    gain: 2 / Double(network.blockCount))
                var shortcut: LinearLayer?
                if isShrinking || width != outputWidth {
                    shortcut = convolution("\(path).shortcut", kernelSize: 1, in: width, out: outputWidth, gain: 1)
                }
                blocks.append(
                    ModifiedResNetLayers.Block(
                        reduction: reduction, convolution: inner, expansion: expansion, shortcut: shortcut,
                        stride: isShrinking ? 2 : 1))
                width = outputWidth
            }
            stages.append(blocks)
        }
        let deviation = 1 / Double(width).squareRoot()
        let positions = declare(
            "imageTower.pool.positions", [1 + gridSize * gridSize, width], decayed: false,
            .normal(deviation: deviation))
        // Keys and values are weights of the pooling's own products.
        let maps = ["query", "key", "value"].map {
            linear(
                "imageTower.pool.\($0)", in: width, out: width, deviation: deviation, bias: .constant(0),
                inFloats: $0 != "query")
        }
        return ModifiedResNetLayers(
            stem: stem, stages: stages, positions: positions, query: maps[0], key: maps[1], value: maps[2],
            headCount: network.headCount,
            projection: linear(
                "imageTower.projection", in: width, out: embeddingDimension, deviation: deviation, bias: .constant(0)))
    }

    private mutating func spatialConvolution(
        _ path: String, in inputWidth: Int, out outputWidth: Int, stride: Int
    ) -> SpatialConvolutionLayer {
        SpatialConvolutionLayer(
            map: convolution(path, kernelSize: 3, in: inputWidth, out: outputWidth, gain: 2), inputWidth: inputWidth,
            kernelSize: 3, stride: stride, padding: 1)
    }
}
