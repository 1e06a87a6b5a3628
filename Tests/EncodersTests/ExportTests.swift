import Foundation
import TestSupport
import Testing

@testable import Encoders

/// Models written for other libraries and read again; that the libraries read them is checked by Tests/Peers/export.py.
@Suite struct ExportTests {
    private func model(_ configuration: DualEncoderConfiguration) throws -> DualEncoder {
        let architecture = try DualEncoderArchitecture(configuration)
        return try DualEncoder(configuration: configuration, parameters: TestModels.parameters(architecture, seed: 5))
    }

    /// What comes back computes the very same.
    private func expectSame(_ model: DualEncoder, _ target: ExportTarget) throws {
        let folder = try TemporaryFolder()
        _ = try model.export(toDirectory: folder.file("out"), as: target)
        let again = try ForeignCheckpoint(directory: folder.file("out")).importModel().encoder
        let texts = TestModels.texts(model.configuration, count: 5, seed: 2)
        let pixels = TestModels.pixels(model.configuration, count: 3, seed: 3)
        #expect(again.encodeTexts(texts) == model.encodeTexts(texts))
        #expect(again.encodeImages(pixels, count: 3) == model.encodeImages(pixels, count: 3))
        #expect(again.logitScale == model.logitScale && again.logitBias == model.logitBias)
    }

    @Test(arguments: ExportTarget.allCases, DualEncoderConfiguration.Activation.allCases)
    func ourOwnTransformersComeBack(target: ExportTarget, activation: DualEncoderConfiguration.Activation) throws {
        let model = try model(TestModels.configuration(stem: .patch, activation: activation))
        if target == .openCLIP && activation == .geluTanh {
            let error = try #require(throws: EncodersError.self) { try expectSame(model, target) }
            #expect(error.code == .unsupportedModel && error.message.contains("geluTanh"))
        } else {
            try expectSame(model, target)
        }
    }

    @Test(arguments: [
        ("clip-hf-gelu-bf16", ExportTarget.openCLIP), ("clip-hf-quickgelu-f32-sharded", .openCLIP),
        ("clip-openclip-custom-quickgelu-f16", .openCLIP), ("clip-openclip-gelu-f32", .huggingFace),
        ("clip-openclip-heads-104", .huggingFace),
    ]) func checkpointsComeBack(name: String, target: ExportTarget) throws {
        try expectSame(
            try ForeignCheckpoint(directory: ForeignCheckpointGoldenTests.folder(name)).importModel().encoder, target)
    }

    /// What SigLIP's texts are padded with is known to its tokenizer alone, which travels beside the weights.
    @Test(arguments: ["siglip-hf-tanh-heads-72", "siglip2-hf-gelu"])
    func sigLIPComesBack(name: String) throws {
        let path = try ForeignCheckpointGoldenTests.folder(name)
        let model = try ForeignCheckpoint(directory: path).importModel().encoder
        let folder = try TemporaryFolder()
        _ = try model.export(toDirectory: folder.path, as: .huggingFace)
        try FileManager.default.copyItem(
            atPath: path + "/tokenizer_config.json", toPath: folder.file("tokenizer_config.json"))
        let again = try ForeignCheckpoint(directory: folder.path).importModel().encoder
        let golden = try GoldenCheckpoint(name)
        let count = golden.pixels.count / model.configuration.vision.imageByteCount
        #expect(again.encodeTexts(golden.texts) == model.encodeTexts(golden.texts))
        #expect(again.encodeImages(golden.pixels, count: count) == model.encodeImages(golden.pixels, count: count))
        #expect(again.logitScale == model.logitScale && again.logitBias == model.logitBias)
    }

