import Foundation

/// The tokenizer of a model, whichever kind it is: the one type that callers hold.
public enum TextTokenizer: Sendable {
    /// A vocabulary that this program trained.
    case bytePair(BytePairTokenizer)
    /// The vocabulary of a public CLIP checkpoint.
    case clip(ClipTokenizer)
    /// The vocabulary of a public SigLIP or SigLIP 2 checkpoint.
    case sentencePiece(SentencePieceTokenizer)

    /// Reads the tokenizer of a folder, recognised by what its files hold: this program's own when its file is there; else
    /// `tokenizer.json`, `vocab.json` with `merges.txt`, `bpe_simple_vocab_16e6.txt` (also as `.gz`), `spiece.model`,
    /// `sentencepiece.model` or `tokenizer.model`. With ``TextCleaning/huggingFaceSlow`` a sentencepiece file goes first.
    ///
    /// The two settings apply to imported tokenizers only. Throws when files are missing (and names them), damaged, or of a
    /// kind that is not supported.
    public init(
        directory: URL, cleaning: TextCleaning, specialStrings: SpecialStrings = .escaped
    ) throws(TokenizationError) {
        if Self.hasOwnFile(directory) {
            self = .bytePair(try BytePairTokenizer(directory: directory))
            return
        }
        let folder = try TokenizerFolder(directory, cleaning: cleaning)
        let settings = try folder.settings()
        let vocabulary = try folder.vocabulary(settings)
        self = try folder.checked(folder.form.names[0]) { () throws(TokenFileProblem) in
            if case .clip = vocabulary {
                .clip(
                    try ClipTokenizer(
                        vocabulary: vocabulary, settings: settings, cleaning: cleaning, specialStrings: specialStrings))
            } else {
                .sentencePiece(
                    try SentencePieceTokenizer(
                        vocabulary: vocabulary, settings: settings, cleaning: cleaning, specialStrings: specialStrings))
            }
        }
    }

    /// Names of the files in a folder that ``init(directory:cleaning:specialStrings:)`` reads, for a model's digest. Throws an
    /// error that says which files are missing when there is no whole vocabulary.
    public static func fileNames(
        inDirectory directory: URL, cleaning: TextCleaning
    ) throws(TokenizationError) -> [String] {
        if hasOwnFile(directory) { return [BytePairTokenizer.fileName] }
        return try TokenizerFolder(directory, cleaning: cleaning).fileNames
    }

    /// The cleaning of the reference library for the files of a folder, for when nobody has said which.
    ///
    /// With `openClipCleaning`, the `clean` of an open_clip configuration's `tokenizer_kwargs`, that is it; it is `lower` for
    /// CLIP vocabularies and `whitespace` for others where an open_clip configuration is silent (pass an empty string).
    /// Without (nil), it is that of transformers: its Python class for SigLIP's unigram pieces, its `Siglip2Tokenizer` where
    /// `tokenizer_config.json` names it, and the files' own rules otherwise. Reads the whole vocabulary.
    public static func referenceCleaning(
        inDirectory directory: URL, openClipCleaning: String?
    ) throws(TokenizationError) -> TextCleaning {
        if let known = openClipCleaning.flatMap(TextCleaning.init(openClipName:)) { return known }
        let folder = try TokenizerFolder(directory, cleaning: .huggingFaceFast)
        let settings = try folder.settings()
        switch try folder.vocabulary(settings) {
        case .clip: return openClipCleaning == nil ? .huggingFaceFast : .openClip
        case _ where openClipCleaning != nil: return .openClipWhitespace
        case .sentencePiece(let file): return file.algorithm == .unigram ? .huggingFaceSlow : .huggingFaceLowercase
        case .pieces(let json):
            if case .unigram = json.model { return .huggingFaceSlow }
            return settings.className == "Siglip2Tokenizer" ? .huggingFaceLowercase : .huggingFaceFast
        }
    }

    private static func hasOwnFile(_ directory: URL) -> Bool {
        FileManager.default.fileExists(atPath: directory.appending(path: BytePairTokenizer.fileName).path)
    }

    /// Number of token ids, specials included.
    public var vocabularySize: Int {
        switch self {
        case .bytePair(let tokenizer): tokenizer.vocabularySize
        case .clip(let tokenizer): tokenizer.vocabularySize
        case .sentencePiece(let tokenizer): tokenizer.vocabularySize
        }
    }

    /// The id that begins every row, if one does.
    public var startTokenID: Int32? {
        switch self {
        case .bytePair(let tokenizer): tokenizer.startTokenID
        case .clip(let tokenizer): tokenizer.startTokenID
        case .sentencePiece(let tokenizer): tokenizer.startTokenID
        }
    }

    /// The id that ends every row.
    public var endTokenID: Int32 {
        switch self {
        case .bytePair(let tokenizer): tokenizer.endTokenID
        case .clip(let tokenizer): tokenizer.endTokenID
        case .sentencePiece(let tokenizer): tokenizer.endTokenID
        }
    }

    /// The id that fills a row behind its end token.
    public var padTokenID: Int32 {
        switch self {
        case .bytePair(let tokenizer): tokenizer.padTokenID
        case .clip(let tokenizer): tokenizer.padTokenID
        case .sentencePiece(let tokenizer): tokenizer.padTokenID
        }
    }

    /// The token ids of `text`: start where there is one, body, end; not padded, at most `contextLength` of them, of which the last is always
    /// the end token. Traps when `contextLength` is less than 2.
    public func encode(_ text: String, contextLength: Int) -> [Int32] {
        encodeReportingTruncation(text, contextLength: contextLength).tokens
    }

    /// The token ids of `text` as in ``encode(_:contextLength:)``, and how much of it did not fit.
    public func encodeReportingTruncation(_ text: String, contextLength: Int) -> EncodedText {
        switch self {
        case .bytePair(let tokenizer): tokenizer.encodeReportingTruncation(text, contextLength: contextLength)
        case .clip(let tokenizer): tokenizer.encodeReportingTruncation(text, contextLength: contextLength)
        case .sentencePiece(let tokenizer):
            tokenizer.encodeReportingTruncation(text, contextLength: contextLength)
        }
    }
}
