import Encoders
import Samples
import Tokenization
import Training

/// Everything that decides an in-house training run: towers, tokenizer, augmentation, optimisation.
///
/// Written as YAML (`Schemas/training-recipe.schema.json`); every setting but `version` has a default, and the resolved
/// values are saved with the run. Two runs with equal recipe and equal data give equal weights.
public struct EncoderRecipe: Sendable, Equatable, Codable {
    /// Shape of the image tower.
    public struct Image: Sendable, Equatable, Codable {
        /// Pixels per side.
        public var size: Int
        /// Pixels per side of a patch.
        public var patch: Int
        /// `patch` or `convolutional`.
        public var stem: String
        /// Channels of a token.
        public var width: Int
        /// Transformer blocks.
        public var layers: Int
        /// Channels of an attention head.
        public var headWidth: Int
    }

    /// Shape of the text tower and its vocabulary.
    public struct Text: Sendable, Equatable, Codable {
        /// The most tokens of a text.
        public var context: Int
        /// Size of the byte-pair vocabulary that is trained on the captions; fewer if the captions do not hold as many.
        public var vocabulary: Int
        /// Channels of a token.
        public var width: Int
        /// Transformer blocks.
        public var layers: Int
        /// Attention heads.
        public var heads: Int
    }

    /// Version of the recipe's form.
    public static let formatVersion = "0.1"

    /// Version of the form.
    public var version = EncoderRecipe.formatVersion
    /// Seed of everything that is drawn.
    public var seed: UInt64
    /// Channels of an embedding.
    public var embedding: Int
    /// Image tower.
    public var image: Image
    /// Text tower.
    public var text: Text
    /// Changes to images during training.
    public var augmentation: Augmentation
    /// Optimisation.
    public var training: TrainingRecipe
}

extension EncoderRecipe {
    /// Reads a recipe file; `nil` gives the default recipe.
    ///
    /// - Throws: `WorkflowError` listing every problem of the file.
    public init(path: String?, seed: UInt64?) throws {
        let document =
            if let path { try SettingsDocument(path: path) } else {
                try SettingsDocument(text: "version: \"\(Self.formatVersion)\"", name: "the default recipe")
            }
        try self.init(document: document, seed: seed)
    }

    /// Reads a recipe from settings; `seed` replaces the one in it.
    init(document: SettingsDocument, seed: UInt64?) throws {
        let root = document.root
        let version = root.text("version")
        if !version.isEmpty, version != Self.formatVersion {
            root.report("version", "is '\(version)'; this build reads \(Self.formatVersion)")
        }
        let stated = UInt64(root.integer("seed", default: 1, in: 0...Int.max))
        self.seed = seed ?? stated
        embedding = root.integer("embedding", default: 192, in: 1...16384)

        let image = root.section("image")
        self.image = Image(
            size: image.integer("size", default: 64, in: 8...4096),
            patch: image.integer("patch", default: 8, in: 1...512),
            stem: image.choice("stem", default: DualEncoderConfiguration.Stem.convolutional).rawValue,
            width: image.integer("width", default: 192, in: 1...16384),
            layers: image.integer("layers", default: 4, in: 1...256),
            headWidth: image.integer("headWidth", default: 64, in: 1...16384))
        let text = root.section("text")
        self.text = Text(
            context: text.integer("context", default: 32, in: 3...65536),
            vocabulary: text.integer("vocabulary", default: 8192, in: 515...1_000_000),
            width: text.integer("width", default: 192, in: 1...16384),
            layers: text.integer("layers", default: 3, in: 1...256),
            heads: text.integer("heads", default: 3, in: 1...1024))
        let changes = root.section("augmentation")
        augmentation = Augmentation(
            cropScale: changes.numbers("cropScale", default: [0.6, 1], count: 2, in: 0.01...1),
            cropRatio: changes.numbers("cropRatio", default: [0.75, 4.0 / 3], count: 2, in: 0.1...10),
            flip: changes.number("flip", default: 0, in: 0...1),
            brightness: changes.number("brightness", default: 0, in: 0...1),
            contrast: changes.number("contrast", default: 0, in: 0...1),
            saturation: changes.number("saturation", default: 0, in: 0...1),
            hue: changes.number("hue", default: 0, in: 0...0.5))
        for (key, range) in [("cropScale", augmentation.cropScale), ("cropRatio", augmentation.cropRatio)]
        where range[0] > range[1] {
            changes.report(key, "must name the smaller bound first")
        }
        training = root.decoded("training", as: TrainingRecipe.self) ?? TrainingRecipe()
        training.seed = self.seed
        try document.finish()
    }

    /// The dual encoder's configuration for a vocabulary of this size.
    ///
    /// - Throws: `EncodersError` listing what does not fit together.
    func configuration(tokenizer: BytePairTokenizer) throws -> DualEncoderConfiguration {
        guard let stem = DualEncoderConfiguration.Stem(rawValue: image.stem) else {
            preconditionFailure("the recipe's stem '\(image.stem)' was checked when it was read")
        }
        return try DualEncoderConfiguration(
            embeddingDimension: embedding,
            vision: .init(
                imageSize: image.size, patchSize: image.patch, width: image.width, layerCount: image.layers,
                headWidth: image.headWidth, stem: stem),
            text: .init(
                contextLength: text.context, vocabularySize: tokenizer.vocabularySize, width: text.width,
                layerCount: text.layers, headCount: text.heads, endTokenID: Int(tokenizer.endTokenID),
                padTokenID: Int(tokenizer.padTokenID)))
    }

    /// SHA-256 over the resolved recipe's sorted JSON.
    func digest() throws -> Digest {
        Digest(hashing: try JSONFile.text(self))
    }
}
