/// The image tower of SigLIP and SigLIP 2: patches with a bias, no class token, attention pooling.
extension ForeignNaming {
    /// timm's `VisionTransformer` as the trunk of open_clip's `TimmModel`; single vectors are [1, 1, C] there.
    static func timmSigLIPRows(_ vision: DualEncoderConfiguration.Vision) -> [Row] {
        let trunk = "visual.trunk"
        let block =
            ["weight", "bias"].map { kind in
                Row(
                    "attention.query.\(kind)", "attention.key.\(kind)", "attention.value.\(kind)",
                    from: "attn.qkv.\(kind)")
            } + pair("attentionNorm", "norm1") + pair("attention.output", "attn.proj") + pair("mlpNorm", "norm2")
            + pair("mlp.hidden", "mlp.fc1") + pair("mlp.output", "mlp.fc2")
        let pool = "imageTower.pool"
        return pair("imageTower.stem.patch", "\(trunk).patch_embed.proj", .channelsSecond)
            + [Row("imageTower.positions", from: "\(trunk).pos_embed")] + pair("imageTower.finalNorm", "\(trunk).norm")
            + [Row("\(pool).probe", from: "\(trunk).attn_pool.latent")]
            + pair("\(pool).attention.query", "\(trunk).attn_pool.q")
            + ["weight", "bias"].map { kind in
                Row(
                    "\(pool).attention.key.\(kind)", "\(pool).attention.value.\(kind)",
                    from: "\(trunk).attn_pool.kv.\(kind)")
            } + pair("\(pool).attention.output", "\(trunk).attn_pool.proj")
            + pair("\(pool).mlpNorm", "\(trunk).attn_pool.norm")
            + pair("\(pool).mlp.hidden", "\(trunk).attn_pool.mlp.fc1")
            + pair("\(pool).mlp.output", "\(trunk).attn_pool.mlp.fc2")
            + blocks(vision.layerCount, "imageTower.blocks", "\(trunk).blocks", block)
    }

    /// `SiglipVisionTransformer` of transformers.
    static func huggingFaceSigLIPImageRows(_ vision: DualEncoderConfiguration.Vision) -> [Row] {
        let (pool, head) = ("imageTower.pool", "vision_model.head")
        return pair("imageTower.stem.patch", "vision_model.embeddings.patch_embedding", .channelsSecond)
            + [Row("imageTower.positions", from: "vision_model.embeddings.position_embedding.weight")]
            + pair("imageTower.finalNorm", "vision_model.post_layernorm")
            + [Row("\(pool).probe", from: "\(head).probe")]
            + ["weight", "bias"].map { kind in
                Row(
                    "\(pool).attention.query.\(kind)", "\(pool).attention.key.\(kind)",
                    "\(pool).attention.value.\(kind)", from: "\(head).attention.in_proj_\(kind)")
            } + pair("\(pool).attention.output", "\(head).attention.out_proj")
            + pair("\(pool).mlpNorm", "\(head).layernorm") + pair("\(pool).mlp.hidden", "\(head).mlp.fc1")
            + pair("\(pool).mlp.output", "\(head).mlp.fc2")
            + blocks(vision.layerCount, "imageTower.blocks", "vision_model.encoder.layers", huggingFaceBlockRows)
    }
}
