/// `vision_cfg` of `model.json`.
extension DualEncoderConfiguration.Vision {
    private typealias Configuration = DualEncoderConfiguration

    /// Reads the object; nil when a key is missing or wrong, which the object then reports.
    static func read(_ object: inout StrictObject) -> Self? {
        let imageSize = object.value("image_size", Int.self)
        if let network = object.optionalObject("convnext", Configuration.ConvNeXt.read) {
            return imageSize.map { Self(imageSize: $0, convNeXt: network) }
        }
        if let network = object.optionalObject("modified_resnet", Configuration.ModifiedResNet.read) {
            return imageSize.map { Self(imageSize: $0, modifiedResNet: network) }
        }
        let patchSize = object.value("patch_size", Int.self)
        let width = object.value("width", Int.self)
        let layerCount = object.value("layers", Int.self)
        let headWidth = object.value("head_width", Int.self, default: 64)
        let mlpRatio = object.value("mlp_ratio", Double.self, default: 4)
        let stem = object.choice("stem", Configuration.Stem.self, default: .patch)
        guard let imageSize, let patchSize, let width, let layerCount, let headWidth, let mlpRatio, let stem else {
            readOptions(&object, into: nil)
            return nil
        }
        let vision = Self(
            imageSize: imageSize, patchSize: patchSize, width: width, layerCount: layerCount, headWidth: headWidth,
            mlpRatio: mlpRatio, stem: stem)
        return readOptions(&object, into: vision)
    }

    /// The keys of CLIP's relatives; wrong ones are reported even where there is no tower to put them in.
    @discardableResult
    private static func readOptions(_ object: inout StrictObject, into vision: Self?) -> Self? {
        var result = vision ?? Self(imageSize: 0, patchSize: 1, width: 0, layerCount: 0)
        func read(_ name: String, _ target: WritableKeyPath<Self, Bool>) {
            if let value = object.optional(name, Bool.self) { result[keyPath: target] = value }
        }
        read("class_token", \.hasClassToken)
        read("stem_norm", \.hasStemNorm)
        read("patch_bias", \.hasPatchBias)
        read("sub_norm", \.hasSubNorm)
        read("key_bias", \.hasKeyBias)
        read("projection", \.hasProjection)
        read("projection_bias", \.hasProjectionBias)
        if let value = object.optional("norm_eps", Float.self) { result.normEpsilon = value }
        if let value = object.optionalChoice("pool_type", Configuration.VisionPooling.self) { result.pooling = value }
        if let value = object.optionalChoice("mlp", Configuration.VisionMLP.self) { result.mlp = value }
        result.activation = object.optionalChoice("activation", Configuration.Activation.self)
        result.mlpWidth = object.optional("mlp_width", Int.self)
        result.rotaryGridSize = object.optional("rotary_grid", Int.self)
        return vision == nil ? nil : result
    }

    /// Writes the object.
    func write(to object: inout KeyedEncodingContainer<StrictObject.Key>) throws {
        typealias Key = StrictObject.Key
        try object.encode(imageSize, forKey: Key("image_size"))
        switch architecture {
        case .transformer: break
        case .convNeXt(let network):
            var nested = object.nestedContainer(keyedBy: Key.self, forKey: Key("convnext"))
            return try network.write(to: &nested)
        case .modifiedResNet(let network):
            var nested = object.nestedContainer(keyedBy: Key.self, forKey: Key("modified_resnet"))
            return try network.write(to: &nested)
        }
        try object.encode(patchSize, forKey: Key("patch_size"))
        try object.encode(width, forKey: Key("width"))
        try object.encode(layerCount, forKey: Key("layers"))
        try object.encode(headWidth, forKey: Key("head_width"))
        try object.encode(mlpRatio, forKey: Key("mlp_ratio"))
        try object.encode(stem.rawValue, forKey: Key("stem"))

        if !hasClassToken { try object.encode(false, forKey: Key("class_token")) }
        if !hasStemNorm { try object.encode(false, forKey: Key("stem_norm")) }
        if hasPatchBias { try object.encode(true, forKey: Key("patch_bias")) }
        if hasSubNorm { try object.encode(true, forKey: Key("sub_norm")) }
        if !hasKeyBias { try object.encode(false, forKey: Key("key_bias")) }
        if !hasProjection { try object.encode(false, forKey: Key("projection")) }
        if hasProjectionBias { try object.encode(true, forKey: Key("projection_bias")) }
        if normEpsilon != Self.defaultNormEpsilon { try object.encode(normEpsilon, forKey: Key("norm_eps")) }
        if pooling != .classToken { try object.encode(pooling.rawValue, forKey: Key("pool_type")) }
        if mlp != .standard { try object.encode(mlp.rawValue, forKey: Key("mlp")) }
        try object.encodeIfPresent(activation?.rawValue, forKey: Key("activation"))
        try object.encodeIfPresent(mlpWidth, forKey: Key("mlp_width"))
        try object.encodeIfPresent(rotaryGridSize, forKey: Key("rotary_grid"))
    }
}

