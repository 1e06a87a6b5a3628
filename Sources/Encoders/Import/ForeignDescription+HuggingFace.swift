extension ForeignDescription {
    /// Keys that every transformers configuration may hold: training, text generation, bookkeeping.
    private static let genericKeys: Set<String> = [
        "_commit_hash", "_name_or_path", "add_cross_attention", "architectures", "attention_dropout",
        "attn_implementation", "auto_map", "bad_words_ids", "begin_suppress_tokens", "chunk_size_feed_forward",
        "cross_attention_hidden_size", "decoder_start_token_id", "diversity_penalty", "do_sample", "dropout", "dtype",
        "early_stopping", "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty", "finetuning_task",
        "forced_bos_token_id", "forced_eos_token_id", "gradient_checkpointing", "id2label", "initializer_factor",
        "initializer_range", "is_decoder", "is_encoder_decoder", "label2id", "length_penalty", "max_length",
        "min_length", "no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences",
        "output_attentions", "output_hidden_states", "output_scores", "prefix", "problem_type", "remove_invalid_values",
        "repetition_penalty", "return_dict", "return_dict_in_generate", "sep_token_id", "suppress_tokens",
        "task_specific_params", "temperature", "tf_legacy_loss", "tie_encoder_decoder", "tie_word_embeddings",
        "tokenizer_class", "top_k", "top_p", "torch_dtype", "torchscript", "transformers_version", "typical_p",
        "use_bfloat16",
    ]

    /// Reads `config.json` of a `CLIPModel` and its `preprocessor_config.json`; absent keys have the library's defaults.
    init(
        huggingFace fields: [String: JSONValue], preprocessor: [String: JSONValue],
        activation asked: DualEncoderConfiguration.Activation?, at place: String
    ) throws(EncodersError) {
        let findings = ForeignFindings()
        var root = ForeignObject(fields, path: "", findings: findings)
        root.require("model_type", .string("clip"))
        root.require("pruned_heads", .object([:]))
        root.ignore(Self.genericKeys.union(["logit_scale_init_value"]))
        let dimension = root.integer("projection_dim", default: 512)
        var visionObject = Self.tower("vision", of: &root, findings)
        var textObject = Self.tower("text", of: &root, findings)
        root.refuseUnknownKeys()
        let activation = Self.activation(vision: &visionObject, text: &textObject, asked: asked, findings)
        let vision = Self.vision(&visionObject)
        let text = Self.text(&textObject, findings)
        let preprocessing = Self.preprocessing(
            ForeignObject(preprocessor, path: "preprocessor_config.json: ", findings: findings),
            imageSize: vision.imageSize)
        try self.init(at: place, findings: findings) { () throws(EncodersError) in
            try DualEncoderConfiguration(
                embeddingDimension: dimension, vision: vision, text: text, activation: activation,
                preprocessing: preprocessing)
        }
    }

    /// The object of a tower. Old files also hold a `…_config_dict` that takes precedence; it must agree.
    private static func tower(
        _ kind: String, of root: inout ForeignObject, _ findings: ForeignFindings
    ) -> ForeignObject {
        let object = root.object("\(kind)_config", isRequired: false)
        let override = root.object("\(kind)_config_dict", isRequired: false)
        for (name, value) in override.fields.sorted(by: { $0.key < $1.key })
        where object.fields[name] != nil && object.fields[name] != value {
            override.report(name, "is \(value) but \(kind)_config.\(name) is another; make them agree")
        }
        return ForeignObject(
            object.fields.merging(override.fields) { $1 }, path: "\(kind)_config.", findings: findings)
    }

    private static func activation(
        vision: inout ForeignObject, text: inout ForeignObject, asked: DualEncoderConfiguration.Activation?,
        _ findings: ForeignFindings
    ) -> DualEncoderConfiguration.Activation {
        func stated(_ object: inout ForeignObject) -> DualEncoderConfiguration.Activation? {
            switch object.string("hidden_act", default: "") {
            case "": return nil
            case "quick_gelu": return .quickGELU
            case "gelu": return .gelu
            case let name:
                object.report("hidden_act", "is '\(name)', this build computes quick_gelu and gelu")
                return nil
            }
        }
        let (ofVision, ofText) = (stated(&vision), stated(&text))
        if (ofVision ?? .quickGELU) != (ofText ?? .quickGELU) {
            vision.report("hidden_act", "is not text_config.hidden_act; both towers must have the same activation")
        }
        return Self.activation(
            stated: ofVision ?? ofText, fallback: .quickGELU, asked: asked, key: "vision_config.hidden_act",
            findings: findings)
    }

    private static func vision(_ object: inout ForeignObject) -> DualEncoderConfiguration.Vision {
        object.require("num_channels", .number(3))
        readTower(&object, modelType: "clip_vision_model")
        object.ignore(["bos_token_id", "eos_token_id", "pad_token_id"])
        let width = object.integer("hidden_size", default: 768)
        let headCount = max(1, object.integer("num_attention_heads", default: 12))
        if !width.isMultiple(of: headCount) {
            object.report("num_attention_heads", "is \(headCount), must divide the width \(width)")
        }
        defer { object.refuseUnknownKeys() }
        return DualEncoderConfiguration.Vision(
            imageSize: object.side("image_size", default: 224), patchSize: object.side("patch_size", default: 32),
            width: width, layerCount: object.integer("num_hidden_layers", default: 12), headWidth: width / headCount,
            mlpRatio: mlpRatio(hiddenWidth: object.integer("intermediate_size", default: 3072), width: width))
    }

    private static func text(
        _ object: inout ForeignObject, _ findings: ForeignFindings
    ) -> DualEncoderConfiguration.Text {
        readTower(&object, modelType: "clip_text_model")
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
        return DualEncoderConfiguration.Text(
            contextLength: object.integer("max_position_embeddings", default: 77), vocabularySize: vocabularySize,
            width: width, layerCount: object.integer("num_hidden_layers", default: 12),
            headCount: object.integer("num_attention_heads", default: 8),
            mlpRatio: mlpRatio(hiddenWidth: object.integer("intermediate_size", default: 2048), width: width),
            endTokenID: endTokenID, padTokenID: padTokenID)
    }

    private static func readTower(_ object: inout ForeignObject, modelType: String) {
        object.require("model_type", .string(modelType))
        object.require("layer_norm_eps", .number(1e-5))
        object.require("pruned_heads", .object([:]))
        object.ignore(genericKeys.union(["projection_dim"]))
    }

    private static func preprocessing(
        _ object: ForeignObject, imageSize: Int
    ) -> DualEncoderConfiguration.Preprocessing {
        typealias Preprocessing = DualEncoderConfiguration.Preprocessing
        var object = object
        for name in ["do_resize", "do_rescale", "do_normalize", "do_convert_rgb"] {
            object.require(name, .boolean(true))
        }
        object.require("do_pad", .boolean(false))
        if case .number(let factor)? = object.value("rescale_factor"), abs(factor * 255 - 1) > 1e-6 {
            object.report("rescale_factor", "is \(factor), must be 1/255")
        }
        object.ignore(
            "image_processor_type", "feature_extractor_type", "processor_class", "data_format", "input_data_format",
            "return_tensors", "device", "default_to_square", "_valid_processor_keys", "use_fast",
            "disable_grouping", "crop_pct", "size_divisor")
        let resample = object.integer("resample", default: 3)
        if resample != 3 && resample != 2 { object.report("resample", "is \(resample), must be 3 or 2") }
        let isCropped = object.boolean("do_center_crop") ?? true
        let crop = object.side("crop_size", default: imageSize)
        if isCropped && crop != imageSize {
            object.report("crop_size", "is \(crop), must be the model's image size \(imageSize)")
        }
        var mode = DualEncoderConfiguration.ResizeMode.shortest
        var side = imageSize
        if case .object(let fields)? = object.value("size"), fields["shortest_edge"] == nil {
            mode = .squash
            side = object.side("size", default: imageSize)
        } else if case .object(let fields)? = object.value("size") {
            side = fields["shortest_edge"]?.integer ?? -1
        } else {
            side = object.integer("size", default: imageSize)
        }
        if side != imageSize { object.report("size", "is \(side), must be the model's image size \(imageSize)") }
        if mode == .shortest && !isCropped {
            object.report("do_center_crop", "is false, but a shorter side of \(side) makes no square")
        }
        defer { object.refuseUnknownKeys() }
        return Preprocessing(
            mean: object.numbers("image_mean", default: Preprocessing.openAIMean),
            std: object.numbers("image_std", default: Preprocessing.openAIStd),
            interpolation: resample == 2 ? .bilinear : .bicubic, resizeMode: mode, cropRounding: .down)
    }
}
