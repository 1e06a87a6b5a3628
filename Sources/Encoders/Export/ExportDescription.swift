/// Writes a configuration in the words of another library, and collects what cannot be said in them.
struct ExportDescription {
    private let configuration: DualEncoderConfiguration
    private let family: ExportForm.Family
    /// Reasons to refuse.
    private(set) var problems: [String] = []
    /// What a user should hear of.
    private(set) var notes: [String] = []

    private var vision: DualEncoderConfiguration.Vision { configuration.vision }
    private var text: DualEncoderConfiguration.Text { configuration.text }
    private var visionActivation: DualEncoderConfiguration.Activation { vision.activation ?? configuration.activation }
    private var textActivation: DualEncoderConfiguration.Activation { text.activation ?? configuration.activation }

    init(_ configuration: DualEncoderConfiguration, family: ExportForm.Family) {
        self.configuration = configuration
        self.family = family
    }

    private static func number(_ value: Int) -> JSONValue { .number(Double(value)) }

    /// Numbers as they were written: a Float's shortest decimal form.
    private static func number(_ value: Float) -> JSONValue { .number(Double("\(value)") ?? Double(value)) }

    /// A ratio whose truncated product with `width` is `hiddenWidth`, as the library computes it.
    private static func ratio(_ hiddenWidth: Int, _ width: Int) -> JSONValue {
        var ratio = Double(hiddenWidth) / Double(width)
        while Int(Double(width) * ratio) < hiddenWidth { ratio = ratio.nextUp }
        return .number(ratio)
    }

    // MARK: open_clip

    /// `open_clip_config.json`.
    mutating func openCLIP() -> JSONValue {
        var model: [String: JSONValue] = [
            "embed_dim": Self.number(configuration.embeddingDimension),
            "vision_cfg": .object(family == .clip ? openCLIPVision() : timmVision()),
            "text_cfg": .object(openCLIPText()),
        ]
        let isQuick = textActivation == .quickGELU
        if isQuick { model["quick_gelu"] = .boolean(true) }
        if family == .clip, visionActivation != (isQuick ? .quickGELU : .gelu) {
            problems.append(
                "open_clip has no such image tower with \(visionActivation.rawValue) beside this text tower")
        }
        if family == .sigLIP { model["custom_text"] = .boolean(true) }
        if let bias = configuration.initialLogitBias { model["init_logit_bias"] = Self.number(bias) }
        let preprocessing = configuration.preprocessing
        if preprocessing.resizeMode == .shortest && preprocessing.cropRounding == .down {
            notes.append(
                "open_clip rounds the centre crop half to even, this model rounds down: on images whose surplus is odd the crop differs by one pixel"
            )
        }
        return .object([
            "model_cfg": .object(model),
            "preprocess_cfg": .object([
                "size": Self.number(vision.imageSize), "mode": .string("RGB"),
                "mean": .array(preprocessing.mean.map(Self.number)), "std": .array(preprocessing.std.map(Self.number)),
                "interpolation": .string(preprocessing.interpolation.rawValue),
                "resize_mode": .string(preprocessing.resizeMode.rawValue),
            ]),
        ])
    }

    private func openCLIPVision() -> [String: JSONValue] {
        var fields: [String: JSONValue] = [
            "image_size": Self.number(vision.imageSize), "patch_size": Self.number(vision.patchSize),
            "width": Self.number(vision.width), "layers": Self.number(vision.layerCount),
            "head_width": Self.number(vision.headWidth), "mlp_ratio": Self.ratio(vision.hiddenWidth, vision.width),
        ]
        if vision.normEpsilon != DualEncoderConfiguration.Vision.defaultNormEpsilon {
            fields["norm_kwargs"] = .object(["eps": Self.number(vision.normEpsilon)])
        }
        return fields
    }

    /// The model of timm's that is this tower. open_clip has no other way to say an image tower's shape and activation.
    private mutating func timmVision() -> [String: JSONValue] {
        let name = ForeignDescription.timmName(ofSigLIP: vision, activation: visionActivation)
        if name == nil {
            problems.append(
                "open_clip takes SigLIP's image towers from timm by name, and none there has this shape, image size, activation "
                    + "(\(visionActivation.rawValue)) and epsilon (\(vision.normEpsilon))")
        }
        return [
            "image_size": Self.number(vision.imageSize), "timm_model_name": .string(name ?? ""),
            "timm_model_pretrained": .boolean(false), "timm_pool": .string("map"), "timm_proj": .string("none"),
        ]
    }

