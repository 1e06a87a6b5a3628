/// A library that an exported model is for.
public enum ExportTarget: String, Sendable, CaseIterable {
    /// open_clip: `open_clip_model.safetensors` and `open_clip_config.json`.
    case openCLIP = "open_clip"
    /// transformers: `model.safetensors`, `config.json` and `preprocessor_config.json`.
    case huggingFace = "hf"

    /// The weights' file.
    var weightsFileName: String {
        switch self {
        case .openCLIP: "open_clip_model.safetensors"
        case .huggingFace: "model.safetensors"
        }
    }

    /// The description's files.
    public var descriptionFileNames: [String] {
        switch self {
        case .openCLIP: ["open_clip_config.json"]
        case .huggingFace: ["config.json", "preprocessor_config.json"]
        }
    }

    /// All files that an export writes.
    public var fileNames: [String] { [weightsFileName] + descriptionFileNames }

    /// Whether tensors of this naming are the target's.
    func hasNaming(_ naming: ForeignNaming) -> Bool {
        switch naming {
        case .openCLIP, .openCLIPCustomText: self == .openCLIP
        case .huggingFace: self == .huggingFace
        }
    }
}

/// A model in the form of another library: which tensors it has and what its description says.
struct ExportForm {
    /// The families that both libraries have.
    enum Family {
        /// CLIP's two transformers.
        case clip
        /// SigLIP's: attention pooling, texts padded and not causal.
        case sigLIP
    }

    let family: Family
    let naming: ForeignNaming
    /// Files of the description, by name.
    let files: [String: JSONValue]
    /// What the target cannot say.
    let notes: [String]

    /// Describes `configuration` for `target`; throws `unsupportedModel` with the reasons when the target has no such model.
    init(_ configuration: DualEncoderConfiguration, for target: ExportTarget) throws(EncodersError) {
        let (vision, text) = (configuration.vision, configuration.text)
        var problems: [String] = []
        family = vision.pooling == .attentionPool ? .sigLIP : .clip
        switch vision.architecture {
        case .transformer: break
        case .convNeXt, .modifiedResNet:
            problems.append(
                "its image tower is a convolutional network, whose norms are joined with their neighbours when it is read: only an unchanged checkpoint can be exported, to the library it came from"
            )
        }
        if vision.stem == .convolutional {
            problems.append("its stem is convolutional, which the target does not have")
        }
        if vision.hasSubNorm || vision.mlp != .standard || vision.rotaryGridSize != nil || !vision.hasKeyBias {
            problems.append(
                "its image tower is of EVA02's kind: only an unchanged checkpoint can be exported, to the library it came from"
            )
        }
        let isPlain =
            family == .clip
            ? vision.hasClassToken && vision.hasStemNorm && !vision.hasPatchBias && vision.hasProjection
                && !vision.hasProjectionBias && text.isCausal && text.pooling == .endToken && !text.isPadded
                && text.hasProjection && !text.hasProjectionBias
            : !vision.hasClassToken && !vision.hasStemNorm && vision.hasPatchBias && !vision.hasProjection
                && !text.isCausal && text.pooling == .last && text.isPadded && text.hasProjectionBias
        if problems.isEmpty && !isPlain {
            problems.append("its towers are neither those of CLIP nor those of SigLIP")
        }
        var description = ExportDescription(configuration, family: family)
        switch target {
        case .openCLIP:
            naming = family == .clip ? .openCLIP : .openCLIPCustomText
            files = ["open_clip_config.json": description.openCLIP()]
        case .huggingFace:
            naming = .huggingFace
            files = [
                "config.json": description.huggingFace(),
                "preprocessor_config.json": description.huggingFacePreprocessor(),
            ]
        }
        problems += description.problems
        notes = description.notes
        guard problems.isEmpty else {
            throw EncodersError(
                .unsupportedModel,
                "\(problems.joined(separator: "; ")): it cannot be exported as \(target.rawValue)", at: "model")
        }
    }

    /// The shape a library gives a tensor: vectors and positions of timm's and transformers' towers have axes of one.
    func shape(of name: String, _ shape: [Int]) -> [Int] {
        if name.hasSuffix(".attn_pool.latent") || name.hasSuffix(".head.probe") { return [1, 1] + shape.suffix(1) }
        if name.hasSuffix(".pos_embed") { return [1] + shape }
        if shape.isEmpty && family == .sigLIP && naming == .huggingFace { return [1] }
        return shape
    }
}
