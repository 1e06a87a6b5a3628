extension ForeignDescription {
    /// The vision transformers of timm that open_clip uses as image towers and this build computes.
    private struct TimmTower {
        enum Family {
            /// Patches with a bias, no class token, attention pooling; no projection behind it.
            case sigLIP(DualEncoderConfiguration.Activation)
            /// Class token, rotary positions over a reference grid of 16 × 16, gated perceptrons, sub-norms; head with a bias.
            case eva02
        }

        let family: Family
        let imageSize: Int
        let patchSize: Int
        let width: Int
        let layerCount: Int
        let headCount: Int
        var mlpRatio = 4.0
    }

    /// By `timm_model_name`. timm computes its own activation whatever open_clip's `quick_gelu` says: the exact GELU, or the tanh form
    /// where the model was added with SigLIP 2.
    private static let timmTowers: [String: TimmTower] = {
        var towers: [String: TimmTower] = [:]
        func add(
            _ shape: String, _ sizes: [(Int, DualEncoderConfiguration.Activation)], patch: Int, _ width: Int,
            _ layerCount: Int, _ headCount: Int, mlpRatio: Double = 4
        ) {
            for (size, activation) in sizes {
                towers["vit_\(shape)_patch\(patch)_siglip_\(size)"] = TimmTower(
                    family: .sigLIP(activation), imageSize: size, patchSize: patch, width: width,
                    layerCount: layerCount, headCount: headCount, mlpRatio: mlpRatio)
            }
        }
        add("base", [(256, .geluTanh)], patch: 32, 768, 12, 12)
        add("base", [(224, .gelu), (256, .gelu), (384, .gelu), (512, .gelu)], patch: 16, 768, 12, 12)
        add("large", [(256, .gelu), (384, .gelu), (512, .geluTanh)], patch: 16, 1024, 24, 16)
        add("so400m", [(224, .gelu), (378, .gelu), (384, .gelu)], patch: 14, 1152, 27, 16, mlpRatio: 3.7362)
        add(
            "so400m", [(256, .geluTanh), (384, .geluTanh), (512, .geluTanh)], patch: 16, 1152, 27, 16,
            mlpRatio: 3.7362)
        add("giantopt", [(256, .geluTanh), (384, .geluTanh)], patch: 16, 1536, 40, 16)
        for (name, size, patch, width, layerCount, headCount) in [
            ("eva02_base_patch16_clip_224", 224, 16, 768, 12, 12),
            ("eva02_large_patch14_clip_224", 224, 14, 1024, 24, 16),
            ("eva02_large_patch14_clip_336", 336, 14, 1024, 24, 16),
        ] {
            towers[name] = TimmTower(
                family: .eva02, imageSize: size, patchSize: patch, width: width, layerCount: layerCount,
                headCount: headCount, mlpRatio: 4 * 2 / 3)
        }
        return towers
    }()

    /// The name of the SigLIP tower that is exactly this one, if timm has it.
    static func timmName(
        ofSigLIP vision: DualEncoderConfiguration.Vision, activation: DualEncoderConfiguration.Activation
    ) -> String? {
        timmTowers.first { _, tower in
            guard case .sigLIP(activation) = tower.family else { return false }
            return tower.imageSize == vision.imageSize && tower.patchSize == vision.patchSize
                && tower.width == vision.width && tower.layerCount == vision.layerCount
                && tower.headCount == vision.headCount
                && Int(Double(tower.width) * tower.mlpRatio) == vision.hiddenWidth
                && vision.normEpsilon == timmNormEpsilon
        }?.key
    }

    /// The epsilon of timm's transformers.
    private static let timmNormEpsilon: Float = 1e-6

    /// Reads the `vision_cfg` of an open_clip model whose image tower is a vision transformer of timm.
    ///
    /// The name decides shape and flavour; `timm_model_kwargs` may give another shape in timm's own words.
    static func timmTower(_ object: ForeignObject, name: String) -> DualEncoderConfiguration.Vision {
        var object = object
        _ = object.value("timm_model_name")
        guard let tower = timmTowers[name] else {
            let known = timmTowers.keys.sorted().joined(separator: ", ")
            object.report(
                "timm_model_name", "is '\(name)', this build computes \(known), and convnext_tiny to convnext_xxlarge")
            return DualEncoderConfiguration.Vision(imageSize: 1, patchSize: 1, width: 64, layerCount: 1)
        }
        object.ignore(
            "timm_model_pretrained", "timm_drop", "timm_drop_path", "timm_proj_bias", "patch_dropout", "output_tokens")
        var keywords = object.object("timm_model_kwargs", isRequired: false)
        let width = keywords.integer("embed_dim", default: tower.width)
        let headCount = max(1, keywords.integer("num_heads", default: tower.headCount))
        if !width.isMultiple(of: headCount) {
            keywords.report("num_heads", "is \(headCount), must divide the width \(width)")
        }
        var vision = DualEncoderConfiguration.Vision(
            imageSize: keywords.side("img_size", default: tower.imageSize),
            patchSize: keywords.side("patch_size", default: tower.patchSize), width: width,
            layerCount: keywords.integer("depth", default: tower.layerCount), headWidth: max(1, width / headCount),
            mlpRatio: keywords.number("mlp_ratio", default: tower.mlpRatio))
        let imageSize = object.side("image_size", default: 224)
        if imageSize != vision.imageSize {
            object.report("image_size", "is \(imageSize), but '\(name)' takes \(vision.imageSize); make them agree")
        }
        vision.hasStemNorm = false
        vision.hasPatchBias = true
        vision.normEpsilon = timmNormEpsilon
        switch tower.family {
        case .sigLIP(let activation):
            object.require("timm_pool", .string("map"))
            if object.string("timm_proj", default: "linear") != "none" {
                object.report("timm_proj", "is not 'none', which this build computes with only")
            }
            vision.hasClassToken = false
            vision.pooling = .attentionPool
            vision.hasProjection = false
            vision.activation = activation
        case .eva02:
            if object.string("timm_pool", default: "avg") != "token" {
                object.report("timm_pool", "is not 'token', which this build computes with only")
            }
            // Without a projection of open_clip's own, timm's head is the projection. Absent is 'linear' there.
            if object.fields["timm_proj"] != .null && object.fields["timm_proj"] != .string("") {
                object.report("timm_proj", "is not null, which this build computes with only")
            }
            _ = object.value("timm_proj")
            vision.mlp = .swiGLU
            vision.hasSubNorm = true
            vision.hasKeyBias = false
            vision.hasProjectionBias = true
            vision.rotaryGridSize = keywords.side("ref_feat_shape", default: 16)
        }
        keywords.refuseUnknownKeys()
        object.refuseUnknownKeys()
        return vision
    }
}
