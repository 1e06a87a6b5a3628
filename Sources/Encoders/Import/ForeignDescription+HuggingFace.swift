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

    /// Reads `config.json` of a `CLIPModel` or `SiglipModel` and its `preprocessor_config.json`; absent keys have the library's
    /// defaults. `tokenizer` is `tokenizer_config.json`, empty when there is none.
    init(
        huggingFace fields: [String: JSONValue], preprocessor: [String: JSONValue], tokenizer: [String: JSONValue],
        activation asked: DualEncoderConfiguration.Activation?, at place: String
    ) throws(EncodersError) {
        let findings = ForeignFindings()
        var root = ForeignObject(fields, path: "", findings: findings)
        root.require("pruned_heads", .object([:]))
        root.ignore(Self.genericKeys.union(["logit_scale_init_value"]))
        let towers: HuggingFaceTowers
        switch root.string("model_type", default: "clip") {
        case "clip": towers = Self.clipTowers(&root, asked: asked, findings)
        case "siglip": towers = Self.sigLIPTowers(&root, tokenizer: tokenizer, asked: asked, findings)
        case "siglip2":
            throw EncodersError(
                .unsupportedModel,
                "model_type is 'siglip2', the NaFlex form whose images keep their aspect ratio; this build computes SigLIP 2 of fixed resolution, whose model_type is 'siglip': download such a checkpoint (its name ends in patch16-224, patch16-256, patch14-384, …)",
                at: place)
        case let name:
            throw EncodersError(
                .unsupportedModel, "model_type is '\(name)', this build imports clip and siglip", at: place)
        }
        root.refuseUnknownKeys()
        let preprocessing = Self.preprocessing(
            ForeignObject(preprocessor, path: "preprocessor_config.json: ", findings: findings),
            imageSize: towers.vision.imageSize, statistics: towers.statistics)
        try self.init(at: place, findings: findings) { () throws(EncodersError) in
            try DualEncoderConfiguration(
                embeddingDimension: towers.embeddingDimension, vision: towers.vision, text: towers.text,
                activation: towers.activation, preprocessing: preprocessing, initialLogitBias: towers.logitBias)
        }
    }

    /// What a family's reader finds.
    struct HuggingFaceTowers {
        let embeddingDimension: Int
        let vision: DualEncoderConfiguration.Vision
        let text: DualEncoderConfiguration.Text
        let activation: DualEncoderConfiguration.Activation
        /// Channel means and deviations of the family's image processor.
        let statistics: (mean: [Float], std: [Float])
        var logitBias: Float?
    }

    /// The object of a tower. Old files also hold a `…_config_dict` that takes precedence; it must agree.
    static func tower(
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

    /// `hidden_act`, nil when absent.
    static func activation(of object: inout ForeignObject) -> DualEncoderConfiguration.Activation? {
        switch object.string("hidden_act", default: "") {
        case "": return nil
        case "quick_gelu": return .quickGELU
        case "gelu": return .gelu
        case "gelu_pytorch_tanh", "gelu_new": return .geluTanh
        case let name:
            object.report("hidden_act", "is '\(name)', this build computes quick_gelu, gelu and gelu_pytorch_tanh")
            return nil
        }
    }

    /// Reads the sizes that the image towers of both families share.
    static func vision(
        _ object: inout ForeignObject, modelType: String, defaultPatchSize: Int, normEpsilon: Float
    ) -> DualEncoderConfiguration.Vision {
        object.require("num_channels", .number(3))
        let epsilon = readTower(&object, modelType: modelType, normEpsilon: normEpsilon)
        object.ignore(["bos_token_id", "eos_token_id", "pad_token_id"])
        let width = object.integer("hidden_size", default: 768)
        let headCount = max(1, object.integer("num_attention_heads", default: 12))
        if !width.isMultiple(of: headCount) {
            object.report("num_attention_heads", "is \(headCount), must divide the width \(width)")
        }
        var vision = DualEncoderConfiguration.Vision(
            imageSize: object.side("image_size", default: 224),
            patchSize: object.side("patch_size", default: defaultPatchSize), width: width,
            layerCount: object.integer("num_hidden_layers", default: 12), headWidth: width / headCount,
            mlpRatio: mlpRatio(hiddenWidth: object.integer("intermediate_size", default: 3072), width: width))
        vision.normEpsilon = epsilon
        return vision
    }

    /// Reads what all towers share; returns the norms' epsilon.
    static func readTower(_ object: inout ForeignObject, modelType: String, normEpsilon: Float) -> Float {
        object.require("model_type", .string(modelType))
        object.require("pruned_heads", .object([:]))
        object.ignore(genericKeys.union(["projection_dim"]))
        return Float(object.number("layer_norm_eps", default: Double(normEpsilon)))
    }

    private static func preprocessing(
        _ object: ForeignObject, imageSize: Int, statistics: (mean: [Float], std: [Float])
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
            mean: object.numbers("image_mean", default: statistics.mean),
            std: object.numbers("image_std", default: statistics.std),
            interpolation: resample == 2 ? .bilinear : .bicubic, resizeMode: mode, cropRounding: .down)
    }
}
