import Encoders
import Kernels
import TestSupport

/// Small models that exercise every branch: sizes that fill no vector, remainder pixels, both stems and activations.
enum TestModels {
    static func configuration(
        stem: DualEncoderConfiguration.Stem, activation: DualEncoderConfiguration.Activation = .gelu
    ) throws -> DualEncoderConfiguration {
        try DualEncoderConfiguration(
            embeddingDimension: 12,
            vision: .init(
                imageSize: stem == .patch ? 10 : 8, patchSize: 4, width: 16, layerCount: 2, headWidth: 8, mlpRatio: 2,
                stem: stem),
            text: .init(
                contextLength: 9, vocabularySize: 20, width: 12, layerCount: 2, headCount: 3, endTokenID: 19,
                padTokenID: 0), activation: activation)
    }

    /// A model of real proportions, for matrix products of the size that training uses.
    static func mediumConfiguration(stem: DualEncoderConfiguration.Stem) throws -> DualEncoderConfiguration {
        try DualEncoderConfiguration(
            embeddingDimension: 64, vision: .init(imageSize: 48, patchSize: 8, width: 128, layerCount: 3, stem: stem),
            text: .init(
                contextLength: 20, vocabularySize: 300, width: 128, layerCount: 2, headCount: 2, endTokenID: 299,
                padTokenID: 0))
    }

    static func pixels(_ configuration: DualEncoderConfiguration, count: Int, seed: UInt64) -> [UInt8] {
        var random = TestRandom(seed: seed)
        return (0..<count * configuration.vision.imageByteCount).map { _ in UInt8(random.integer(below: 256)) }
    }

    /// Texts of all lengths from 1 to the context.
    static func texts(_ configuration: DualEncoderConfiguration, count: Int, seed: UInt64) -> [[Int32]] {
        var random = TestRandom(seed: seed)
        let text = configuration.text
        return (0..<count).map { index in
            (0..<index % text.contextLength).map { _ in Int32(1 + random.integer(below: text.endTokenID - 1)) }
                + [Int32(text.endTokenID)]
        }
    }

    /// Fresh parameters with every norm and bias moved off its neutral start.
    static func parameters(_ architecture: DualEncoderArchitecture, seed: UInt64) -> FloatBuffer {
        let parameters = architecture.initialParameters(seed: seed)
        var random = TestRandom(seed: seed &+ 5)
        for index in 0..<parameters.count {
            parameters[index] += Float(random.unit() - 0.5) * 0.2
        }
        return parameters
    }
}
