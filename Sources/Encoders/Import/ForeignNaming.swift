/// How a library names the tensors of a dual encoder, and how each becomes parameters of ours.
///
/// The naming says how the text tower is called; which image tower stands beside it follows from the configuration. There is one
/// table per library and family, each a function that lists rows.
enum ForeignNaming: String, Sendable, CaseIterable {
    /// OpenAI and open_clip's `CLIP`.
    case openCLIP
    /// open_clip's `CustomTextCLIP`: the text tower under `text.`.
    case openCLIPCustomText
    /// `CLIPModel` and `SiglipModel` of transformers.
    case huggingFace

    /// How the elements of a foreign tensor lie compared with ours.
    enum Arrangement: Sendable {
        /// The same order; several parameters follow each other along the first axis.
        case same
        /// A matrix with rows and columns exchanged.
        case transposed
        /// A convolution weight [out, channel, height, width] where ours is [out, height, width, channel].
        case channelsSecond
        /// A depthwise convolution's weight [channel, 1, height, width] where ours is [height, width, channel].
        case depthwise
    }

    /// A tensor that stands for parameters which follow each other in the flat buffer.
    struct Row: Sendable {
        let parameters: [String]
        /// The names it may have, most usual first.
        let tensors: [(name: String, arrangement: Arrangement)]
        /// What other tensors do to the parameters afterwards.
        var folding: Folding?

        init(_ parameters: String..., from tensor: String, _ arrangement: Arrangement = .same) {
            self.init(parameters, [(tensor, arrangement)])
        }

        init(_ parameters: [String], _ tensors: [(name: String, arrangement: Arrangement)]) {
            self.parameters = parameters
            self.tensors = tensors
        }

        /// The row with prefixes before its names.
        func placed(_ parameterPrefix: String, _ tensorPrefix: String) -> Row {
            var row = Row(
                parameters.map { parameterPrefix + $0 }, tensors.map { (tensorPrefix + $0.name, $0.arrangement) })
            row.folding = folding
            return row
        }
    }

    /// The naming whose own tensor is among `names`.
    init?(detectedIn names: some Sequence<String>) {
        let names = Set(names)
        if names.contains("visual.conv1.weight") || names.contains(where: { $0.hasPrefix("visual.trunk.") }) {
            self = names.contains("text.token_embedding.weight") ? .openCLIPCustomText : .openCLIP
        } else if names.contains("vision_model.embeddings.patch_embedding.weight") {
            self = .huggingFace
        } else {
            return nil
        }
    }

    /// One row per tensor of a model.
    func rows(_ configuration: DualEncoderConfiguration) -> [Row] {
        imageRows(configuration.vision) + textRows(configuration.text) + logitRows(configuration)
    }

    /// Tensors that do not take part in an embedding: buffers, and the bias of pairwise logits where the model states none.
    func isIgnored(_ name: String) -> Bool {
        switch self {
        case .openCLIP, .openCLIPCustomText:
            ["attn_mask", "text.attn_mask", "input_resolution", "context_length", "vocab_size", "logit_bias"]
                .contains(name) || Self.isModifiedResNetBuffer(name) || name.hasPrefix("visual.trunk.rope.")
        case .huggingFace: name == "logit_bias" || name.hasSuffix(".embeddings.position_ids")
        }
    }

    private func imageRows(_ vision: DualEncoderConfiguration.Vision) -> [Row] {
        switch vision.architecture {
        case .convNeXt(let network): return Self.convNeXtRows(network)
        case .modifiedResNet(let network): return Self.modifiedResNetRows(network)
        case .transformer: break
        }
        switch (self, vision.pooling, vision.mlp) {
        case (.huggingFace, .attentionPool, _): return Self.huggingFaceSigLIPImageRows(vision)
        case (.huggingFace, .classToken, _): return Self.huggingFaceCLIPImageRows(vision)
        case (_, .attentionPool, _): return Self.timmSigLIPRows(vision)
        case (_, .classToken, .swiGLU): return Self.timmEVA02Rows(vision)
        case (_, .classToken, .standard): return Self.openCLIPImageRows(vision)
        }
    }

    private func textRows(_ text: DualEncoderConfiguration.Text) -> [Row] {
        switch self {
        case .openCLIP: Self.openCLIPTextRows(text, prefix: "")
        case .openCLIPCustomText: Self.openCLIPTextRows(text, prefix: "text.")
        case .huggingFace: Self.huggingFaceTextRows(text)
        }
    }

    private func logitRows(_ configuration: DualEncoderConfiguration) -> [Row] {
        [Row("logitScale", from: "logit_scale")]
            + (configuration.initialLogitBias == nil ? [] : [Row("logitBias", from: "logit_bias")])
    }

    /// The rows of all blocks of a tower.
    static func blocks(_ count: Int, _ parameterPath: String, _ tensorPath: String, _ rows: [Row]) -> [Row] {
        (0..<count).flatMap { index in
            rows.map { $0.placed("\(parameterPath).\(index).", "\(tensorPath).\(index).") }
        }
    }
}