/// `text_cfg` of `model.json`.
extension DualEncoderConfiguration.Text {
    private typealias Configuration = DualEncoderConfiguration

    /// Reads the object; nil when a key is missing or wrong, which the object then reports.
    static func read(_ object: inout StrictObject) -> Self? {
        let contextLength = object.value("context_length", Int.self)
        let vocabularySize = object.value("vocab_size", Int.self)
        let width = object.value("width", Int.self)
        let layerCount = object.value("layers", Int.self)
        let headCount = object.value("heads", Int.self)
        let mlpRatio = object.value("mlp_ratio", Double.self, default: 4)
        let endTokenID = object.value("eos_id", Int.self)
        let padTokenID = object.value("pad_id", Int.self)
        let pooling = object.choice("pool_type", Configuration.TextPooling.self, default: .endToken)
        let isCausal = object.value("causal", Bool.self, default: true)
        let isPadded = object.value("padded", Bool.self, default: false)
        let normEpsilon = object.value(
            "norm_eps", Float.self, default: DualEncoderConfiguration.Vision.defaultNormEpsilon)
        let hasProjection = object.value("projection", Bool.self, default: true)
        let hasProjectionBias = object.value("projection_bias", Bool.self, default: false)
        let activation = object.optionalChoice("activation", Configuration.Activation.self)
        let mlpWidth = object.optional("mlp_width", Int.self)
        guard let contextLength, let vocabularySize, let width, let layerCount, let headCount, let mlpRatio,
            let endTokenID, let padTokenID, let pooling, let isCausal, let isPadded, let normEpsilon,
            let hasProjection, let hasProjectionBias
        else { return nil }
        var result = Self(
            contextLength: contextLength, vocabularySize: vocabularySize, width: width, layerCount: layerCount,
            headCount: headCount, mlpRatio: mlpRatio, endTokenID: endTokenID, padTokenID: padTokenID)
        result.pooling = pooling
        result.isCausal = isCausal
        result.isPadded = isPadded
        result.normEpsilon = normEpsilon
        result.hasProjection = hasProjection
        result.hasProjectionBias = hasProjectionBias
        result.activation = activation
        result.mlpWidth = mlpWidth
        return result
    }

    /// Writes the object.
    func write(to object: inout KeyedEncodingContainer<StrictObject.Key>) throws {
        typealias Key = StrictObject.Key
        try object.encode(contextLength, forKey: Key("context_length"))
        try object.encode(vocabularySize, forKey: Key("vocab_size"))
        try object.encode(width, forKey: Key("width"))
        try object.encode(layerCount, forKey: Key("layers"))
        try object.encode(headCount, forKey: Key("heads"))
        try object.encode(mlpRatio, forKey: Key("mlp_ratio"))
        try object.encode(endTokenID, forKey: Key("eos_id"))
        try object.encode(padTokenID, forKey: Key("pad_id"))
        try object.encode(pooling.rawValue, forKey: Key("pool_type"))

        if !isCausal { try object.encode(false, forKey: Key("causal")) }
        if isPadded { try object.encode(true, forKey: Key("padded")) }
        if normEpsilon != DualEncoderConfiguration.Vision.defaultNormEpsilon {
            try object.encode(normEpsilon, forKey: Key("norm_eps"))
        }
        if !hasProjection { try object.encode(false, forKey: Key("projection")) }
        if hasProjectionBias { try object.encode(true, forKey: Key("projection_bias")) }
        try object.encodeIfPresent(activation?.rawValue, forKey: Key("activation"))
        try object.encodeIfPresent(mlpWidth, forKey: Key("mlp_width"))
    }
}
