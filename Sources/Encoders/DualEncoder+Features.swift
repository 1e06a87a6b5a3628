import Kernels

extension DualEncoder {
    /// What the image tower holds before its projection.
    public enum ImageFeature: String, Sendable, CaseIterable {
        /// One vector [C], what the projection is applied to.
        ///
        /// | tower | transformers | open_clip |
        /// | --- | --- | --- |
        /// | ViT CLIP | `vision_model(…).pooler_output` | `visual.ln_post` of the class token |
        /// | SigLIP | `vision_model(…).pooler_output` | `visual.trunk(…)` |
        /// | EVA02 | – | `visual.trunk.norm` of the class token |
        /// | ConvNeXt | – | `visual.trunk(…)` |
        /// | modified ResNet | – | `visual.attnpool` before `c_proj` |
        case pooled
        /// All tokens [tokens, C] after the final norm, the class token first; of a convolutional network the cells of the last stage in
        /// row order.
        ///
        /// | tower | transformers | open_clip |
        /// | --- | --- | --- |
        /// | ViT CLIP | `post_layernorm` of `last_hidden_state`, which that library leaves without it | `visual.ln_post(…)` |
        /// | SigLIP | `vision_model(…).last_hidden_state` | `visual.trunk.forward_features(…)` |
        /// | EVA02 | – | `visual.trunk.forward_features(…)` |
        /// | ConvNeXt | – | `visual.trunk.forward_features(…)`, channels last |
        /// | modified ResNet | – | `visual.layer4(…)`, channels last |
        case tokens
        /// The tokens of the patches alone, or the cells, as a grid [rows, columns, C].
        case spatial
    }

    /// What the text tower holds before its projection.
    public enum TextFeature: String, Sendable, CaseIterable {
        /// One vector [C], what the projection is applied to: `ln_final` of the pooled token in open_clip, in transformers the
        /// `pooler_output` of `CLIPTextModel` and the last row of `SiglipTextModel`'s `last_hidden_state` (its `pooler_output` is
        /// projected).
        case pooled
        /// The tokens [L, C] after the final norm: `last_hidden_state` in transformers, `ln_final(…)` in open_clip; up to and including
        /// the end token of a causal tower pooled there, else all of the context, padding included.
        case tokens
    }

    /// The extents of one image's features, outermost first.
    public func shape(of feature: ImageFeature) -> [Int] {
        let vision = configuration.vision
        let prefixCount = imagePrefixCount
        return switch feature {
        case .pooled: [vision.width]
        case .tokens: [prefixCount + vision.patchCount, vision.width]
        case .spatial: [vision.gridSize, vision.gridSize, vision.width]
        }
    }

    /// Features of `count` images as `encodeImages` takes them: [count] + `shape(of:)`, not of unit length.
    public func imageFeatures(_ pixels: [UInt8], count: Int, _ feature: ImageFeature) -> [Float] {
        let output: TowerOutput = feature == .pooled ? .pooled : .tokens
        let prefix = feature == .spatial ? imagePrefixCount * configuration.vision.width : 0
        let used = shape(of: feature).reduce(1, *)
        var result: [Float] = []
        result.reserveCapacity(count * used)
        forEachImageSlice(pixels, count: count, output: output) { region, rowCount in
            let rowLength = region.count / computedImageCount(rowCount)
            for row in 0..<rowCount {
                result += region.region(at: row * rowLength + prefix, count: used).array
            }
        }
        return result
    }

    /// Features of texts as `encodeTexts` takes them, in the order given: [C], or [L, C] with each text's own L; not of unit length.
    public func textFeatures(_ tokens: [[Int32]], _ feature: TextFeature) -> [[Float]] {
        let width = configuration.text.width
        var result = [[Float]](repeating: [], count: tokens.count)
        forEachTextSlice(tokens, output: feature == .pooled ? .pooled : .tokens) { region, batch, texts in
            for (index, text) in texts.enumerated() {
                let rows =
                    feature == .pooled
                    ? index..<index + 1
                    : Int(batch.sequences.offsets[index])..<Int(batch.sequences.offsets[index + 1])
                result[text] = region.region(at: rows.lowerBound * width, count: rows.count * width).array
            }
        }
        return result
    }

    /// Tokens before those of the patches.
    private var imagePrefixCount: Int {
        let vision = configuration.vision
        return vision.architecture == .transformer && vision.hasClassToken ? 1 : 0
    }
}
