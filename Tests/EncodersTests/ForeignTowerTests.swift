import Foundation
import Testing

@testable import Encoders

/// What an import of SigLIP and EVA02 decides, reports and refuses.
@Suite struct ForeignTowerTests {
    private func configuration(
        _ name: String, _ spoil: (ForeignFolder) throws -> Void = { _ in }
    ) throws -> (configuration: DualEncoderConfiguration, notes: [String]) {
        let folder = try ForeignFolder(copying: name)
        try spoil(folder)
        let checkpoint = try ForeignCheckpoint(directory: folder.path)
        return (checkpoint.configuration, checkpoint.notes)
    }

    private func failure(_ name: String, _ spoil: (ForeignFolder) throws -> Void) throws -> EncodersError {
        try #require(throws: EncodersError.self) { try configuration(name, spoil) }
    }

    @Test func everyTowerHasItsLibrarysActivation() throws {
        let erf = try configuration("siglip-openclip-erf").configuration
        #expect(erf.imageActivation == .gelu && erf.textActivation == .gelu)
        let mixed = try configuration("siglip2-openclip-tanh").configuration
        #expect(mixed.imageActivation == .gelu && mixed.textActivation == .geluTanh)
        let tanh = try configuration("siglip-hf-tanh-heads-72").configuration
        #expect(tanh.imageActivation == .geluTanh && tanh.textActivation == .geluTanh)
        let stated = try configuration("siglip2-hf-gelu").configuration
        #expect(stated.imageActivation == .gelu && stated.textActivation == .gelu)
        // timm's trunks of SigLIP 2 that were added with the tanh form.
        let trunk = try configuration("siglip2-openclip-tanh") { folder in
            try folder.edit("open_clip_config.json") {
                $0.replacing("vit_base_patch16_siglip_224", with: "vit_base_patch32_siglip_256")
            }
        }.configuration
        #expect(trunk.imageActivation == .geluTanh)
    }

    @Test func theTowersOfACLIPModelMayDiffer() throws {
        let plain = try configuration("clip-hf-gelu-bf16").configuration
        #expect(plain.activation == .gelu && plain.vision.activation == nil && plain.text.activation == nil)
        let mixed = try configuration("clip-hf-gelu-bf16") { folder in
            try folder.edit("config.json") { text in
                let fields = try JSONSerialization.jsonObject(with: Data(text.utf8))
                guard var root = fields as? [String: Any], var tower = root["text_config"] as? [String: Any] else {
                    return text
                }
                tower["hidden_act"] = "quick_gelu"
                tower["layer_norm_eps"] = 1e-6
                root["text_config"] = tower
                return String(decoding: try JSONSerialization.data(withJSONObject: root), as: UTF8.self)
            }
        }.configuration
        #expect(mixed.imageActivation == .gelu && mixed.textActivation == .quickGELU)
        #expect(mixed.text.normEpsilon == 1e-6 && mixed.vision.normEpsilon == 1e-5)
    }

    @Test func paddingIsReadOffTheTokenizer() throws {
        #expect(try configuration("siglip-openclip-erf").configuration.text.padTokenID == 1)
        #expect(try configuration("siglip2-openclip-tanh").configuration.text.padTokenID == 0)
        #expect(try configuration("siglip-hf-tanh-heads-72").configuration.text.padTokenID == 1)
        #expect(try configuration("siglip2-hf-gelu").configuration.text.padTokenID == 0)
        let numbered = try configuration("siglip-openclip-erf") { folder in
            try Data(
                """
                {"pad_token": "<fill>", "eos_token": {"content": "<stop>"},
                 "added_tokens_decoder": {"7": {"content": "<fill>"}, "9": {"content": "<stop>"}}}
                """.utf8
            ).write(to: URL(fileURLWithPath: folder.path + "/tokenizer_config.json"))
        }.configuration
        #expect(numbered.text.padTokenID == 7 && numbered.text.endTokenID == 9)
    }

    @Test func unknownPaddingIsRefused() throws {
        for name in ["siglip2-hf-gelu", "siglip-hf-tanh-heads-72"] {
            let error = try failure(name) { try $0.remove("tokenizer_config.json") }
            #expect(error.code == .unsupportedModel && error.message.contains("tokenizer_config.json"))
        }
        // A vocabulary of a published size says whose tokenizer it is.
        let gemma = try configuration("siglip2-hf-gelu") { folder in
            try folder.remove("tokenizer_config.json")
            try folder.edit("config.json") {
                $0.replacing(try Regex("\"vocab_size\": [0-9]+"), with: "\"vocab_size\": 256000")
            }
        }
        #expect(gemma.configuration.text.padTokenID == 0 && gemma.notes.contains { $0.contains("padded with") })
    }

