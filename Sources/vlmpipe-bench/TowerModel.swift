import ArgumentParser
import Encoders
import Kernels

/// A well-known model with random weights; of the tower that is not measured there is one block.
enum TowerModel: String, CaseIterable, ExpressibleByArgument {
    case b32 = "ViT-B-32"
    case b16 = "ViT-B-16"
    case l14 = "ViT-L-14"
    case textB32 = "ViT-B-32-text"

    /// Whether texts are measured.
    var isText: Bool { self == .textB32 }

    /// The model, with OpenAI's CLIP sizes.
    func configuration() throws -> DualEncoderConfiguration {
        let isLarge = self == .l14
        let patchSize = self == .b16 ? 16 : isLarge ? 14 : 32
        return try DualEncoderConfiguration(
            embeddingDimension: isLarge ? 768 : 512,
            vision: .init(
                imageSize: 224, patchSize: patchSize, width: isLarge ? 1024 : 768,
                layerCount: isText ? 1 : isLarge ? 24 : 12),
            text: .init(
                contextLength: 77, vocabularySize: isText ? 49_408 : 64, width: 512, layerCount: isText ? 12 : 1,
                headCount: 8, endTokenID: isText ? 49_407 : 63, padTokenID: 0))
    }
}

extension TowerModel {
    /// Random weights.
    ///
    /// - Parameter hasOutliers: Whether six gains of each norm are 30 times larger than the rest.
    func parameters(_ architecture: DualEncoderArchitecture, hasOutliers: Bool) -> FloatBuffer {
        let parameters = architecture.initialParameters(seed: 1)
        for entry in architecture.layout.entries where hasOutliers && entry.name.hasSuffix("Norm.weight") {
            for index in 0..<6 { parameters[entry.offset + index * 37 % entry.count] *= 30 }
        }
        return parameters
    }
}

/// The products over all tokens of one input of a transformer tower.
struct TowerProducts {
    /// Inputs, outputs, rows.
    private(set) var shapes: [(depth: Int, columnCount: Int, rowCount: Int)] = []

    init(_ model: TowerModel, tokenCount: Int, configuration: DualEncoderConfiguration) {
        let vision = configuration.vision
        let width = model.isText ? configuration.text.width : vision.width
        let layerCount = model.isText ? configuration.text.layerCount : vision.layerCount
        if !model.isText {
            shapes.append((vision.patchSize * vision.patchSize * 3, width, vision.patchCount))
        }
        for _ in 1..<layerCount {
            shapes += [
                (width, 3 * width, tokenCount), (width, width, tokenCount), (width, 4 * width, tokenCount),
                (4 * width, width, tokenCount),
            ]
        }
        shapes.append((width, 2 * width, tokenCount))
    }
}
