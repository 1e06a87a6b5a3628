extension DualEncoderConfiguration {
    /// What an image tower is made of.
    public enum Architecture: Sendable, Equatable {
        /// A vision transformer, described by the other properties of `Vision`.
        case transformer
        /// A convolutional network of depthwise blocks.
        case convNeXt(ConvNeXt)
        /// CLIP's residual network with attention pooling.
        case modifiedResNet(ModifiedResNet)
    }

    /// How a vision transformer's tokens become one vector.
    public enum VisionPooling: String, Sendable, CaseIterable {
        /// The class token.
        case classToken = "tok"
        /// A learned query attends to all tokens, followed by an MLP: the multi-head attention pooling of Zhai et al. 2022.
        case attentionPool = "map"
    }

    /// The perceptron of a vision transformer's block.
    public enum VisionMLP: String, Sendable, CaseIterable {
        /// output(f(hidden(x))).
        case standard
        /// output(silu(gate(x)) · hidden(x)) (Shazeer 2020); the activation is not used.
        case swiGLU
    }

    /// The image tower.
    ///
    /// The initialiser's values describe CLIP's transformer; the properties behind them, whose defaults are that transformer's,
    /// describe its relatives.
    public struct Vision: Sendable, Equatable {
        /// Pixels per side of the square input.
        public var imageSize: Int
        /// Pixels per side of a patch; a power of two for a convolutional stem.
        public var patchSize: Int
        /// Channels C of a token.
        public var width: Int
        /// Transformer blocks.
        public var layerCount: Int
        /// Channels D of one attention head.
        public var headWidth: Int
        /// Hidden width of the MLP over C; the product is truncated.
        public var mlpRatio: Double
        /// How patches become tokens.
        public var stem: Stem

        /// What the tower is made of. For the convolutional networks the properties above are derived from it, and those
        /// below but `imageSize` keep their defaults.
        public private(set) var architecture = Architecture.transformer
        /// Whether a learned token stands before the patches.
        public var hasClassToken = true
        /// Whether tokens are normalised before the first block.
        public var hasStemNorm = true
        /// Whether the patch projection has a bias; for the `patch` stem.
        public var hasPatchBias = false
        /// Added to the variance in every layer normalisation.
        public var normEpsilon: Float = Self.defaultNormEpsilon
        /// The nonlinearity of the MLPs; nil for the model's. A configuration holds it only where it differs.
        public var activation: Activation?
        /// How tokens become one vector.
        public var pooling = VisionPooling.classToken
        /// The blocks' perceptron.
        public var mlp = VisionMLP.standard
        /// Hidden units of the MLP where they are not `mlpRatio` times the width.
        public var mlpWidth: Int?
        /// Whether attended values are normalised before the output projection, and hidden units before theirs (sub-LN).
        public var hasSubNorm = false
        /// Side of the grid that rotary positions are scaled to; nil without rotary positions. See `RotaryTable`.
        public var rotaryGridSize: Int?
        /// Whether the key projection has a bias.
        public var hasKeyBias = true
        /// Whether a linear map leads from the pooled vector to the embedding; without it the width is the embedding's.
        public var hasProjection = true
        /// Whether that map has a bias.
        public var hasProjectionBias = false

        /// CLIP's epsilon.
        public static let defaultNormEpsilon: Float = 1e-5

        /// Describes a transformer; `DualEncoderConfiguration` checks it.
        public init(
            imageSize: Int, patchSize: Int, width: Int, layerCount: Int, headWidth: Int = 64, mlpRatio: Double = 4,
            stem: Stem = .patch
        ) {
            self.imageSize = imageSize
            self.patchSize = patchSize
            self.width = width
            self.layerCount = layerCount
            self.headWidth = headWidth
            self.mlpRatio = mlpRatio
            self.stem = stem
        }

        /// Describes a convolutional network; `patchSize` becomes its total stride, `width` the channels of its features and
        /// `layerCount` its number of blocks.
        public init(imageSize: Int, convNeXt: ConvNeXt) {
            self.init(
                imageSize: imageSize, patchSize: ConvNeXt.stride, width: convNeXt.featureWidth,
                layerCount: convNeXt.blockCount, headWidth: max(1, convNeXt.featureWidth))
            architecture = .convNeXt(convNeXt)
        }

        /// Describes CLIP's residual network; the derived values are as for `init(imageSize:convNeXt:)`.
        public init(imageSize: Int, modifiedResNet: ModifiedResNet) {
            self.init(
                imageSize: imageSize, patchSize: ModifiedResNet.stride, width: modifiedResNet.featureWidth,
                layerCount: modifiedResNet.blockCount, headWidth: max(1, modifiedResNet.featureWidth))
            architecture = .modifiedResNet(modifiedResNet)
        }

        /// Patches per side; pixels beyond the last whole patch are not looked at.
        public var gridSize: Int { imageSize / patchSize }
        /// Patches P per image.
        public var patchCount: Int { gridSize * gridSize }
        /// Tokens per image: the class token, if there is one, and the patches.
        public var tokenCount: Int { patchCount + (hasClassToken ? 1 : 0) }
        /// Attention heads.
        public var headCount: Int { width / headWidth }
        /// Hidden units of the MLP.
        public var hiddenWidth: Int { mlpWidth ?? Int(Double(width) * mlpRatio) }
        /// Bytes of one RGB input image.
        public var imageByteCount: Int { imageSize * imageSize * 3 }

        /// Leaves the activation out where the model's own says the same, so that equal models have equal descriptions.
        func withActivation(relativeTo model: Activation) -> Vision {
            var result = self
            if activation == model { result.activation = nil }
            return result
        }
    }
}