    @Test func unknownTrunksAreRefusedWithTheKnownOnes() throws {
        let error = try failure("siglip-openclip-erf") { folder in
            try folder.edit("open_clip_config.json") {
                $0.replacing("vit_base_patch16_siglip_224", with: "vit_base_patch16_siglip_gap_224")
            }
        }
        #expect(error.code == .unsupportedModel)
        for name in [
            "vit_base_patch16_siglip_gap_224", "vit_so400m_patch14_siglip_384", "eva02_large_patch14_clip_336",
        ] {
            #expect(error.message.contains(name))
        }
    }

    @Test(arguments: [
        ("siglip-openclip-erf", "\"timm_pool\": \"map\"", "\"timm_pool\": \"avg\"", "timm_pool"),
        ("siglip-openclip-erf", "\"timm_proj\": \"none\"", "\"timm_proj\": \"linear\"", "timm_proj"),
        ("siglip-openclip-erf", "\"img_size\": 14", "\"img_size\": 18", "image_size"),
        ("siglip-openclip-erf", "\"img_size\": 14", "\"qk_norm\": true, \"img_size\": 14", "timm_model_kwargs.qk_norm"),
        ("siglip-openclip-erf", "\"pool_type\": \"last\"", "\"pool_type\": \"first\"", "pool_type"),
        ("siglip-openclip-erf", "\"proj_bias\": true", "\"proj_type\": \"mlp\"", "proj_type"),
        ("siglip2-openclip-tanh", "\"approximate\": \"tanh\"", "\"approximate\": \"sine\"", "act_kwargs"),
        ("siglip2-openclip-tanh", "\"init_logit_bias\": -10", "\"quick_gelu\": true", "act_kwargs"),
        ("eva02-openclip", "\"timm_pool\": \"token\"", "\"timm_pool\": \"avg\"", "timm_pool"),
        ("eva02-openclip", "\"timm_proj\": null", "\"timm_proj\": \"linear\"", "timm_proj"),
        ("eva02-openclip", "\"num_heads\": 2", "\"num_heads\": 3", "num_heads"),
        ("eva02-openclip", "\"num_heads\": 2", "\"num_heads\": 8", "rotary_grid"),
    ])
    func whatWouldBeComputedOtherwiseIsRefused(name: String, old: String, new: String, key: String) throws {
        let error = try failure(name) { folder in
            try folder.edit("open_clip_config.json") { text in
                #expect(text.contains(old), "the fixture holds what is changed")
                return text.replacing(old, with: new)
            }
        }
        #expect(error.message.contains(key), "\(key) in: \(error.message)")
    }

    @Test func theFormOfAnySizeIsRefused() throws {
        let error = try failure("siglip2-hf-gelu") { folder in
            try folder.edit("config.json") {
                $0.replacing("\"model_type\": \"siglip\"", with: "\"model_type\": \"siglip2\"")
            }
        }
        #expect(error.code == .unsupportedModel && error.message.contains("NaFlex"))
        let other = try failure("siglip2-hf-gelu") { folder in
            try folder.edit("config.json") {
                $0.replacing("\"model_type\": \"siglip\"", with: "\"model_type\": \"blip\"")
            }
        }
        #expect(other.message.contains("'blip'"))
    }

    @Test func anotherActivationThanTheStatedIsRefused() throws {
        for name in ["siglip-hf-tanh-heads-72", "siglip-openclip-erf"] {
            let folder = try ForeignFolder(copying: name)
            let error = try #require(throws: EncodersError.self) {
                try ForeignCheckpoint(directory: folder.path, activation: .quickGELU)
            }
            #expect(error.message.contains("was asked for"))
        }
    }

    /// The published trunks' hidden widths, which are products cut off.
    @Test func hiddenWidthsAreTimms() throws {
        let shapes = [
            ("eva02_base_patch16_clip_224", 224, 768, 2048), ("eva02_large_patch14_clip_336", 336, 1024, 2730),
        ]
        for (name, size, width, hidden) in shapes {
            let vision = try configuration("eva02-openclip") { folder in
                try folder.edit("open_clip_config.json") { text in
                    let shape = try Regex("\"timm_model_kwargs\": \\{[^}]*\\}").dotMatchesNewlines()
                    return text.replacing(shape, with: "\"timm_model_kwargs\": {}")
                        .replacing("eva02_base_patch16_clip_224", with: name)
                        .replacing("\"image_size\": 12", with: "\"image_size\": \(size)")
                        .replacing("\"size\": 12", with: "\"size\": \(size)")
                }
            }.configuration.vision
            #expect(vision.width == width && vision.hiddenWidth == hidden && vision.rotaryGridSize == 16)
        }
        let text = DualEncoderConfiguration.Text(
            contextLength: 64, vocabularySize: 32000, width: 1152, layerCount: 27, headCount: 16, mlpRatio: 3.7362,
            endTokenID: 1, padTokenID: 1)
        #expect(text.hiddenWidth == 4304)
    }
}
