import ByteFormats
import Encoders
import Foundation
import Testing

/// What an import decides, reports and refuses.
@Suite struct ForeignCheckpointTests {
    private let openCLIP = "clip-openclip-gelu-f32"
    private let custom = "clip-openclip-custom-quickgelu-f16"
    private let sharded = "clip-hf-quickgelu-f32-sharded"
    private let huggingFace = "clip-hf-gelu-bf16"

    /// The error of importing a spoilt copy.
    private func failure(_ name: String, _ spoil: (ForeignFolder) throws -> Void) throws -> EncodersError {
        let folder = try ForeignFolder(copying: name)
        try spoil(folder)
        return try #require(throws: EncodersError.self) {
            try ForeignCheckpoint(directory: folder.path).importModel()
        }
    }

    @Test func openCLIPsDescriptionIsReadWithItsDefaults() throws {
        let checkpoint = try ForeignCheckpoint(directory: ForeignCheckpointGoldenTests.folder(openCLIP))
        let configuration = checkpoint.configuration
        #expect(configuration.activation == .gelu && configuration.text.mlpRatio == 4)
        #expect(configuration.text.endTokenID == 39 && configuration.text.padTokenID == 0)
        #expect(configuration.preprocessing.resizeMode == .shortest)
        #expect(configuration.preprocessing.cropRounding == .halfToEven)
        #expect(checkpoint.notes.contains { $0.contains("quick_gelu is not stated") })
        #expect(checkpoint.ignoredKeys == ["preprocess_cfg.fill_color"])
        #expect(checkpoint.fileNames == ["open_clip_model.safetensors", "open_clip_config.json"])
    }

    @Test func anExplicitEndTokenAndTruncatedRatiosAreTaken() throws {
        let configuration = try ForeignCheckpoint(
            directory: ForeignCheckpointGoldenTests.folder(custom)
        ).configuration
        #expect(configuration.text.endTokenID == 2 && configuration.text.hiddenWidth == 52)
        #expect(configuration.activation == .quickGELU && configuration.vision.headWidth == 13)
    }

    @Test func theOldEndTokenOfTransformersMeansTheLargestID() throws {
        let old = try ForeignCheckpoint(directory: ForeignCheckpointGoldenTests.folder(sharded))
        #expect(old.configuration.text.endTokenID == 39 && old.notes.contains { $0.contains("eos_token_id") })
        #expect(old.configuration.preprocessing.cropRounding == .down)
        let new = try ForeignCheckpoint(directory: ForeignCheckpointGoldenTests.folder(huggingFace))
        #expect(new.configuration.text.endTokenID == 38 && new.notes.isEmpty)
        #expect(new.configuration.vision.hiddenWidth == 61 && new.configuration.text.hiddenWidth == 59)
    }

    @Test func elementTypesAreReported() throws {
        for (name, type) in [(openCLIP, "F32"), (custom, "F16"), (sharded, "F32"), (huggingFace, "BF16")] {
            let imported = try ForeignCheckpoint(
                directory: ForeignCheckpointGoldenTests.folder(name)
            ).importModel()
            #expect(imported.elementTypes == [type])
        }
    }

    @Test func anActivationMayBeGivenWhereNoneIsStatedAndMustNotContradict() throws {
        let folder = try ForeignCheckpointGoldenTests.folder(openCLIP)
        let checkpoint = try ForeignCheckpoint(directory: folder, activation: .quickGELU)
        #expect(checkpoint.configuration.activation == .quickGELU)
        let error = try #require(throws: EncodersError.self) {
            try ForeignCheckpoint(
                directory: ForeignCheckpointGoldenTests.folder(custom), activation: .gelu)
        }
        #expect(error.code == .unsupportedModel && error.message.contains("quick_gelu"))
    }

    @Test func keysThatChangeTheComputationAreRefusedTogether() throws {
        let error = try failure(openCLIP) { folder in
            try folder.edit("open_clip_config.json") {
                $0.replacing("\"image_size\"", with: "\"no_ln_pre\": true, \"novelty\": 1, \"image_size\"")
                    .replacing("\"vocab_size\"", with: "\"no_causal_mask\": true, \"vocab_size\"")
            }
        }
        #expect(error.code == .unsupportedModel)
        for key in ["vision_cfg.no_ln_pre", "vision_cfg.novelty", "text_cfg.no_causal_mask"] {
            #expect(error.message.contains(key))
        }
    }

    @Test func unknownKeysOfTransformersAreRefused() throws {
        let error = try failure(huggingFace) { folder in
            try folder.edit("config.json") {
                $0.replacing("\"num_channels\"", with: "\"use_rope\": true, \"num_channels\"")
            }
            try folder.edit("preprocessor_config.json") {
                $0.replacing("\"resample\": 3", with: "\"resample\": 1, \"novelty\": true")
            }
        }
        #expect(error.code == .unsupportedModel)
        for key in ["vision_config.use_rope", "resample", "novelty"] { #expect(error.message.contains(key)) }
    }

    @Test func aTowerOfOtherShapeNamesEveryTensorThatDoesNotFit() throws {
        let error = try failure(openCLIP) { folder in
            try folder.edit("open_clip_config.json") {
                $0.replacing("\"layers\": 2,\n   \"head_width\"", with: "\"layers\": 3,\n   \"head_width\"")
                    .replacing("\"context_length\": 11", with: "\"context_length\": 12")
            }
        }
        #expect(error.code == .weightMismatch)
        #expect(error.message.contains("'positional_embedding' has shape [11, 16], must be [12, 16]"))
        #expect(error.message.contains("'visual.transformer.resblocks.2.ln_1.weight' is missing"))
    }

    @Test func unusedTensorsAreRefusedUnlessAllowed() throws {
        let folder = try ForeignFolder(copying: openCLIP)
        try folder.edit("open_clip_config.json") {
            $0.replacing("\"layers\": 2,\n   \"head_width\"", with: "\"layers\": 1,\n   \"head_width\"")
        }
        let checkpoint = try ForeignCheckpoint(directory: folder.path)
        let error = try #require(throws: EncodersError.self) { try checkpoint.importModel() }
        #expect(error.message.contains("'visual.transformer.resblocks.1.attn.in_proj_bias' is not used"))
        #expect(try checkpoint.importModel(allowsUnusedTensors: true).unusedTensors.count == 12)
    }

    @Test func picklesAreRefusedWithTheRecipe() throws {
        let error = try failure(openCLIP) {
            try $0.rename("open_clip_model.safetensors", to: "open_clip_pytorch_model.bin")
        }
        #expect(error.code == .pickledWeights && error.place.hasSuffix("open_clip_pytorch_model.bin"))
        #expect(error.message.contains("weights_only=True") && error.message.contains("save_file"))
    }

    @Test func aMissingDescriptionIsNamed() throws {
        for (name, file) in [
            (openCLIP, "open_clip_config.json"), (huggingFace, "config.json"),
            (huggingFace, "preprocessor_config.json"),
        ] {
            let error = try failure(name) { try $0.remove(file) }
            #expect(error.code == .fileAccess && error.place.hasSuffix(file))
        }
    }

    @Test func anEmptyFolderSaysWhatBelongsThere() throws {
        let error = try failure(openCLIP) { try $0.remove("open_clip_model.safetensors") }
        #expect(error.code == .fileAccess && error.message.contains("open_clip_model.safetensors"))
    }

    @Test(arguments: ["../model-00002-of-00003.safetensors", "/tmp/x.safetensors", ".hidden.safetensors", "model.bin"])
    func shardsOutsideTheFolderAreNeverOpened(name: String) throws {
        let error = try failure(sharded) { folder in
            try folder.edit("model.safetensors.index.json") {
                $0.replacing("model-00002-of-00003.safetensors", with: name)
            }
        }
        #expect(error.code == .fileAccess && error.message.contains("nothing else is ever opened"))
    }

    @Test func anIndexMustAgreeWithItsShards() throws {
        let error = try failure(sharded) { folder in
            try folder.edit("model.safetensors.index.json") {
                $0.replacing("\"logit_scale\"", with: "\"logit_scales\"")
            }
        }
        #expect(error.code == .weightMismatch)
        #expect(error.message.contains("'logit_scale' of") && error.message.contains("'logit_scales' is in no shard"))
    }

    @Test func foreignTensorsAreNotTakenForAModel() throws {
        let error = try failure(openCLIP) { folder in
            try folder.remove("open_clip_model.safetensors")
            try folder.rename("golden.safetensors", to: "model.safetensors")
        }
        #expect(error.code == .unsupportedModel && error.message.contains("'image.block.0'"))
    }

    @Test(arguments: ["1e300", "-9223372036854775808", "0", "-1", "1.5", "true", "[8, 9]", "\"wide\"", "4294967296"])
    func hostileNumbersAreRefused(number: String) throws {
        let files = [
            (
                openCLIP, "open_clip_config.json",
                ["embed_dim", "image_size", "patch_size", "layers", "vocab_size", "heads"]
            ),
            (
                huggingFace, "config.json",
                ["hidden_size", "intermediate_size", "num_attention_heads", "vocab_size"]
            ),
        ]
        for (name, file, keys) in files {
            for key in keys {
                _ = try failure(name) { folder in
                    try folder.edit(file) { text in
                        text.replacing(try Regex("\"\(key)\": [0-9]+"), with: "\"\(key)\": \(number)")
                    }
                }
            }
        }
    }
}
