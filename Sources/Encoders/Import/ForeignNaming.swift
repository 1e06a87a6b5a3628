/// How a library names the tensors of a ViT CLIP model, and how each becomes parameters of ours.
///
/// One table per library; `#` stands for the block's index. Adding a naming is adding rows.
enum ForeignNaming: String, Sendable, CaseIterable {
    /// OpenAI and open_clip's `CLIP`.
    case openCLIP
    /// open_clip's `CustomTextCLIP`: the text tower under `text.`.
    case openCLIPCustomText
    /// `CLIPModel` of transformers.
    case huggingFace

    /// How the elements of a foreign tensor lie compared with ours.
    enum Arrangement: Sendable {
        /// The same order; several parameters follow each other along the first axis.
        case same
        /// A matrix with rows and columns exchanged.
        case transposed
        /// A convolution weight [out, channel, height, width] where ours is [out, height, width, channel].
        case channelsSecond
    }

    /// A tensor that stands for parameters which follow each other in the flat buffer.
    struct Row: Sendable {
        let parameters: [String]
        /// The names it may have, most usual first.
        let tensors: [(name: String, arrangement: Arrangement)]

        init(_ parameters: String..., from tensor: String, _ arrangement: Arrangement = .same) {
            self.init(parameters, [(tensor, arrangement)])
        }

        init(_ parameters: [String], _ tensors: [(name: String, arrangement: Arrangement)]) {
            self.parameters = parameters
            self.tensors = tensors
        }

        /// The row under prefixes, `#` replaced by the index.
        func placed(_ parameterPrefix: String, _ tensorPrefix: String, _ index: Int) -> Row {
            func filled(_ text: String) -> String {
                text.split(separator: "#", omittingEmptySubsequences: false).joined(separator: "\(index)")
            }
            return Row(
                parameters.map { filled(parameterPrefix + $0) },
                tensors.map { (filled(tensorPrefix + $0.name), $0.arrangement) })
        }
    }

    /// The naming whose own tensor is among `names`.
    init?(detectedIn names: some Sequence<String>) {
        let names = Set(names)
        if names.contains("visual.conv1.weight") {
            self = names.contains("text.token_embedding.weight") ? .openCLIPCustomText : .openCLIP
        } else if names.contains("vision_model.embeddings.patch_embedding.weight") {
            self = .huggingFace
        } else {
            return nil
        }
    }

    /// One row per tensor of a model.
    func rows(_ configuration: DualEncoderConfiguration) -> [Row] {
        let block = blockRows
        let image = (0..<configuration.vision.layerCount).flatMap { index in
            block.map { $0.placed("imageTower.blocks.#.", imageBlockPrefix, index) }
        }
        let text = (0..<configuration.text.layerCount).flatMap { index in
            block.map { $0.placed("textTower.blocks.#.", textBlockPrefix, index) }
        }
        return towerRows + image + text
    }

    /// Tensors that do not take part in an embedding: buffers, and the bias of pairwise logits.
    func isIgnored(_ name: String) -> Bool {
        switch self {
        case .openCLIP, .openCLIPCustomText:
            ["attn_mask", "text.attn_mask", "input_resolution", "context_length", "vocab_size", "logit_bias"]
                .contains(name)
        case .huggingFace: name == "logit_bias" || name.hasSuffix(".embeddings.position_ids")
        }
    }

    private var imageBlockPrefix: String {
        self == .huggingFace ? "vision_model.encoder.layers.#." : "visual.transformer.resblocks.#."
    }

    private var textBlockPrefix: String {
        switch self {
        case .openCLIP: "transformer.resblocks.#."
        case .openCLIPCustomText: "text.transformer.resblocks.#."
        case .huggingFace: "text_model.encoder.layers.#."
        }
    }

