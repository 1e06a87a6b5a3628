extension ForeignDescription {
    /// SigLIP's epsilon.
    private static let sigLIPNormEpsilon: Float = 1e-6
    /// The bias that sigmoid training starts with (Zhai et al. 2023).
    private static let sigLIPLogitBias: Float = -10

    /// Reads the towers of a `SiglipModel`: both generations of fixed resolution have this form.
    static func sigLIPTowers(
        _ root: inout ForeignObject, tokenizer: [String: JSONValue], asked: DualEncoderConfiguration.Activation?,
        _ findings: ForeignFindings
    ) -> HuggingFaceTowers {
        var visionObject = tower("vision", of: &root, findings)
        var textObject = tower("text", of: &root, findings)
        let ofVision = activation(of: &visionObject) ?? .geluTanh
        let activation = activation(
            stated: activation(of: &textObject) ?? .geluTanh, fallback: .geluTanh, asked: asked,
            key: "text_config.hidden_act", findings: findings)
        visionObject.require("vision_use_head", .boolean(true))
        var vision = vision(
            &visionObject, modelType: "siglip_vision_model", defaultPatchSize: 16, normEpsilon: sigLIPNormEpsilon)
        if visionObject.fields["num_patches"] != nil {
            visionObject.report("num_patches", "belongs to the NaFlex form, which this build does not compute")
        }
        visionObject.refuseUnknownKeys()
        vision.activation = ofVision
        vision.hasClassToken = false
        vision.hasStemNorm = false
        vision.hasPatchBias = true
        vision.pooling = .attentionPool
        vision.hasProjection = false
        let text = sigLIPText(&textObject, embeddingDimension: vision.width, tokenizer: tokenizer, findings)
        let half = [Float](repeating: 0.5, count: 3)
        return HuggingFaceTowers(
            embeddingDimension: vision.width, vision: vision, text: text, activation: activation,
            statistics: (half, half), logitBias: sigLIPLogitBias)
    }

    private static func sigLIPText(
        _ object: inout ForeignObject, embeddingDimension: Int, tokenizer: [String: JSONValue],
        _ findings: ForeignFindings
    ) -> DualEncoderConfiguration.Text {
        let normEpsilon = readTower(&object, modelType: "siglip_text_model", normEpsilon: sigLIPNormEpsilon)
        // The library's towers look at none of them: the tokenizer ends and fills texts.
        object.ignore("bos_token_id", "eos_token_id", "pad_token_id")
        let vocabularySize = object.integer("vocab_size", default: 32000)
        let width = object.integer("hidden_size", default: 768)
        let projected = object.integer("projection_size", default: width)
        if projected != embeddingDimension {
            object.report("projection_size", "is \(projected), must be the image tower's width \(embeddingDimension)")
        }
        let padding = ForeignPadding(
            tokenizer: tokenizer, tokenizerName: nil, vocabularySize: vocabularySize, place: "text_config", findings)
        defer { object.refuseUnknownKeys() }
        var text = DualEncoderConfiguration.Text(
            contextLength: object.integer("max_position_embeddings", default: 64), vocabularySize: vocabularySize,
            width: width, layerCount: object.integer("num_hidden_layers", default: 12),
            headCount: object.integer("num_attention_heads", default: 12),
            mlpRatio: mlpRatio(hiddenWidth: object.integer("intermediate_size", default: 3072), width: width),
            endTokenID: padding.endTokenID, padTokenID: padding.padTokenID)
        text.isCausal = false
        text.pooling = .last
        text.isPadded = true
        text.hasProjectionBias = true
        text.normEpsilon = normEpsilon
        return text
    }
}
