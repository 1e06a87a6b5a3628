import Encoders
import Foundation
import Kernels
import Testing

@Suite struct ConfigurationTests {
    @Test func jsonRoundTrip() throws {
        for stem in DualEncoderConfiguration.Stem.allCases {
            let configuration = try TestModels.configuration(stem: stem, activation: .quickGELU)
            let data = try configuration.jsonData()
            #expect(try DualEncoderConfiguration(jsonData: data) == configuration)
            #expect(try DualEncoderConfiguration(jsonData: data).jsonData() == data)
        }
    }

    /// Every family survives writing and reading, byte for byte.
    @Test func variantsRoundTrip() throws {
        for configuration in try TestModels.variants() {
            let data = try configuration.jsonData()
            #expect(try DualEncoderConfiguration(jsonData: data) == configuration)
            #expect(try DualEncoderConfiguration(jsonData: data).jsonData() == data)
        }
    }

    /// Descriptions written before CLIP's relatives came are read and written without a change.
    @Test func plainModelsHaveNoNewKeys() throws {
        let text = """
            {
              "family" : "vlmpipe",
              "format_version" : "0.1",
              "model_cfg" : {
                "embed_dim" : 12,
                "init_logit_scale" : 2.65926,
                "quick_gelu" : true,
                "text_cfg" : {
                  "context_length" : 9,
                  "eos_id" : 19,
                  "heads" : 3,
                  "layers" : 2,
                  "mlp_ratio" : 4,
                  "pad_id" : 0,
                  "pool_type" : "eos",
                  "vocab_size" : 20,
                  "width" : 12
                },
                "vision_cfg" : {
                  "head_width" : 8,
                  "image_size" : 10,
                  "layers" : 2,
                  "mlp_ratio" : 2,
                  "patch_size" : 4,
                  "stem" : "patch",
                  "width" : 16
                }
              },
              "preprocess_cfg" : {
                "interpolation" : "bicubic",
                "mean" : [
                  0.48145467,
                  0.4578275,
                  0.40821072
                ],
                "mode" : "RGB",
                "resize_mode" : "squash",
                "size" : 10,
                "std" : [
                  0.26862955,
                  0.2613026,
                  0.2757771
                ]
              }
            }

            """
        let configuration = try TestModels.configuration(stem: .patch, activation: .quickGELU)
        #expect(try DualEncoderConfiguration(jsonData: Data(text.utf8)) == configuration)
        #expect(try configuration.jsonData() == Data(text.utf8))
    }

    @Test func theActivationIsStatedOnce() throws {
        let base = try TestModels.configuration(stem: .patch, activation: .quickGELU)
        var vision = base.vision
        vision.activation = .quickGELU
        let same = try DualEncoderConfiguration(
            embeddingDimension: base.embeddingDimension, vision: vision, text: base.text, activation: .quickGELU)
        #expect(same == base && same.imageActivation == .quickGELU)
        vision.activation = .geluTanh
        let other = try DualEncoderConfiguration(
            embeddingDimension: base.embeddingDimension, vision: vision, text: base.text, activation: .quickGELU)
        #expect(other.imageActivation == .geluTanh && other.textActivation == .quickGELU)
    }

