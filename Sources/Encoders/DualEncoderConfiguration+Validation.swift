extension DualEncoderConfiguration {
    /// Caps on what a file may ask for: far above every published tower, low enough that no product of sizes overflows.
    enum Limit {
        static let imageSize = 4096
        static let width = 16384
        static let layerCount = 256
        static let contextLength = 65536
        static let vocabularySize = 1 << 24
        static let mlpRatio = 16.0
        static let tokenCount = 1 << 20
        static let parameterCount = 1 << 34
        static let normEpsilons: ClosedRange<Float> = 1e-12...1e-2
        static let rotaryGridSize = 1024
    }

    /// What is wrong with the values, each with its setting path; empty when they are valid.
    var problems: [String] {
        var found: [String] = []
        func require(_ condition: Bool, _ path: String, _ rule: String) {
            if !condition { found.append("\(path) \(rule)") }
        }
        func require(_ value: Int, in range: ClosedRange<Int>, _ path: String) {
            require(range.contains(value), path, "is \(value), must be in \(range)")
        }
        require(embeddingDimension, in: 1...Limit.width, "embed_dim")
        require(vision.imageSize, in: 1...Limit.imageSize, "vision_cfg.image_size")
        let networkProblems =
            switch vision.architecture {
            case .transformer: [String]()
            case .convNeXt(let network): network.problems(imageSize: vision.imageSize)
            case .modifiedResNet(let network): network.problems(imageSize: vision.imageSize)
            }
        // The sizes below are derived from the network's.
        guard networkProblems.isEmpty else { return found + networkProblems }
        require(vision.patchSize, in: 1...max(1, vision.imageSize), "vision_cfg.patch_size")
        require(vision.width, in: 1...Limit.width, "vision_cfg.width")
        require(vision.layerCount, in: 1...Limit.layerCount, "vision_cfg.layers")
        require(vision.headWidth, in: 1...max(1, vision.width), "vision_cfg.head_width")
        require(text.contextLength, in: 1...Limit.contextLength, "text_cfg.context_length")
        require(text.vocabularySize, in: 1...Limit.vocabularySize, "text_cfg.vocab_size")
        require(text.width, in: 1...Limit.width, "text_cfg.width")
        require(text.layerCount, in: 1...Limit.layerCount, "text_cfg.layers")
        require(text.headCount, in: 1...max(1, text.width), "text_cfg.heads")
        for (path, ratio, width) in [
            ("vision_cfg.mlp_ratio", vision.mlpRatio, vision.width), ("text_cfg.mlp_ratio", text.mlpRatio, text.width),
        ] {
            require(
                ratio.isFinite && ratio <= Limit.mlpRatio && ratio * Double(max(1, width)) >= 1, path,
                "is \(ratio), must give at least one hidden unit and be at most \(Limit.mlpRatio)")
        }
        for (tower, width, epsilon) in [
            ("vision_cfg", vision.mlpWidth, vision.normEpsilon), ("text_cfg", text.mlpWidth, text.normEpsilon),
        ] {
            if let width { require(width, in: 1...Limit.width * Int(Limit.mlpRatio), "\(tower).mlp_width") }
            require(
                Limit.normEpsilons.contains(epsilon), "\(tower).norm_eps",
                "is \(epsilon), must be in \(Limit.normEpsilons)")
        }
        require(
            preprocessing.mean.count == 3 && preprocessing.mean.allSatisfy(\.isFinite), "preprocess_cfg.mean",
            "must be three numbers")
        require(
            preprocessing.std.count == 3 && preprocessing.std.allSatisfy { $0.isFinite && $0 > 0 },
            "preprocess_cfg.std",
            "must be three positive numbers")
        require(initialLogitScale.isFinite, "init_logit_scale", "must be finite")
        require(initialLogitBias?.isFinite ?? true, "init_logit_bias", "must be finite")
        guard found.isEmpty else { return found }

        require(
            vision.width.isMultiple(of: vision.headWidth), "vision_cfg.head_width",
            "is \(vision.headWidth), must divide the width \(vision.width)")
        require(
            text.width.isMultiple(of: text.headCount), "text_cfg.heads",
            "is \(text.headCount), must divide the width \(text.width)")
        found += vision.transformerProblems(embeddingDimension: embeddingDimension)
        require(vision.tokenCount, in: 1...Limit.tokenCount, "vision_cfg tokens per image")
        require(
            text.isPadded || (text.isCausal && text.pooling == .endToken), "text_cfg.padded",
            "is false, but a tower that is not causal or pools the last position sees the padding")
        require(
            text.hasProjection || text.width == embeddingDimension, "text_cfg.projection",
            "is false, but the width \(text.width) is not embed_dim, \(embeddingDimension)")
        require(
            text.hasProjection || !text.hasProjectionBias, "text_cfg.projection_bias",
            "is true, but there is no projection")
        require(text.endTokenID, in: 0...text.vocabularySize - 1, "text_cfg.eos_id")
        require(text.padTokenID, in: 0...text.vocabularySize - 1, "text_cfg.pad_id")
        if vision.stem == .convolutional {
            require(
                vision.patchSize >= 2 && vision.patchSize & (vision.patchSize - 1) == 0, "vision_cfg.patch_size",
                "is \(vision.patchSize), must be a power of two for a convolutional stem")
            require(
                vision.imageSize.isMultiple(of: max(1, vision.patchSize)), "vision_cfg.image_size",
                "is \(vision.imageSize), must be a multiple of the patch size for a convolutional stem")
        }
        let blockCost = { (width: Int, hidden: Int) in width * (4 * width + 2 * hidden) }
        let parameterCount =
            vision.layerCount * blockCost(vision.width, vision.hiddenWidth)
            + text.layerCount * blockCost(text.width, text.hiddenWidth) + text.vocabularySize * text.width
        require(
            parameterCount <= Limit.parameterCount, "the model",
            "has about \(parameterCount) parameters, the limit is \(Limit.parameterCount)")
        return found
    }
}

