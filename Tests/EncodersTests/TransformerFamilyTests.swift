import Foundation
import Kernels
import TestSupport
import Testing

@testable import Encoders

/// SigLIP, SigLIP 2 and EVA02 against what open_clip and transformers computed; see Tests/Peers/golden.py.
@Suite struct TransformerFamilyTests {
    /// Every committed checkpoint of these families.
    static let cases: [String] = {
        let fixtures = Bundle.module.url(forResource: "Fixtures", withExtension: nil)?.path ?? ""
        let names = (try? FileManager.default.contentsOfDirectory(atPath: fixtures)) ?? []
        return names.filter { $0.hasPrefix("siglip") || $0.hasPrefix("eva02") }.sorted()
    }()
    /// Sums of a hundred products in another order, in values of some tens.
    static let stageBound: Float = 2e-5
    static let embeddingBound: Float = 2e-6

    @Test func theFamiliesAreThere() {
        for family in ["siglip-openclip", "siglip-hf", "siglip2-openclip", "siglip2-hf", "eva02-openclip"] {
            #expect(Self.cases.contains { $0.hasPrefix(family) }, "\(family)")
        }
    }

    @Test(arguments: cases) func everyStageIsTheLibrarys(name: String) throws {
        let golden = try GoldenCheckpoint(name)
        let encoder = try ForeignCheckpoint(directory: golden.folder).importModel().encoder
        let byteCount = encoder.configuration.vision.imageByteCount
        for image in 0..<golden.pixels.count / byteCount {
            let stages = encoder.imageStages(Array(golden.pixels[image * byteCount..<(image + 1) * byteCount]))
            #expect(stages.contains { $0.name == .pooled } && stages.contains { $0.name == .block(0) })
            for stage in stages {
                let expected = try golden.values("image.\(stage.name)", sequence: image, rowCount: .max)
                #expect(GoldenCheckpoint.worst(stage.values, expected) <= Self.stageBound, "image \(stage.name)")
            }
        }
        for (index, text) in golden.texts.enumerated() {
            let rowCount = encoder.configuration.text.computedLength(of: text)
            for stage in encoder.textStages(text) {
                let expected = try golden.values("text.\(stage.name)", sequence: index, rowCount: rowCount)
                #expect(GoldenCheckpoint.worst(stage.values, expected) <= Self.stageBound, "text \(stage.name)")
            }
        }
    }

    @Test(arguments: cases) func embeddingsAreTheLibrarys(name: String) throws {
        let golden = try GoldenCheckpoint(name)
        let imported = try ForeignCheckpoint(directory: golden.folder).importModel()
        #expect(imported.unusedTensors.isEmpty && imported.ignoredTensors.isEmpty)
        let encoder = imported.encoder
        let count = golden.pixels.count / encoder.configuration.vision.imageByteCount
        let images = encoder.encodeImages(golden.pixels, count: count)
        #expect(GoldenCheckpoint.worst(images, try golden.floats("image.embedding")) <= Self.embeddingBound)
        let texts = encoder.encodeTexts(golden.texts)
        #expect(GoldenCheckpoint.worst(texts, try golden.floats("text.embedding")) <= Self.embeddingBound)
        #expect(encoder.logitBias == (name.hasPrefix("siglip") ? -7.25 : nil))
    }