    @Test func propertiesThatExcludeEachOtherAreRefusedTogether() throws {
        let sigLIP = try TestModels.sigLIP()
        var (vision, text) = (sigLIP.vision, sigLIP.text)
        vision.pooling = .classToken
        vision.hasProjectionBias = true
        vision.mlp = .swiGLU
        vision.activation = .geluTanh
        vision.rotaryGridSize = 0
        vision.normEpsilon = 1
        text.isPadded = false
        text.hasProjection = false
        let first = try #require(throws: EncodersError.self) {
            try DualEncoderConfiguration(embeddingDimension: 13, vision: vision, text: text)
        }
        #expect(first.message.contains("vision_cfg.norm_eps"))
        vision.normEpsilon = 1e-6
        let error = try #require(throws: EncodersError.self) {
            try DualEncoderConfiguration(embeddingDimension: 13, vision: vision, text: text)
        }
        for part in [
            "vision_cfg.pool_type", "vision_cfg.projection ", "vision_cfg.projection_bias", "vision_cfg.activation",
            "vision_cfg.rotary_grid is 0", "needs a head width", "text_cfg.padded", "text_cfg.projection ",
        ] {
            #expect(error.message.contains(part), "\(part) in: \(error.message)")
        }
        let contradiction = """
            {"format_version": "0.1", "family": "vlmpipe", "model_cfg": {"embed_dim": 8, "quick_gelu": true,
             "activation": "geluTanh",
             "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 64, "layers": 1, "pool_type": "avg"},
             "text_cfg": {"context_length": 8, "vocab_size": 9, "width": 8, "layers": 1, "heads": 2, "eos_id": 2, "pad_id": 0}}}
            """
        let stated = try #require(throws: EncodersError.self) {
            try DualEncoderConfiguration(jsonData: Data(contradiction.utf8))
        }
        #expect(stated.message.contains("quick_gelu is true") && stated.message.contains("must be one of tok, map"))
    }

    @Test func defaultsOfAShortDescription() throws {
        let text = """
            {"format_version": "0.1", "family": "vlmpipe", "model_cfg": {"embed_dim": 8,
             "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 64, "layers": 1},
             "text_cfg": {"context_length": 8, "vocab_size": 9, "width": 8, "layers": 1, "heads": 2, "eos_id": 2, "pad_id": 0}}}
            """
        let configuration = try DualEncoderConfiguration(jsonData: Data(text.utf8))
        #expect(configuration.activation == .gelu && configuration.vision.headWidth == 64)
        #expect(configuration.vision.mlpRatio == 4 && configuration.vision.stem == .patch)
        #expect(configuration.preprocessing.resizeMode == .shortest)
        #expect(configuration.preprocessing.mean == DualEncoderConfiguration.Preprocessing.openAIMean)
        #expect(configuration.initialLogitScale == 2.65926)
    }

    @Test func allProblemsAreReportedTogether() throws {
        let text = """
            {"format_version": "9", "family": "vlmpipe", "extra": 1, "model_cfg": {"embed_dim": "8", "quick_gelu": false,
             "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 64, "layers": 1, "timm_model_name": "x", "stem": "odd"},
             "text_cfg": {"vocab_size": 9, "width": 8, "layers": 1, "heads": 2, "eos_id": 2, "pad_id": 0}},
             "preprocess_cfg": {"size": 31}}
            """
        let error = try #require(throws: EncodersError.self) {
            try DualEncoderConfiguration(jsonData: Data(text.utf8))
        }
        #expect(error.code == .invalidDescription)
        for part in [
            "format_version is '9'", "extra is not known", "model_cfg.embed_dim is not an integer",
            "model_cfg.vision_cfg.timm_model_name is not known",
            "model_cfg.vision_cfg.stem is 'odd', must be one of patch, convolutional",
            "model_cfg.text_cfg.context_length is missing",
        ] {
            #expect(error.message.contains(part), "\(part) in: \(error.message)")
        }
    }

    @Test(arguments: ["", "[]", "{", "null", "3"])
    func nonsenseIsRefused(text: String) throws {
        let error = try #require(throws: EncodersError.self) { try DualEncoderConfiguration(jsonData: Data(text.utf8)) }
        #expect(error.code == .invalidDescription)
    }

    @Test func valuesAreChecked() throws {
        let error = try #require(throws: EncodersError.self) {
            try DualEncoderConfiguration(
                embeddingDimension: 0, vision: .init(imageSize: 30, patchSize: 40, width: 64, layerCount: -1),
                text: .init(
                    contextLength: 8, vocabularySize: 9, width: 8, layerCount: 1, headCount: 3, endTokenID: 9,
                    padTokenID: 0), preprocessing: .init(mean: [0, 0, .nan], std: [1, 1, 0]))
        }
        #expect(error.code == .invalidConfiguration)
        for part in ["embed_dim", "patch_size", "vision_cfg.layers", "preprocess_cfg.mean", "preprocess_cfg.std"] {
            #expect(error.message.contains(part), "\(part) in: \(error.message)")
        }
        #expect(throws: EncodersError.self) {
            try DualEncoderConfiguration(
                embeddingDimension: 8,
                vision: .init(imageSize: 36, patchSize: 12, width: 64, layerCount: 1, stem: .convolutional),
                text: .init(
                    contextLength: 8, vocabularySize: 9, width: 9, layerCount: 1, headCount: 3, endTokenID: 8,
                    padTokenID: 0))
        }
    }

    /// Names, shapes, order and decay as documented; `model.json`'s and checkpoints' stability rests on them.
    @Test func layoutIsPinned() throws {
        let layout = try DualEncoderArchitecture(TestModels.configuration(stem: .patch)).layout
        let names = layout.entries.map(\.name)
        #expect(
            names.prefix(6) == [
                "imageTower.stem.patch.weight", "imageTower.classToken", "imageTower.positions",
                "imageTower.stemNorm.weight", "imageTower.stemNorm.bias", "imageTower.blocks.0.attentionNorm.weight",
            ])
        #expect(names.last == "logitScale")
        #expect(layout["imageTower.stem.patch.weight"]?.shape == [16, 4, 4, 3])
        #expect(layout["imageTower.blocks.1.mlp.hidden.weight"]?.shape == [32, 16])
        #expect(layout["textTower.projection.weight"]?.shape == [12, 12])
        let query = try #require(layout["textTower.blocks.0.attention.query.weight"])
        #expect(layout["textTower.blocks.0.attention.key.weight"]?.offset == query.offset + query.count)
        #expect(layout["textTower.blocks.0.attention.value.weight"]?.offset == query.offset + 2 * query.count)
        var offset = 0
        for entry in layout.entries {
            #expect(entry.offset == offset)
            offset += entry.count
            let isMatrix = entry.shape.count >= 2 && !entry.name.hasSuffix("positions")
            #expect(entry.isDecayed == isMatrix, "\(entry.name)")
        }
        #expect(offset == layout.totalCount)
        let stem = try DualEncoderArchitecture(TestModels.mediumConfiguration(stem: .convolutional)).layout
        #expect(stem["imageTower.stem.convolutions.0.weight"]?.shape == [16, 3, 3, 3])
        #expect(stem["imageTower.stem.convolutions.2.weight"]?.shape == [64, 3, 3, 32])
        #expect(stem["imageTower.stem.projection.weight"]?.shape == [128, 64])
    }

    @Test func initialisationFollowsTheRecipe() throws {
        let architecture = try DualEncoderArchitecture(TestModels.mediumConfiguration(stem: .convolutional))
        let parameters = architecture.initialParameters(seed: 3)
        func deviation(_ name: String) throws -> Double {
            let values = parameters.array(try #require(architecture.layout[name]).range).map(Double.init)
            return (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
        }
        let width = 128.0.squareRoot()
        for (name, expected) in [
            ("textTower.tokenEmbedding.weight", 0.02), ("textTower.positions", 0.01),
            ("textTower.blocks.1.attention.value.weight", 1 / width),
            ("textTower.blocks.0.attention.output.weight", 1 / width / 2),
            ("imageTower.blocks.2.mlp.output.weight", 1 / width / 6.0.squareRoot()),
            ("imageTower.blocks.2.mlp.hidden.weight", 1 / 256.0.squareRoot()),
            ("imageTower.projection.weight", 1 / width),
            ("imageTower.stem.convolutions.1.weight", (2 / 144.0).squareRoot()),
            ("imageTower.blocks.0.mlp.hidden.bias", 1 / width / 3.0.squareRoot()),
        ] {
            #expect(abs(try deviation(name) / expected - 1) < 0.06, "\(name)")
        }
        #expect(try deviation("imageTower.finalNorm.weight") == 1)
        #expect(try deviation("imageTower.blocks.0.attention.query.bias") == 0)
        #expect(parameters[architecture.logitScaleOffset] == 2.65926)
        #expect(architecture.initialParameters(seed: 3).array == parameters.array)
        #expect(architecture.initialParameters(seed: 4).array != parameters.array)
    }
}