    private func openCLIPText() -> [String: JSONValue] {
        var fields: [String: JSONValue] = [
            "context_length": Self.number(text.contextLength), "vocab_size": Self.number(text.vocabularySize),
            "width": Self.number(text.width), "heads": Self.number(text.headCount),
            "layers": Self.number(text.layerCount), "mlp_ratio": Self.ratio(text.hiddenWidth, text.width),
            "pad_id": Self.number(text.padTokenID),
        ]
        if family == .clip {
            fields["pool_type"] = .string("eos")
            fields["eos_id"] = Self.number(text.endTokenID)
        } else {
            fields["pool_type"] = .string("last")
            fields["no_causal_mask"] = .boolean(true)
            fields["proj_bias"] = .boolean(true)
        }
        if textActivation == .geluTanh { fields["act_kwargs"] = .object(["approximate": .string("tanh")]) }
        if text.normEpsilon != DualEncoderConfiguration.Vision.defaultNormEpsilon {
            fields["norm_kwargs"] = .object(["eps": Self.number(text.normEpsilon)])
        }
        return fields
    }

    // MARK: transformers

    private static func huggingFaceName(_ activation: DualEncoderConfiguration.Activation) -> JSONValue {
        switch activation {
        case .gelu: .string("gelu")
        case .quickGELU: .string("quick_gelu")
        case .geluTanh: .string("gelu_pytorch_tanh")
        }
    }

    /// `config.json`.
    mutating func huggingFace() -> JSONValue {
        if family == .clip && text.endTokenID == 2 {
            problems.append(
                "its end token is 2, which transformers takes for the sign of an old file and pools elsewhere")
        }
        let isCLIP = family == .clip
        let prefix = isCLIP ? "clip" : "siglip"
        var visionFields: [String: JSONValue] = [
            "model_type": .string("\(prefix)_vision_model"), "image_size": Self.number(vision.imageSize),
            "patch_size": Self.number(vision.patchSize), "hidden_size": Self.number(vision.width),
            "num_hidden_layers": Self.number(vision.layerCount), "num_attention_heads": Self.number(vision.headCount),
            "intermediate_size": Self.number(vision.hiddenWidth), "num_channels": Self.number(3),
            "hidden_act": Self.huggingFaceName(visionActivation), "layer_norm_eps": Self.number(vision.normEpsilon),
        ]
        var textFields: [String: JSONValue] = [
            "model_type": .string("\(prefix)_text_model"), "vocab_size": Self.number(text.vocabularySize),
            "max_position_embeddings": Self.number(text.contextLength), "hidden_size": Self.number(text.width),
            "num_hidden_layers": Self.number(text.layerCount), "num_attention_heads": Self.number(text.headCount),
            "intermediate_size": Self.number(text.hiddenWidth), "hidden_act": Self.huggingFaceName(textActivation),
            "layer_norm_eps": Self.number(text.normEpsilon), "eos_token_id": Self.number(text.endTokenID),
            "pad_token_id": Self.number(text.padTokenID),
        ]
        var fields: [String: JSONValue] = [
            "architectures": .array([.string(isCLIP ? "CLIPModel" : "SiglipModel")]), "model_type": .string(prefix),
            "dtype": .string("float32"),
        ]
        if isCLIP {
            let dimension = Self.number(configuration.embeddingDimension)
            fields["projection_dim"] = dimension
            visionFields["projection_dim"] = dimension
            textFields["projection_dim"] = dimension
        } else {
            textFields["projection_size"] = Self.number(configuration.embeddingDimension)
        }
        fields["vision_config"] = .object(visionFields)
        fields["text_config"] = .object(textFields)
        return .object(fields)
    }

    /// `preprocessor_config.json`.
    mutating func huggingFacePreprocessor() -> JSONValue {
        let preprocessing = configuration.preprocessing
        let side = Self.number(vision.imageSize)
        let square = JSONValue.object(["height": side, "width": side])
        var fields: [String: JSONValue] = [
            "do_resize": .boolean(true), "do_rescale": .boolean(true), "do_normalize": .boolean(true),
            "do_convert_rgb": .boolean(true), "rescale_factor": .number(1.0 / 255),
            "resample": Self.number(preprocessing.interpolation == .bicubic ? 3 : 2),
            "image_mean": .array(preprocessing.mean.map(Self.number)),
            "image_std": .array(preprocessing.std.map(Self.number)),
            "image_processor_type": .string(family == .clip ? "CLIPImageProcessor" : "SiglipImageProcessor"),
        ]
        switch preprocessing.resizeMode {
        case .shortest where family == .clip:
            fields["size"] = .object(["shortest_edge": side])
            fields["do_center_crop"] = .boolean(true)
            fields["crop_size"] = square
            if preprocessing.cropRounding == .halfToEven {
                notes.append(
                    "transformers rounds the centre crop down, this model rounds half to even: on images whose surplus is odd the crop may differ by one pixel"
                )
            }
        case .squash:
            fields["size"] = square
            if family == .clip { fields["do_center_crop"] = .boolean(false) }
        case .shortest, .longest:
            problems.append(
                "its images are resized as '\(preprocessing.resizeMode.rawValue)', which the image processor of transformers does not do"
            )
        }
        return .object(fields)
    }
}
