extension ForeignDescription {
    /// Keys of open_clip's blocks that must be off.
    private static let blockSwitches = [
        "qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc",
    ]

    /// Reads `open_clip_config.json`; absent keys have open_clip's defaults. `tokenizer` is `tokenizer_config.json`, empty when
    /// there is none.
    init(
        openCLIP fields: [String: JSONValue], tokenizer: [String: JSONValue],
        activation asked: DualEncoderConfiguration.Activation?, at place: String
    ) throws(EncodersError) {
        let findings = ForeignFindings()
        var root = ForeignObject(fields, path: "", findings: findings)
        var model = root.object("model_cfg", isRequired: true)
        let dimension = model.integer("embed_dim")
        let vision = Self.vision(model.object("vision_cfg", isRequired: true))
        // What is trained with sigmoid losses has a bias, and there is no model of that kind with QuickGELU.
        var stated = model.boolean("quick_gelu").map { $0 ? DualEncoderConfiguration.Activation.quickGELU : .gelu }
        if vision.pooling == .attentionPool { stated = stated ?? .gelu }
        let activation = Self.activation(
            stated: stated, fallback: .gelu, asked: asked, key: "model_cfg.quick_gelu", findings: findings)
        let logitBias = model.optionalNumber("init_logit_bias")
        model.ignore("custom_text", "init_logit_scale", "output_dict", "cast_dtype", "nonscalar_logit_scale")
        model.require("multimodal_cfg")
        let text = Self.text(
            model.object("text_cfg", isRequired: true), activation: activation, tokenizer: tokenizer, findings)
        model.refuseUnknownKeys()
        let preprocessing = Self.preprocessing(
            root.object("preprocess_cfg", isRequired: false), imageSize: vision.imageSize)
        root.ignore("license", "hf_hub_id", "tags")
        root.refuseUnknownKeys()
        try self.init(at: place, findings: findings) { () throws(EncodersError) in
            try DualEncoderConfiguration(
                embeddingDimension: dimension, vision: vision, text: text, activation: activation,
                preprocessing: preprocessing, initialLogitBias: logitBias.map { Float($0) })
        }
    }

    /// Which kind of image tower it is stands in the keys: a name of timm's, a list of layers, or neither.
    private static func vision(_ object: ForeignObject) -> DualEncoderConfiguration.Vision {
        if case .string(let name)? = object.fields["timm_model_name"], !name.isEmpty {
            return isConvNeXt(name) ? convNeXt(object, timmModelName: name) : timmTower(object, name: name)
        }
        return isModifiedResNet(object.fields) ? modifiedResNet(object) : plainVision(object)
    }

    private static func plainVision(_ object: ForeignObject) -> DualEncoderConfiguration.Vision {
        var object = object
        object.require("timm_model_name")
        object.require("attentional_pool", .boolean(false))
        object.require("no_ln_pre", .boolean(false))
        object.require("pos_embed_type", .string("learnable"))
        object.require("pool_type", .string("tok"))
        object.require("act_kwargs", .object([:]))
        let normEpsilon = readBlocks(&object)
        object.ignore(
            "patch_dropout", "output_tokens", "final_ln_after_pool", "attn_pooler_queries", "attn_pooler_heads",
            "timm_model_pretrained", "timm_pool", "timm_proj", "timm_proj_bias", "timm_drop", "timm_drop_path")
        defer { object.refuseUnknownKeys() }
        var vision = DualEncoderConfiguration.Vision(
            imageSize: object.side("image_size", default: 224), patchSize: object.side("patch_size", default: 16),
            width: object.integer("width", default: 768), layerCount: object.integer("layers", default: 12),
            headWidth: object.integer("head_width", default: 64), mlpRatio: object.number("mlp_ratio", default: 4))
        vision.normEpsilon = normEpsilon
        return vision
    }

    private static func text(
        _ object: ForeignObject, activation: DualEncoderConfiguration.Activation, tokenizer: [String: JSONValue],
        _ findings: ForeignFindings
    ) -> DualEncoderConfiguration.Text {
        var object = object
        object.require("hf_model_name")
        object.require("embed_cls", .boolean(false))
        let normEpsilon = readBlocks(&object)
        object.ignore(
            "output_tokens", "final_ln_after_pool", "hf_model_pretrained", "hf_proj_type", "hf_pooler_type",
            "tokenizer_mode", "tokenizer_kwargs")
        let vocabularySize = object.integer("vocab_size", default: 49408)
        var endTokenID = object.integer("eos_id", default: 2)
        var padTokenID = object.integer("pad_id", default: 0)
        let isCausal = !(object.boolean("no_causal_mask") ?? false)
        let pool = object.string("pool_type", default: "argmax")
        let tokenizerName = object.string("hf_tokenizer_name", default: "")
        switch pool {
        case "last":
            let padding = ForeignPadding(
                tokenizer: tokenizer, tokenizerName: tokenizerName, vocabularySize: vocabularySize,
                place: "model_cfg.text_cfg", findings)
            (endTokenID, padTokenID) = (padding.endTokenID, padding.padTokenID)
        case "argmax":
            endTokenID = vocabularySize - 1
            findings.notes.append(
                "texts are pooled at their largest id: taken to be the end token \(endTokenID), the vocabulary's last")
        case "eos": break
        default: object.report("pool_type", "is '\(pool)', this build pools at 'argmax', 'eos' or 'last'")
        }
        if !isCausal && pool != "last" {
            object.report("no_causal_mask", "is true, this build computes that with pool_type 'last' only")
        }
        let projection = object.string("proj_type", default: "linear")
        if projection != "linear" && projection != "none" {
            object.report("proj_type", "is '\(projection)', this build computes 'linear' and 'none'")
        }
        let hasProjectionBias = object.boolean("proj_bias") ?? false
        let isTanh = object.value("act_kwargs") == .object(["approximate": .string("tanh")])
        if isTanh && activation != .gelu {
            object.report("act_kwargs", "is for the GELU, but quick_gelu is true")
        } else if !isTanh {
            object.require("act_kwargs", .object([:]), .object(["approximate": .string("none")]))
        }
        defer { object.refuseUnknownKeys() }
        var text = DualEncoderConfiguration.Text(
            contextLength: object.integer("context_length", default: 77), vocabularySize: vocabularySize,
            width: object.integer("width", default: 512), layerCount: object.integer("layers", default: 12),
            headCount: object.integer("heads", default: 8), mlpRatio: object.number("mlp_ratio", default: 4),
            endTokenID: endTokenID, padTokenID: padTokenID)
        text.isCausal = isCausal
        text.pooling = pool == "last" ? .last : .endToken
        text.isPadded = pool == "last"
        text.hasProjection = projection == "linear"
        text.hasProjectionBias = projection == "linear" && hasProjectionBias
        text.normEpsilon = normEpsilon
        text.activation = isTanh ? .geluTanh : nil
        return text
    }

    /// What the blocks of both towers share: nothing but plain pre-norm attention blocks. Returns the norms' epsilon.
    private static func readBlocks(_ object: inout ForeignObject) -> Float {
        object.require("ls_init_value")
        object.require("block_type", .string("default"))
        for name in blockSwitches { object.require(name, .boolean(false)) }
        var norm = object.object("norm_kwargs", isRequired: false)
        let epsilon = norm.number("eps", default: Double(DualEncoderConfiguration.Vision.defaultNormEpsilon))
        norm.refuseUnknownKeys()
        return Float(epsilon)
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
            resizeMode: DualEncoderConfiguration.ResizeMode(rawValue: mode) ?? .shortest,
            rgbConversion: .afterResize)
    }
}
