extension ForeignDescription {
    /// Reads the towers of a `CLIPModel`.
    static func clipTowers(
        _ root: inout ForeignObject, asked: DualEncoderConfiguration.Activation?, _ findings: ForeignFindings
    ) -> HuggingFaceTowers {
        typealias Preprocessing = DualEncoderConfiguration.Preprocessing
        let dimension = root.integer("projection_dim", default: 512)
        var visionObject = tower("vision", of: &root, findings)
        var textObject = tower("text", of: &root, findings)
        let (ofVision, ofText) = (activation(of: &visionObject), activation(of: &textObject))
        let isStated = ofVision != nil || ofText != nil
        let activation = activation(
            stated: isStated ? ofText ?? .quickGELU : nil, fallback: .quickGELU, asked: asked, key: "hidden_act",
            findings: findings)
        var vision = vision(
            &visionObject, modelType: "clip_vision_model", defaultPatchSize: 32,
            normEpsilon: DualEncoderConfiguration.Vision.defaultNormEpsilon)
        visionObject.refuseUnknownKeys()
        vision.activation = isStated ? ofVision ?? .quickGELU : nil
        return HuggingFaceTowers(
            embeddingDimension: dimension, vision: vision, text: clipText(&textObject, findings),
            activation: activation, statistics: (Preprocessing.openAIMean, Preprocessing.openAIStd))
    }

    private static func clipText(
        _ object: inout ForeignObject, _ findings: ForeignFindings
    ) -> DualEncoderConfiguration.Text {
        let normEpsilon = readTower(
            &object, modelType: "clip_text_model", normEpsilon: DualEncoderConfiguration.Vision.defaultNormEpsilon)
        object.ignore("bos_token_id")
        let vocabularySize = object.integer("vocab_size", default: 49408)
        var endTokenID = object.integer("eos_token_id", default: 49407)
        if endTokenID == 2 {
            // Before transformers 4.31 the configuration said 2 whatever the tokenizer used; the library pools such models at
            // the largest id.
            endTokenID = vocabularySize - 1
            findings.notes.append(
                "text_config.eos_token_id is the old files' 2: texts are pooled at their largest id, taken to be the end token \(endTokenID), the vocabulary's last"
            )
        }
        let padTokenID = object.integer("pad_token_id", default: 1)
        let width = object.integer("hidden_size", default: 512)
        defer { object.refuseUnknownKeys() }
        var text = DualEncoderConfiguration.Text(
            contextLength: object.integer("max_position_embeddings", default: 77), vocabularySize: vocabularySize,
            width: width, layerCount: object.integer("num_hidden_layers", default: 12),
            headCount: object.integer("num_attention_heads", default: 8),
            mlpRatio: mlpRatio(hiddenWidth: object.integer("intermediate_size", default: 2048), width: width),
            endTokenID: endTokenID, padTokenID: padTokenID)
        text.normEpsilon = normEpsilon
        return text
    }
}
