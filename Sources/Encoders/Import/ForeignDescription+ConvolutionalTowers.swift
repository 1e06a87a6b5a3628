extension ForeignDescription {
    /// Depths, widths and epsilon of timm's ConvNeXt trunks that have the plain form: patch stem, exact GELU, layer norm, scale per
    /// channel, norm behind the pooling.
    private static let convNeXtTrunks: [String: (depths: [Int], widths: [Int], normEpsilon: Float)] = [
        "convnext_tiny": ([3, 3, 9, 3], [96, 192, 384, 768], 1e-6),
        "convnext_small": ([3, 3, 27, 3], [96, 192, 384, 768], 1e-6),
        "convnext_base": ([3, 3, 27, 3], [128, 256, 512, 1024], 1e-6),
        "convnext_large": ([3, 3, 27, 3], [192, 384, 768, 1536], 1e-6),
        "convnext_xlarge": ([3, 3, 27, 3], [256, 512, 1024, 2048], 1e-6),
        "convnext_xxlarge": ([3, 4, 30, 3], [384, 768, 1536, 3072], 1e-5),
    ]

    /// Whether `timm_model_name` is a ConvNeXt, known or not.
    static func isConvNeXt(_ timmModelName: String) -> Bool { timmModelName.hasPrefix("convnext") }

    /// Reads the `vision_cfg` of an open_clip model with a ConvNeXt trunk.
    ///
    /// `timm_model_kwargs` may give other `depths` and `dims`. Dropout and stochastic depth act in training alone.
    static func convNeXt(_ object: ForeignObject, timmModelName name: String) -> DualEncoderConfiguration.Vision {
        typealias Network = DualEncoderConfiguration.ConvNeXt
        var object = object
        _ = object.value("timm_model_name")
        let trunk = convNeXtTrunks[name]
        if trunk == nil {
            object.report(
                "timm_model_name",
                "is '\(name)', this build computes \(convNeXtTrunks.keys.sorted().joined(separator: ", "))")
        }
        // An empty name leaves the trunk's own pooling, which is the average.
        object.require("timm_pool", .string("avg"), .string(""))
        object.require("timm_proj_bias", .boolean(false))
        let headName = object.string("timm_proj", default: "linear")
        let head = Network.Head(rawValue: headName)
        if head == nil {
            let known = Network.Head.allCases.map(\.rawValue).joined(separator: " or ")
            object.report("timm_proj", "is '\(headName)', must be \(known)")
        }
        var keywords = object.object("timm_model_kwargs", isRequired: false)
        let network = Network(
            depths: keywords.integers("depths", default: trunk?.depths ?? []),
            widths: keywords.integers("dims", default: trunk?.widths ?? []), normEpsilon: trunk?.normEpsilon ?? 1e-6,
            head: head ?? .linear)
        keywords.refuseUnknownKeys()
        object.ignore("timm_model_pretrained", "timm_drop", "timm_drop_path", "patch_dropout", "output_tokens")
        defer { object.refuseUnknownKeys() }
        return DualEncoderConfiguration.Vision(
            imageSize: object.side("image_size", default: 224), convNeXt: network)
    }

    /// Whether a `vision_cfg` describes a modified ResNet: its `layers` are a list.
    static func isModifiedResNet(_ fields: [String: JSONValue]) -> Bool {
        if case .array = fields["layers"] { true } else { false }
    }

    /// Reads the `vision_cfg` of an OpenAI or open_clip model with a modified ResNet.
    static func modifiedResNet(_ object: ForeignObject) -> DualEncoderConfiguration.Vision {
        typealias Network = DualEncoderConfiguration.ModifiedResNet
        var object = object
        let imageSize = object.side("image_size", default: 224)
        let depths = object.integers("layers", default: [])
        let width = object.integer("width", default: 768)
        let headWidth = object.integer("head_width", default: 64)
        object.require("timm_model_name")
        // The library reads these for transformers only.
        object.ignore(
            "patch_size", "mlp_ratio", "ls_init_value", "patch_dropout", "attentional_pool", "attn_pooler_queries",
            "attn_pooler_heads", "no_ln_pre", "pos_embed_type", "final_ln_after_pool", "pool_type", "output_tokens",
            "act_kwargs", "norm_kwargs", "block_type", "qk_norm", "scaled_cosine_attn", "scale_heads",
            "scale_attn_inner", "scale_attn", "scale_fc", "timm_model_pretrained", "timm_pool", "timm_proj",
            "timm_proj_bias", "timm_drop", "timm_drop_path")
        defer { object.refuseUnknownKeys() }
        let isSane = (1...DualEncoderConfiguration.Limit.width).contains(width) && headWidth > 0
        return DualEncoderConfiguration.Vision(
            imageSize: imageSize,
            modifiedResNet: Network(
                depths: depths, stemWidth: width, headCount: isSane ? width * 32 / headWidth : 0))
    }
}

extension ForeignObject {
    /// Integers, at most eight; `fallback` when absent.
    mutating func integers(_ name: String, default fallback: [Int]) -> [Int] {
        guard let value = value(name) else { return fallback }
        guard case .array(let values) = value, values.count <= 8 else {
            report(name, "is \(value), must be a short list of integers")
            return []
        }
        let integers = values.compactMap(\.integer)
        if integers.count != values.count { report(name, "is \(value), must be a list of integers") }
        return integers
    }
}