    /// Pooled features are what the library projects, tokens its last block's after the final norm.
    @Test(arguments: cases) func featuresAreTheLibrarys(name: String) throws {
        let golden = try GoldenCheckpoint(name)
        let encoder = try ForeignCheckpoint(directory: golden.folder).importModel().encoder
        let (vision, text) = (encoder.configuration.vision, encoder.configuration.text)
        let count = golden.pixels.count / vision.imageByteCount
        guard case .transformer(let tower) = encoder.architecture.imageTower else {
            Issue.record("not a transformer")
            return
        }
        let tokens = encoder.imageFeatures(golden.pixels, count: count, .tokens)
        #expect(encoder.shape(of: .tokens) == [vision.tokenCount, vision.width])
        let expected = normed(try golden.floats("image.block.\(vision.layerCount - 1)"), tower.finalNorm, of: encoder)
        #expect(GoldenCheckpoint.worst(tokens, expected) <= Self.stageBound)
        let pooled = encoder.imageFeatures(golden.pixels, count: count, .pooled)
        let stage = vision.pooling == .attentionPool ? "image.pooled" : "image.features"
        #expect(GoldenCheckpoint.worst(pooled, try golden.floats(stage)) <= Self.stageBound)

        let spatial = encoder.imageFeatures(golden.pixels, count: count, .spatial)
        #expect(encoder.shape(of: .spatial) == [vision.gridSize, vision.gridSize, vision.width])
        let (tokenLength, patchLength) = (vision.tokenCount * vision.width, vision.patchCount * vision.width)
        var patches: [Float] = []
        for image in 0..<count {
            let end = (image + 1) * tokenLength
            patches += tokens[(end - patchLength)..<end]
        }
        #expect(spatial == patches)

        let textPooled = encoder.textFeatures(golden.texts, .pooled)
        #expect(
            GoldenCheckpoint.worst(textPooled.flatMap(\.self), try golden.floats("text.features")) <= Self.stageBound)
        for (index, row) in encoder.textFeatures(golden.texts, .tokens).enumerated() {
            let length = text.computedLength(of: golden.texts[index])
            let last = try golden.values("text.block.\(text.layerCount - 1)", sequence: index, rowCount: length)
            let expected = normed(last, encoder.architecture.textTower.finalNorm, of: encoder)
            #expect(GoldenCheckpoint.worst(row, expected) <= Self.stageBound)
        }
    }

    private func normed(_ rows: [Float], _ layer: NormLayer, of encoder: DualEncoder) -> [Float] {
        let gain = encoder.weights.joined(layer.gain.offset..<layer.gain.offset + layer.width).array
        let bias = encoder.weights.joined(layer.bias.offset..<layer.bias.offset + layer.width).array
        return PlainKernels<Float>.layerNorm(
            rows, gain: gain, bias: bias, columnCount: layer.width, epsilon: layer.epsilon)
    }

    /// An embedding does not depend on what it is encoded together with.
    @Test func companyDoesNotMatter() throws {
        for configuration in [try TestModels.sigLIP(), try TestModels.eva02()] {
            let architecture = try DualEncoderArchitecture(configuration)
            let encoder = try DualEncoder(
                configuration: configuration, parameters: TestModels.parameters(architecture, seed: 7))
            let count = encoder.imageSliceRowCount + 3
            let bytes = configuration.vision.imageByteCount
            let pixels = TestModels.pixels(configuration, count: count, seed: 8)
            let images = encoder.encodeImages(pixels, count: count)
            let texts = TestModels.texts(configuration, count: 20, seed: 9)
            let together = encoder.encodeTexts(texts)
            let dimension = configuration.embeddingDimension
            for index in [0, 1, count - 1] {
                let alone = encoder.encodeImages(Array(pixels[index * bytes..<(index + 1) * bytes]), count: 1)
                #expect(alone == Array(images[index * dimension..<(index + 1) * dimension]))
            }
            for (index, text) in texts.enumerated() {
                let alone = encoder.encodeTexts([text])
                #expect(alone == Array(together[index * dimension..<(index + 1) * dimension]))
            }
        }
    }

    /// A tower that sees its padding gives another vector for another padding; a causal one does not.
    @Test func paddingMattersWhereItIsSeen() throws {
        for (configuration, isSeen) in [(try TestModels.sigLIP(), true), (try TestModels.eva02(), false)] {
            let parameters = TestModels.parameters(try DualEncoderArchitecture(configuration), seed: 3)
            var text = configuration.text
            text.padTokenID = 5
            let other = try DualEncoderConfiguration(
                embeddingDimension: configuration.embeddingDimension, vision: configuration.vision, text: text,
                initialLogitBias: configuration.initialLogitBias)
            let tokens: [[Int32]] = [[3, 4, Int32(text.endTokenID)]]
            let first = try DualEncoder(configuration: configuration, parameters: parameters).encodeTexts(tokens)
            let second = try DualEncoder(configuration: other, parameters: parameters).encodeTexts(tokens)
            #expect((first != second) == isSeen)
        }
    }

    @Test func onlyPlainTowersAreTrained() throws {
        #expect(try TestModels.configuration(stem: .patch).isTrainable)
        #expect(try TestModels.configuration(stem: .convolutional, activation: .geluTanh).isTrainable)
        let sigLIP = try TestModels.sigLIP().trainingProblems.joined(separator: "; ")
        for part in ["pool_type", "text_cfg", "norm_eps", "init_logit_bias"] {
            #expect(sigLIP.contains(part), "\(part) in: \(sigLIP)")
        }
        let eva02 = try TestModels.eva02().trainingProblems.joined(separator: "; ")
        for part in ["rotary_grid", "key_bias", "sub_norm"] { #expect(eva02.contains(part), "\(part) in: \(eva02)") }
        for configuration in try TestModels.variants().suffix(2) { #expect(!configuration.isTrainable) }
    }
}
