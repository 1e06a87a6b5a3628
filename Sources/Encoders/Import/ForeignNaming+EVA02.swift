extension ForeignNaming {
    /// timm's `Eva` in the form of EVA02-CLIP as the trunk of open_clip's `TimmModel`: query, key and value apart, keys without a
    /// bias, a gated perceptron, norms inside attention and perceptron. Rotary positions have no tensors.
    static func timmEVA02Rows(_ vision: DualEncoderConfiguration.Vision) -> [Row] {
        let trunk = "visual.trunk"
        let block =
            pair("attentionNorm", "norm1") + pair("attention.query", "attn.q_proj")
            + [Row("attention.key.weight", from: "attn.k_proj.weight")] + pair("attention.value", "attn.v_proj")
            + pair("attention.norm", "attn.norm") + pair("attention.output", "attn.proj") + pair("mlpNorm", "norm2")
            + pair("mlp.gate", "mlp.fc1_g") + pair("mlp.hidden", "mlp.fc1_x") + pair("mlp.norm", "mlp.norm")
            + pair("mlp.output", "mlp.fc2")
        return pair("imageTower.stem.patch", "\(trunk).patch_embed.proj", .channelsSecond)
            + [
                Row("imageTower.classToken", from: "\(trunk).cls_token"),
                Row("imageTower.positions", from: "\(trunk).pos_embed"),
            ] + pair("imageTower.finalNorm", "\(trunk).norm") + pair("imageTower.projection", "\(trunk).head")
            + blocks(vision.layerCount, "imageTower.blocks", "\(trunk).blocks", block)
    }
}
