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
        require(
            preprocessing.mean.count == 3 && preprocessing.mean.allSatisfy(\.isFinite), "preprocess_cfg.mean",
            "must be three numbers")
        require(
            preprocessing.std.count == 3 && preprocessing.std.allSatisfy { $0.isFinite && $0 > 0 },
            "preprocess_cfg.std",
            "must be three positive numbers")
        require(initialLogitScale.isFinite, "init_logit_scale", "must be finite")
        guard found.isEmpty else { return found }

        require(
            vision.width.isMultiple(of: vision.headWidth), "vision_cfg.head_width",
            "is \(vision.headWidth), must divide the width \(vision.width)")
        require(
            text.width.isMultiple(of: text.headCount), "text_cfg.heads",
            "is \(text.headCount), must divide the width \(text.width)")
        require(vision.tokenCount, in: 2...Limit.tokenCount, "vision_cfg tokens per image")
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
