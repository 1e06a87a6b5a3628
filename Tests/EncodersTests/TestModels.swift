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

    /// SigLIP: attention pooling, a text tower that sees its padding, tanh GELU in one of them.
    static func sigLIP() throws -> DualEncoderConfiguration {
        var vision = DualEncoderConfiguration.Vision(
            imageSize: 10, patchSize: 4, width: 12, layerCount: 2, headWidth: 6, mlpRatio: 2)
        vision.hasClassToken = false
        vision.hasStemNorm = false
        vision.hasPatchBias = true
        vision.normEpsilon = 1e-6
        vision.pooling = .attentionPool
        vision.hasProjection = false
        vision.mlpWidth = 25
        var text = DualEncoderConfiguration.Text(
            contextLength: 9, vocabularySize: 20, width: 14, layerCount: 2, headCount: 2, endTokenID: 1, padTokenID: 1)
        text.isCausal = false
        text.pooling = .last
        text.isPadded = true
        text.normEpsilon = 1e-6
        text.activation = .geluTanh
        text.mlpWidth = 31
        text.hasProjectionBias = true
        return try DualEncoderConfiguration(
            embeddingDimension: 12, vision: vision, text: text, initialLogitBias: -10)
    }

    /// EVA02: rotary positions, gated perceptrons, norms inside, keys without a bias.
    static func eva02() throws -> DualEncoderConfiguration {
        var vision = DualEncoderConfiguration.Vision(
            imageSize: 13, patchSize: 4, width: 16, layerCount: 2, headWidth: 8, mlpRatio: 4 * 2 / 3)
        vision.hasStemNorm = false
        vision.hasPatchBias = true
        vision.normEpsilon = 1e-6
        vision.mlp = .swiGLU
        vision.hasSubNorm = true
        vision.rotaryGridSize = 16
        vision.hasKeyBias = false
        vision.hasProjectionBias = true
        return try DualEncoderConfiguration(
            embeddingDimension: 11, vision: vision,
            text: .init(
                contextLength: 9, vocabularySize: 20, width: 12, layerCount: 2, headCount: 3, endTokenID: 19,
                padTokenID: 0))
    }

    /// Configurations that between them set every property away from its default.
    static func variants() throws -> [DualEncoderConfiguration] {
        let plain = try configuration(stem: .patch)
        let (sigLIP, eva02) = (try sigLIP(), try eva02())
        var vision = sigLIP.vision
        vision.activation = .gelu
        var text = plain.text
        text.width = 12
        text.hasProjection = false
        return [
            try DualEncoderConfiguration(
                embeddingDimension: plain.embeddingDimension, vision: plain.vision, text: plain.text,
                preprocessing: .init(cropRounding: .down, rgbConversion: .afterResize)),
            try configuration(stem: .convolutional, activation: .quickGELU), sigLIP, eva02,
            try DualEncoderConfiguration(
                embeddingDimension: 12, vision: vision, text: text, activation: .geluTanh),
            try DualEncoderConfiguration(
                embeddingDimension: 10,
                vision: .init(
                    imageSize: 45, convNeXt: .init(depths: [1, 2, 1, 1], widths: [6, 8, 10, 12], head: .mlp)),
                text: plain.text),
            try DualEncoderConfiguration(
                embeddingDimension: 10,
                vision: .init(
                    imageSize: 64, modifiedResNet: .init(depths: [1, 2, 1, 1], stemWidth: 4, headCount: 2)),
                text: plain.text),
        ]
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
            (0..<index % text.contextLength).map { _ in
                // Any id but the end token's; 0 may be the padding.
                let token = Int32(1 + random.integer(below: text.vocabularySize - 2))
                return token >= text.endTokenID ? token + 1 : token
            } + [Int32(text.endTokenID)]
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
