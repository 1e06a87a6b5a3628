import Foundation

/// The tokenizer of a model, whichever kind it is: the one type that callers hold.
public enum TextTokenizer: Sendable {
    /// A vocabulary that this program trained.
    case bytePair(BytePairTokenizer)
    /// The vocabulary of a public CLIP checkpoint.
    case clip(ClipTokenizer)

    /// Reads the tokenizer of a model folder: this program's own when its file is there, a CLIP one otherwise.
    ///
    /// The two settings apply to CLIP tokenizers only. Throws when files are missing (and names them) or damaged.
    public init(
        directory: URL, cleaning: ClipCleaning, specialStrings: ClipTokenizer.SpecialStrings = .escaped
    ) throws(TokenizationError) {
        let own = directory.appending(path: BytePairTokenizer.fileName)
        if FileManager.default.fileExists(atPath: own.path) {
            self = .bytePair(try BytePairTokenizer(directory: directory))
        } else {
            self = .clip(try ClipTokenizer(directory: directory, cleaning: cleaning, specialStrings: specialStrings))
        }
    }

    /// Number of token ids, specials included.
    public var vocabularySize: Int {
        switch self {
        case .bytePair(let tokenizer): tokenizer.vocabularySize
        case .clip(let tokenizer): tokenizer.vocabularySize
        }
    }

    /// The id that begins every row.
    public var startTokenID: Int32 {
        switch self {
        case .bytePair(let tokenizer): tokenizer.startTokenID
        case .clip(let tokenizer): tokenizer.startTokenID
        }
    }

    /// The id that ends every row.
    public var endTokenID: Int32 {
        switch self {
        case .bytePair(let tokenizer): tokenizer.endTokenID
        case .clip(let tokenizer): tokenizer.endTokenID
        }
    }

    /// The id that fills a row behind its end token.
    public var padTokenID: Int32 {
        switch self {
        case .bytePair(let tokenizer): tokenizer.padTokenID
        case .clip(let tokenizer): tokenizer.padTokenID
        }
    }

    /// The token ids of `text`: start, body, end; not padded, at most `contextLength` of them, of which the last is always
    /// the end token. Traps when `contextLength` is less than 2.
    public func encode(_ text: String, contextLength: Int) -> [Int32] {
        encodeReportingTruncation(text, contextLength: contextLength).tokens
    }

    /// The token ids of `text` as in ``encode(_:contextLength:)``, and how much of it did not fit.
    public func encodeReportingTruncation(_ text: String, contextLength: Int) -> EncodedText {
        switch self {
        case .bytePair(let tokenizer): tokenizer.encodeReportingTruncation(text, contextLength: contextLength)
        case .clip(let tokenizer): tokenizer.encodeReportingTruncation(text, contextLength: contextLength)
        }
    }
}
