extension ForeignDescription {
    /// Keys of open_clip's blocks that must be off.
    private static let blockSwitches = [
        "qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc",
    ]

    /// Reads `open_clip_config.json`; absent keys have open_clip's defaults.
    init(
        openCLIP fields: [String: JSONValue], activation asked: DualEncoderConfiguration.Activation?, at place: String
    ) throws(EncodersError) {
        let findings = ForeignFindings()
        var root = ForeignObject(fields, path: "", findings: findings)
        var model = root.object("model_cfg", isRequired: true)
        let dimension = model.integer("embed_dim")
        let activation = Self.activation(
            stated: model.boolean("quick_gelu").map { $0 ? .quickGELU : .gelu }, fallback: .gelu, asked: asked,
            key: "model_cfg.quick_gelu", findings: findings)
        model.ignore(
            "custom_text", "init_logit_scale", "init_logit_bias", "output_dict", "cast_dtype", "nonscalar_logit_scale")
        model.require("multimodal_cfg")
        let vision = Self.vision(model.object("vision_cfg", isRequired: true))
        let text = Self.text(model.object("text_cfg", isRequired: true), findings)
        model.refuseUnknownKeys()
        let preprocessing = Self.preprocessing(
            root.object("preprocess_cfg", isRequired: false), imageSize: vision.imageSize)
        root.ignore("license", "hf_hub_id", "tags")
        root.refuseUnknownKeys()
        try self.init(at: place, findings: findings) { () throws(EncodersError) in
            try DualEncoderConfiguration(
                embeddingDimension: dimension, vision: vision, text: text, activation: activation,
                preprocessing: preprocessing)
        }
    }

    private static func vision(_ object: ForeignObject) -> DualEncoderConfiguration.Vision {
        var object = object
        object.require("timm_model_name")
        object.require("attentional_pool", .boolean(false))
        object.require("no_ln_pre", .boolean(false))
        object.require("pos_embed_type", .string("learnable"))
        object.require("pool_type", .string("tok"))
        readBlocks(&object)
        object.ignore(
            "patch_dropout", "output_tokens", "final_ln_after_pool", "attn_pooler_queries", "attn_pooler_heads",
            "timm_model_pretrained", "timm_pool", "timm_proj", "timm_proj_bias", "timm_drop", "timm_drop_path")
        defer { object.refuseUnknownKeys() }
        return DualEncoderConfiguration.Vision(
            imageSize: object.side("image_size", default: 224), patchSize: object.side("patch_size", default: 16),
            width: object.integer("width", default: 768), layerCount: object.integer("layers", default: 12),
            headWidth: object.integer("head_width", default: 64), mlpRatio: object.number("mlp_ratio", default: 4))
    }

    private static func text(
        _ object: ForeignObject, _ findings: ForeignFindings
    ) -> DualEncoderConfiguration.Text {
        var object = object
        object.require("hf_model_name")
        object.require("embed_cls", .boolean(false))
        object.require("no_causal_mask", .boolean(false))
        object.require("proj_type", .string("linear"))
        object.require("proj_bias", .boolean(false))
        readBlocks(&object)
        object.ignore(
            "output_tokens", "final_ln_after_pool", "hf_model_pretrained", "hf_proj_type", "hf_pooler_type",
            "hf_tokenizer_name", "tokenizer_mode", "tokenizer_kwargs")
        let vocabularySize = object.integer("vocab_size", default: 49408)
        let endTokenID = object.integer("eos_id", default: 2)
        let pool = object.string("pool_type", default: "argmax")
        if pool == "argmax" {
            findings.notes.append(
                "texts are pooled at their largest id: taken to be the end token \(vocabularySize - 1), the vocabulary's last"
            )
        } else if pool != "eos" {
            object.report("pool_type", "is '\(pool)', this build pools at 'argmax' or 'eos'")
        }
        defer { object.refuseUnknownKeys() }
        return DualEncoderConfiguration.Text(
            contextLength: object.integer("context_length", default: 77), vocabularySize: vocabularySize,
            width: object.integer("width", default: 512), layerCount: object.integer("layers", default: 12),
            headCount: object.integer("heads", default: 8), mlpRatio: object.number("mlp_ratio", default: 4),
            endTokenID: pool == "argmax" ? vocabularySize - 1 : endTokenID,
            padTokenID: object.integer("pad_id", default: 0))
    }

    /// What the blocks of both towers share: nothing but plain pre-norm attention blocks.
    private static func readBlocks(_ object: inout ForeignObject) {
        object.require("ls_init_value")
        object.require("act_kwargs", .object([:]))
        object.require("norm_kwargs", .object([:]), .object(["eps": .number(1e-5)]))
        object.require("block_type", .string("default"))
        for name in blockSwitches { object.require(name, .boolean(false)) }
    }

    private static func preprocessing(
        _ object: ForeignObject, imageSize: Int
    ) -> DualEncoderConfiguration.Preprocessing {
        typealias Preprocessing = DualEncoderConfiguration.Preprocessing
        var object = object
        let size = object.side("size", default: imageSize)
        if size != imageSize { object.report("size", "is \(size), must be the model's image size \(imageSize)") }
        object.require("mode", .string("RGB"))
        let interpolation = object.string("interpolation", default: "bicubic")
        if DualEncoderConfiguration.Interpolation(rawValue: interpolation) == nil {
            object.report("interpolation", "is '\(interpolation)', must be bicubic or bilinear")
        }
        let mode = object.string("resize_mode", default: "shortest")
        if DualEncoderConfiguration.ResizeMode(rawValue: mode) == nil {
            object.report("resize_mode", "is '\(mode)', must be shortest, longest or squash")
        }
        if mode == "longest" {
            object.require("fill_color", .number(0))
        } else {
            object.ignore("fill_color")
        }
        defer { object.refuseUnknownKeys() }
        return Preprocessing(
            mean: object.numbers("mean", default: Preprocessing.openAIMean),
            std: object.numbers("std", default: Preprocessing.openAIStd),
            interpolation: DualEncoderConfiguration.Interpolation(rawValue: interpolation) ?? .bicubic,
            resizeMode: DualEncoderConfiguration.ResizeMode(rawValue: mode) ?? .shortest)
    }
}
