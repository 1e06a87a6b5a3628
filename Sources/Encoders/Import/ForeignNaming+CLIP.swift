/// The towers of OpenAI's CLIP and what later families kept of them.
extension ForeignNaming {
    /// open_clip's `VisionTransformer`, which has OpenAI's names.
    static func openCLIPImageRows(_ vision: DualEncoderConfiguration.Vision) -> [Row] {
        [
            Row("imageTower.stem.patch.weight", from: "visual.conv1.weight", .channelsSecond),
            Row("imageTower.classToken", from: "visual.class_embedding"),
            Row("imageTower.positions", from: "visual.positional_embedding"),
        ] + pair("imageTower.stemNorm", "visual.ln_pre") + pair("imageTower.finalNorm", "visual.ln_post") + [
            Row("imageTower.projection.weight", from: "visual.proj", .transposed)
        ] + blocks(vision.layerCount, "imageTower.blocks", "visual.transformer.resblocks", openCLIPBlockRows)
    }

    /// open_clip's `TextTransformer`; a projection that is a matrix is [C, E], one that is a linear map [E, C].
    static func openCLIPTextRows(_ text: DualEncoderConfiguration.Text, prefix: String) -> [Row] {
        var rows =
            [
                Row("textTower.tokenEmbedding.weight", from: prefix + "token_embedding.weight"),
                Row("textTower.positions", from: prefix + "positional_embedding"),
            ] + pair("textTower.finalNorm", prefix + "ln_final")
            + blocks(text.layerCount, "textTower.blocks", prefix + "transformer.resblocks", openCLIPBlockRows)
        if text.hasProjectionBias {
            rows += pair("textTower.projection", prefix + "text_projection")
        } else if text.hasProjection {
            rows.append(
                Row(
                    ["textTower.projection.weight"],
                    [(prefix + "text_projection", .transposed), (prefix + "text_projection.weight", .same)]))
        }
        return rows
    }

    /// `CLIPVisionTransformer` of transformers.
    static func huggingFaceCLIPImageRows(_ vision: DualEncoderConfiguration.Vision) -> [Row] {
        [
            Row(
                "imageTower.stem.patch.weight", from: "vision_model.embeddings.patch_embedding.weight", .channelsSecond),
            Row("imageTower.classToken", from: "vision_model.embeddings.class_embedding"),
            Row("imageTower.positions", from: "vision_model.embeddings.position_embedding.weight"),
        ]
            // The library's own spelling.
            + pair("imageTower.stemNorm", "vision_model.pre_layrnorm")
            + pair("imageTower.finalNorm", "vision_model.post_layernorm") + [
                Row("imageTower.projection.weight", from: "visual_projection.weight")
            ]
            + blocks(vision.layerCount, "imageTower.blocks", "vision_model.encoder.layers", huggingFaceBlockRows)
    }

    /// `CLIPTextTransformer` and `SiglipTextTransformer` of transformers: the latter's projection is a head with a bias.
    static func huggingFaceTextRows(_ text: DualEncoderConfiguration.Text) -> [Row] {
        [
            Row("textTower.tokenEmbedding.weight", from: "text_model.embeddings.token_embedding.weight"),
            Row("textTower.positions", from: "text_model.embeddings.position_embedding.weight"),
        ] + pair("textTower.finalNorm", "text_model.final_layer_norm")
            + (text.hasProjectionBias
                ? pair("textTower.projection", "text_model.head")
                : [Row("textTower.projection.weight", from: "text_projection.weight")])
            + blocks(text.layerCount, "textTower.blocks", "text_model.encoder.layers", huggingFaceBlockRows)
    }

    /// Query, key and value are one tensor, in this order.
    static let openCLIPBlockRows =
        ["weight", "bias"].map { kind in
            Row(
                "attention.query.\(kind)", "attention.key.\(kind)", "attention.value.\(kind)",
                from: "attn.in_proj_\(kind)")
        } + pair("attentionNorm", "ln_1") + pair("attention.output", "attn.out_proj") + pair("mlpNorm", "ln_2")
        + pair("mlp.hidden", "mlp.c_fc") + pair("mlp.output", "mlp.c_proj")

    static let huggingFaceBlockRows =
        pair("attentionNorm", "layer_norm1") + pair("attention.query", "self_attn.q_proj")
        + pair("attention.key", "self_attn.k_proj") + pair("attention.value", "self_attn.v_proj")
        + pair("attention.output", "self_attn.out_proj") + pair("mlpNorm", "layer_norm2")
        + pair("mlp.hidden", "mlp.fc1") + pair("mlp.output", "mlp.fc2")
}