extension DualEncoderConfiguration.Vision {
    /// What is wrong with the properties of a transformer beyond CLIP's; of a convolutional network, any that is set.
    fileprivate func transformerProblems(embeddingDimension: Int) -> [String] {
        var found: [String] = []
        func require(_ condition: Bool, _ key: String, _ rule: String) {
            if !condition { found.append("vision_cfg.\(key) \(rule)") }
        }
        switch architecture {
        case .transformer: break
        case .convNeXt(let network):
            require(self == Self(imageSize: imageSize, convNeXt: network), "convnext", "allows no transformer's keys")
            return found
        case .modifiedResNet(let network):
            require(
                self == Self(imageSize: imageSize, modifiedResNet: network), "modified_resnet",
                "allows no transformer's keys")
            return found
        }
        require(pooling != .classToken || hasClassToken, "pool_type", "is 'tok', but there is no class token")
        require(!hasPatchBias || stem == .patch, "patch_bias", "is true, but only a patch stem has one to choose")
        require(
            hasProjection || width == embeddingDimension, "projection",
            "is false, but the width \(width) is not embed_dim, \(embeddingDimension)")
        require(hasProjection || !hasProjectionBias, "projection_bias", "is true, but there is no projection")
        require(mlp == .standard || activation == nil, "activation", "is not used by a SwiGLU perceptron")
        require(!hasSubNorm || pooling == .classToken, "sub_norm", "is true, but attention pooling has none")
        if let rotaryGridSize {
            let limit = DualEncoderConfiguration.Limit.rotaryGridSize
            require(
                (1...limit).contains(rotaryGridSize), "rotary_grid", "is \(rotaryGridSize), must be in \(1...limit)")
            require(
                headWidth.isMultiple(of: 4), "rotary_grid",
                "needs a head width that is a multiple of 4, not \(headWidth)")
        }
        return found
    }
}
