import Encoders
import Kernels

/// Both towers once more from the plain kernels, in Double, the straight way: every row through every block, pooling at the end,
/// texts one by one. Parameters are found by name.
struct PlainTowers {
    typealias Plain = PlainKernels<Double>

    let configuration: DualEncoderConfiguration
    let layout: ParameterLayout
    var parameters: [Double]

    init(_ architecture: DualEncoderArchitecture, _ parameters: FloatBuffer) {
        configuration = architecture.configuration
        layout = architecture.layout
        self.parameters = parameters.array.map(Double.init)
    }

    func images(_ pixels: [UInt8], count: Int) -> [Double] {
        let vision = configuration.vision
        var x = Plain.assembleTokens(
            patches: stem(pixels, count: count), classToken: value("imageTower.classToken"),
            positions: value("imageTower.positions"), patchCount: vision.tokenCount - 1, columnCount: vision.width)
        x = norm(x, "imageTower.stemNorm")
        let offsets = (0...count).map { Int32($0 * vision.tokenCount) }
        for index in 0..<vision.layerCount {
            x = block(
                x, "imageTower.blocks.\(index)", offsets: offsets, width: vision.width,
                hiddenWidth: vision.hiddenWidth, headCount: vision.headCount, isCausal: false)
        }
        let pooled = (0..<count).flatMap { row(x, $0 * vision.tokenCount, vision.width) }
        return embedding(pooled, "imageTower", width: vision.width)
    }

    func texts(_ tokens: [[Int32]]) -> [Double] {
        let text = configuration.text
        return tokens.flatMap { ids in
            var x = Plain.embedding(
                table: value("textTower.tokenEmbedding.weight"), positions: value("textTower.positions"), tokens: ids,
                places: ids.indices.map { Int32($0) }, columnCount: text.width)
            for index in 0..<text.layerCount {
                x = block(
                    x, "textTower.blocks.\(index)", offsets: [0, Int32(ids.count)], width: text.width,
                    hiddenWidth: text.hiddenWidth, headCount: text.headCount, isCausal: true)
            }
            return embedding(row(x, ids.count - 1, text.width), "textTower", width: text.width)
        }
    }

    private func value(_ name: String) -> [Double] {
        layout[name].map { Array(parameters[$0.range]) } ?? []
    }

    private func row(_ x: [Double], _ index: Int, _ width: Int) -> [Double] {
        Array(x[index * width..<(index + 1) * width])
    }

    private func norm(_ x: [Double], _ path: String) -> [Double] {
        let gain = value(path + ".weight")
        return Plain.layerNorm(x, gain: gain, bias: value(path + ".bias"), columnCount: gain.count, epsilon: 1e-5)
    }

    private func linear(
        _ x: [Double], _ path: String, from inputWidth: Int, to outputWidth: Int, residual: [Double]? = nil
    ) -> [Double] {
        Plain.linear(
            x, weight: value(path + ".weight"), bias: layout[path + ".bias"].map { Array(parameters[$0.range]) },
            residual: residual, rowCount: x.count / inputWidth, inputWidth: inputWidth, outputWidth: outputWidth)
    }

    private func block(
        _ x: [Double], _ path: String, offsets: [Int32], width: Int, hiddenWidth: Int, headCount: Int, isCausal: Bool
    ) -> [Double] {
        let normed = norm(x, path + ".attentionNorm")
        let parts = ["query", "key", "value"].map {
            linear(normed, "\(path).attention.\($0)", from: width, to: width)
        }
        let attended = Plain.attention(
            query: parts[0], key: parts[1], value: parts[2], queryOffsets: offsets, keyOffsets: offsets,
            headCount: headCount, headWidth: width / headCount, isCausal: isCausal)
        let middle = linear(attended, path + ".attention.output", from: width, to: width, residual: x)
        let hidden = activation(
            linear(norm(middle, path + ".mlpNorm"), path + ".mlp.hidden", from: width, to: hiddenWidth))
        return linear(hidden, path + ".mlp.output", from: hiddenWidth, to: width, residual: middle)
    }

    private func activation(_ x: [Double]) -> [Double] {
        let function: ActivationFunction =
            switch configuration.activation {
            case .gelu: .gelu
            case .quickGELU: .quickGELU
            case .geluTanh: .geluTanh
            }
        return Plain.activation(function, of: x)
    }

    private func embedding(_ pooled: [Double], _ tower: String, width: Int) -> [Double] {
        let projected = linear(
            norm(pooled, tower + ".finalNorm"), tower + ".projection", from: width,
            to: configuration.embeddingDimension)
        return Plain.l2Normalize(projected, columnCount: configuration.embeddingDimension, epsilon: 1e-12)
    }

    private func stem(_ pixels: [UInt8], count: Int) -> [Double] {
        let vision = configuration.vision
        let mean = configuration.preprocessing.mean.map(Double.init)
        let std = configuration.preprocessing.std.map(Double.init)
        switch vision.stem {
        case .patch:
            let patches = Plain.patches(
                of: pixels, batchCount: count, imageSize: vision.imageSize, patchSize: vision.patchSize, mean: mean,
                std: std)
            return linear(
                patches, "imageTower.stem.patch", from: vision.patchSize * vision.patchSize * 3, to: vision.width)
        case .convolutional:
            var x = Plain.patches(
                of: pixels, batchCount: count, imageSize: vision.imageSize, patchSize: vision.imageSize, mean: mean,
                std: std)
            var size = vision.imageSize
            var channelCount = 3
            var index = 0
            while let weight = layout["imageTower.stem.convolutions.\(index).weight"] {
                let shape = ConvolutionShape(
                    height: size, width: size, channelCount: channelCount, kernelSize: 3, stride: 2, padding: 1)
                x = activation(
                    linear(
                        Plain.imageToColumns(x, batchCount: count, shape: shape),
                        "imageTower.stem.convolutions.\(index)", from: shape.columnCount, to: weight.shape[0]))
                channelCount = weight.shape[0]
                size = shape.outputHeight
                index += 1
            }
            return linear(x, "imageTower.stem.projection", from: channelCount, to: vision.width)
        }
    }
}
