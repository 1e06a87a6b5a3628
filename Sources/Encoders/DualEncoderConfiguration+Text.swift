extension DualEncoderConfiguration {
    /// Which token's vector stands for a text.
    public enum TextPooling: String, Sendable, CaseIterable {
        /// The first end token.
        case endToken = "eos"
        /// The last position of the context, usually a padding token.
        case last
    }

    /// The text tower: a transformer.
    ///
    /// The initialiser's values describe CLIP's; the properties behind them, whose defaults are CLIP's, describe its relatives.
    public struct Text: Sendable, Equatable {
        /// The most tokens of a text, start and end included.
        public var contextLength: Int
        /// Token ids are below this.
        public var vocabularySize: Int
        /// Channels C of a token.
        public var width: Int
        /// Transformer blocks.
        public var layerCount: Int
        /// Attention heads.
        public var headCount: Int
        /// Hidden width of the MLP over C; the product is truncated.
        public var mlpRatio: Double
        /// The id that ends a text.
        public var endTokenID: Int
        /// The id that fills a text up: looked at only by towers that `isPadded`.
        public var padTokenID: Int

        /// Whether a token sees only itself and those before it.
        public var isCausal = true
        /// Which token's vector is taken.
        public var pooling = TextPooling.endToken
        /// Whether texts are filled up to the context length with `padTokenID`, which takes part in attention. The encoder
        /// does it; tokenizers return texts un-padded.
        public var isPadded = false
        /// Added to the variance in every layer normalisation.
        public var normEpsilon: Float = Vision.defaultNormEpsilon
        /// The nonlinearity of the MLPs; nil for the model's. A configuration holds it only where it differs.
        public var activation: Activation?
        /// Hidden units of the MLP where they are not `mlpRatio` times the width.
        public var mlpWidth: Int?
        /// Whether a linear map leads from the pooled vector to the embedding; without it the width is the embedding's.
        public var hasProjection = true
        /// Whether that map has a bias.
        public var hasProjectionBias = false

        /// Describes CLIP's text tower; `DualEncoderConfiguration` checks it.
        public init(
            contextLength: Int, vocabularySize: Int, width: Int, layerCount: Int, headCount: Int, mlpRatio: Double = 4,
            endTokenID: Int, padTokenID: Int
        ) {
            self.contextLength = contextLength
            self.vocabularySize = vocabularySize
            self.width = width
            self.layerCount = layerCount
            self.headCount = headCount
            self.mlpRatio = mlpRatio
            self.endTokenID = endTokenID
            self.padTokenID = padTokenID
        }

        /// Hidden units of the MLP.
        public var hiddenWidth: Int { mlpWidth ?? Int(Double(width) * mlpRatio) }
        /// Channels D of one attention head.
        public var headWidth: Int { width / headCount }

        /// Leaves the activation out where the model's own says the same, so that equal models have equal descriptions.
        func withActivation(relativeTo model: Activation) -> Text {
            var result = self
            if activation == model { result.activation = nil }
            return result
        }
    }
}