    /// open_clip takes SigLIP's image towers from timm by name: only those that timm has can be said.
    @Test func sigLIPForOpenCLIPIsOneOfTimms() throws {
        func vision(_ imageSize: Int, patch: Int) -> DualEncoderConfiguration.Vision {
            var vision = DualEncoderConfiguration.Vision(
                imageSize: imageSize, patchSize: patch, width: 768, layerCount: 12)
            vision.hasStemNorm = false
            vision.hasPatchBias = true
            vision.normEpsilon = 1e-6
            vision.hasClassToken = false
            vision.pooling = .attentionPool
            vision.hasProjection = false
            return vision
        }
        func form(
            _ imageSize: Int, patch: Int, _ activation: DualEncoderConfiguration.Activation
        ) throws -> ExportForm {
            var text = DualEncoderConfiguration.Text(
                contextLength: 64, vocabularySize: 32000, width: 768, layerCount: 12, headCount: 12, endTokenID: 1,
                padTokenID: 1)
            text.isCausal = false
            text.isPadded = true
            text.pooling = .last
            text.hasProjectionBias = true
            text.normEpsilon = 1e-6
            return try ExportForm(
                DualEncoderConfiguration(
                    embeddingDimension: 768, vision: vision(imageSize, patch: patch), text: text,
                    activation: activation,
                    initialLogitBias: -10), for: .openCLIP)
        }
        for (size, patch, activation, name) in [
            (224, 16, DualEncoderConfiguration.Activation.gelu, "vit_base_patch16_siglip_224"),
            (256, 32, .geluTanh, "vit_base_patch32_siglip_256"),
        ] {
            let form = try form(size, patch: patch, activation)
            #expect(form.files.keys.sorted() == ["open_clip_config.json"])
            #expect(ForeignDescription.timmName(ofSigLIP: vision(size, patch: patch), activation: activation) == name)
        }
        for (size, patch, activation) in [
            (224, 16, DualEncoderConfiguration.Activation.geluTanh), (240, 16, .gelu), (256, 32, .gelu),
        ] {
            let error = try #require(throws: EncodersError.self) { try form(size, patch: patch, activation) }
            #expect(error.code == .unsupportedModel && error.message.contains("timm"), "\(error)")
        }
    }

    @Test func aModelWithEndToken2IsRefusedForTransformers() throws {
        let path = try ForeignCheckpointGoldenTests.folder("clip-openclip-custom-quickgelu-f16")
        let model = try ForeignCheckpoint(directory: path).importModel().encoder
        let error = try #require(throws: EncodersError.self) { try expectSame(model, .huggingFace) }
        #expect(error.code == .unsupportedModel && error.message.contains("end token is 2"))
    }

    @Test(arguments: ExportTarget.allCases) func whatTheTargetHasNotIsRefused(target: ExportTarget) throws {
        var models = [
            (try model(TestModels.configuration(stem: .convolutional)), "stem is convolutional"),
            (try model(TestModels.eva02()), "EVA02"),
        ]
        for name in ["convnext-openclip-linear", "resnet-openclip-quickgelu"] {
            let path = try ForeignCheckpointGoldenTests.folder(name)
            models.append((try ForeignCheckpoint(directory: path).importModel().encoder, "convolutional network"))
        }
        for (model, reason) in models {
            let folder = try TemporaryFolder()
            let error = try #require(throws: EncodersError.self) {
                try model.export(toDirectory: folder.file("out"), as: target)
            }
            #expect(error.code == .unsupportedModel && error.message.contains(reason), "\(error)")
            #expect(try folder.names().isEmpty)
        }
    }

    /// OpenAI's weights have no description: their shapes are read off, the activation must be known.
    @Test func weightsWithoutADescription() throws {
        let configuration = try DualEncoderConfiguration(
            embeddingDimension: 24,
            vision: .init(imageSize: 24, patchSize: 8, width: 128, layerCount: 2),
            text: .init(
                contextLength: 9, vocabularySize: 30, width: 64, layerCount: 1, headCount: 1, endTokenID: 29,
                padTokenID: 0), activation: .quickGELU, preprocessing: .init(resizeMode: .shortest))
        let model = try model(configuration)
        let folder = try TemporaryFolder()
        _ = try model.export(toDirectory: folder.path, as: .openCLIP)
        try FileManager.default.removeItem(atPath: folder.file("open_clip_config.json"))
        let error = try #require(throws: EncodersError.self) { try ForeignCheckpoint(directory: folder.path) }
        #expect(error.code == .fileAccess && error.message.contains("--quick-gelu") && error.message.contains("--gelu"))
        let checkpoint = try ForeignCheckpoint(directory: folder.path, activation: .quickGELU)
        #expect(checkpoint.configuration.vision == configuration.vision)
        #expect(checkpoint.configuration.text == configuration.text)
        #expect(checkpoint.notes.contains { $0.contains("read off the tensors") })
        let pixels = TestModels.pixels(configuration, count: 2, seed: 1)
        #expect(
            try checkpoint.importModel().encoder.encodeImages(pixels, count: 2) == model.encodeImages(pixels, count: 2))
    }
}
