/// What `vlmpipe encode` is asked for.
public struct EncodeRequest: Sendable {
    /// What is encoded, in this order.
    public enum Input: Sendable {
        /// Paths of pictures.
        case images([String])
        /// Texts.
        case texts([String])
        /// Paths of pictures, one on each line of standard input, read as they are needed.
        case imagesFromStandardInput
        /// Texts, one on each line of standard input; an empty line is an empty text.
        case textsFromStandardInput

        /// Whether pictures are encoded.
        public var isImages: Bool {
            switch self {
            case .images, .imagesFromStandardInput: true
            case .texts, .textsFromStandardInput: false
            }
        }

        /// Number of items, where it is known beforehand.
        var count: Int? {
            switch self {
            case .images(let paths): paths.count
            case .texts(let texts): texts.count
            case .imagesFromStandardInput, .textsFromStandardInput: nil
            }
        }
    }

    /// What is computed of each item.
    public enum Product: Sendable, Equatable {
        /// The embedding, unit length: E floats.
        case embedding
        /// What the tower holds before the projection.
        case features(EncodedFeatures)
        /// The picture as the tower gets it: U8, rows × columns × RGB.
        case pixels
        /// The text's token ids, from the start to the end token.
        case tokens
    }

    /// What is encoded.
    public var input: Input
    /// What is computed.
    public var product: Product
    /// The file that is written, a NumPy array; JSON lines on standard output if nil.
    public var outputPath: String?
    /// Whether pictures are turned upright by their EXIF orientation; the reference libraries do not.
    public var appliesOrientation: Bool
    /// Whether an item that cannot be read becomes a row of NaN, or a line with its error, instead of ending the run.
    public var skipsBadItems: Bool

    /// A request.
    public init(
        input: Input, product: Product, outputPath: String?, appliesOrientation: Bool = true,
        skipsBadItems: Bool = false
    ) {
        self.input = input
        self.product = product
        self.outputPath = outputPath
        self.appliesOrientation = appliesOrientation
        self.skipsBadItems = skipsBadItems
    }
}

/// Vectors of a tower before its projection.
public enum EncodedFeatures: String, Sendable, CaseIterable {
    /// One vector for each item.
    case pooled
    /// One vector for each token, the class token included.
    case tokens
    /// Pictures only: one vector for each patch or place of the last feature map, rows × columns.
    case spatial
}

/// What encoding did.
public struct EncodeReport: Sendable {
    /// Items given.
    public let itemCount: Int
    /// Items that could not be read and were skipped on request.
    public let skippedCount: Int
    /// Texts of which the model's context length left out an end.
    public let truncatedCount: Int
}