    private var towerRows: [Row] {
        let prefix = self == .openCLIPCustomText ? "text." : ""
        switch self {
        case .openCLIP, .openCLIPCustomText:
            return [
                Row("imageTower.stem.patch.weight", from: "visual.conv1.weight", .channelsSecond),
                Row("imageTower.classToken", from: "visual.class_embedding"),
                Row("imageTower.positions", from: "visual.positional_embedding"),
                Row("imageTower.stemNorm.weight", from: "visual.ln_pre.weight"),
                Row("imageTower.stemNorm.bias", from: "visual.ln_pre.bias"),
                Row("imageTower.finalNorm.weight", from: "visual.ln_post.weight"),
                Row("imageTower.finalNorm.bias", from: "visual.ln_post.bias"),
                Row("imageTower.projection.weight", from: "visual.proj", .transposed),
                Row("textTower.tokenEmbedding.weight", from: prefix + "token_embedding.weight"),
                Row("textTower.positions", from: prefix + "positional_embedding"),
                Row("textTower.finalNorm.weight", from: prefix + "ln_final.weight"),
                Row("textTower.finalNorm.bias", from: prefix + "ln_final.bias"),
                Row(
                    ["textTower.projection.weight"],
                    [(prefix + "text_projection", .transposed), (prefix + "text_projection.weight", .same)]),
                Row("logitScale", from: "logit_scale"),
            ]
        case .huggingFace:
            return [
                Row(
                    "imageTower.stem.patch.weight", from: "vision_model.embeddings.patch_embedding.weight",
                    .channelsSecond),
                Row("imageTower.classToken", from: "vision_model.embeddings.class_embedding"),
                Row("imageTower.positions", from: "vision_model.embeddings.position_embedding.weight"),
                // The library's own spelling.
                Row("imageTower.stemNorm.weight", from: "vision_model.pre_layrnorm.weight"),
                Row("imageTower.stemNorm.bias", from: "vision_model.pre_layrnorm.bias"),
                Row("imageTower.finalNorm.weight", from: "vision_model.post_layernorm.weight"),
                Row("imageTower.finalNorm.bias", from: "vision_model.post_layernorm.bias"),
                Row("imageTower.projection.weight", from: "visual_projection.weight"),
                Row("textTower.tokenEmbedding.weight", from: "text_model.embeddings.token_embedding.weight"),
                Row("textTower.positions", from: "text_model.embeddings.position_embedding.weight"),
                Row("textTower.finalNorm.weight", from: "text_model.final_layer_norm.weight"),
                Row("textTower.finalNorm.bias", from: "text_model.final_layer_norm.bias"),
                Row("textTower.projection.weight", from: "text_projection.weight"),
                Row("logitScale", from: "logit_scale"),
            ]
        }
    }

    private var blockRows: [Row] {
        let pairs: [(String, String)]
        var rows: [Row] = []
        switch self {
        case .openCLIP, .openCLIPCustomText:
            for kind in ["weight", "bias"] {
                rows.append(
                    Row(
                        "attention.query.\(kind)", "attention.key.\(kind)", "attention.value.\(kind)",
                        from: "attn.in_proj_\(kind)"))
            }
            pairs = [
                ("attentionNorm", "ln_1"), ("attention.output", "attn.out_proj"), ("mlpNorm", "ln_2"),
                ("mlp.hidden", "mlp.c_fc"), ("mlp.output", "mlp.c_proj"),
            ]
        case .huggingFace:
            pairs = [
                ("attentionNorm", "layer_norm1"), ("attention.query", "self_attn.q_proj"),
                ("attention.key", "self_attn.k_proj"), ("attention.value", "self_attn.v_proj"),
                ("attention.output", "self_attn.out_proj"), ("mlpNorm", "layer_norm2"), ("mlp.hidden", "mlp.fc1"),
                ("mlp.output", "mlp.fc2"),
            ]
        }
        for (parameter, tensor) in pairs {
            rows.append(Row("\(parameter).weight", from: "\(tensor).weight"))
            rows.append(Row("\(parameter).bias", from: "\(tensor).bias"))
        }
        return rows
    }
}
