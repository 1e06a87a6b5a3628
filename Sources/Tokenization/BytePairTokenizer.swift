/// A byte-level byte-pair tokenizer: text to token ids and back.
///
/// Immutable, shared freely between threads, deterministic. Made by ``BytePairTrainer`` or read from a model folder.
///
/// ```swift
/// var trainer = BytePairTrainer()
/// for caption in captions { trainer.add(caption) }
/// let tokenizer = try trainer.train()
/// let tokens = tokenizer.encode("An orange cat in the sun", contextLength: 64)  // start … end
/// ```
///
/// Text is cleaned and cut as ``CaptionText`` states; merges work on the UTF-8 bytes of a pre-token, whose last symbol
/// carries CLIP's end-of-word mark. Nothing in a text can become a special token: `<end>` in a caption is five plain
/// characters.
/// The method is Sennrich et al. 2016 (arXiv 1508.07909) over bytes, as in GPT-2 and CLIP.
public struct BytePairTokenizer: Sendable {
    let vocabulary: BytePairVocabulary
    /// What made the vocabulary; kept in its file.
    public let settings: BytePairTrainer.Settings
    /// Pre-tokens whose encoding is a single token, which is nearly all of a caption.
    private let wholeWords: WordTable

    init(vocabulary: BytePairVocabulary, settings: BytePairTrainer.Settings) {
        self.vocabulary = vocabulary
        self.settings = settings
        var words: [(word: PackedWord, id: Int32)] = []
        words.reserveCapacity(vocabulary.count)
        var symbols: [Int32] = []
        var ranks: [Int32] = []
        for (id, token) in vocabulary.tokens.enumerated() where token.endsWord {
            let bytes = token.bytes.span
            guard let word = PackedWord(bytes, 0..<bytes.count) else { continue }
            // A token can be reachable only from inside a longer word; the merges decide, not its presence.
            vocabulary.baseSymbols(bytes, 0..<bytes.count, into: &symbols)
            vocabulary.table.apply(to: &symbols, ranks: &ranks)
            if symbols == [Int32(id)] { words.append((word, Int32(id))) }
        }
        wholeWords = WordTable(words)
    }

    /// Number of token ids, specials included: the row count of a token embedding table. At most what training asked for.
    public var vocabularySize: Int { vocabulary.count }
    /// The id that fills a row behind its end token: 0, which no text encodes to.
    public var padTokenID: Int32 { BytePairVocabulary.padTokenID }
    /// The id that begins every row: 1.
    public var startTokenID: Int32 { BytePairVocabulary.startTokenID }
    /// The id that ends every row, and where a causal tower is pooled: 2.
    public var endTokenID: Int32 { BytePairVocabulary.endTokenID }

    /// The token ids of `text`: start, body, end; not padded, at most `contextLength` of them.
    ///
    /// A longer body is cut, the end token stays; ``encodeReportingTruncation(_:contextLength:)`` says whether that
    /// happened. Traps when `contextLength` is less than 2. Linear in the length of the text.
    public func encode(_ text: String, contextLength: Int) -> [Int32] {
        encodeReportingTruncation(text, contextLength: contextLength).tokens
    }

    /// The token ids of `text` as in ``encode(_:contextLength:)``, and how much of it did not fit.
    public func encodeReportingTruncation(_ text: String, contextLength: Int) -> EncodedText {
        precondition(contextLength >= 2, "encode: context length \(contextLength) has no room for start and end tokens")
        var cleaner = TextCleaner()
        cleaner.clean(text)
        let bytes = cleaner.bytes.span
        var scanner = PreTokenScanner()
        var symbols: [Int32] = []
        var ranks: [Int32] = []
        var tokens: [Int32] = []
        tokens.reserveCapacity(min(contextLength, bytes.count / 3 + 4))
        tokens.append(startTokenID)
        let room = contextLength - 1
        while let range = scanner.next(in: bytes) {
            if tokens.count == room {
                return truncated(tokens, of: bytes, keptEnd: range.lowerBound)
            }
            if let word = PackedWord(bytes, range), let id = wholeWords.id(of: word) {
                tokens.append(id)
                continue
            }
            vocabulary.baseSymbols(bytes, range, into: &symbols)
            vocabulary.table.apply(to: &symbols, ranks: &ranks)
            var keptEnd = range.lowerBound
            for symbol in symbols {
                if tokens.count == room {
                    return truncated(tokens, of: bytes, keptEnd: keptEnd)
                }
                tokens.append(symbol)
                keptEnd += vocabulary.tokens[Int(symbol)].bytes.count
            }
        }
        tokens.append(endTokenID)
        return EncodedText(tokens: tokens, droppedCharacterCount: 0)
    }

    private func truncated(_ tokens: [Int32], of bytes: Span<UInt8>, keptEnd: Int) -> EncodedText {
        EncodedText(
            tokens: tokens + [endTokenID],
            droppedCharacterCount: EncodedText.characterCount(of: bytes, from: keptEnd))
    }

    /// The cleaned text that `tokens` stand for, with a space behind each pre-token but the last.
    ///
    /// Specials are skipped; byte sequences that are not valid UTF-8 (a cut character) become U+FFFD. Traps on an id that is
    /// not in the vocabulary.
    public func decode(_ tokens: some Sequence<Int32>) -> String {
        var bytes: [UInt8] = []
        for id in tokens {
            precondition(id >= 0 && Int(id) < vocabularySize, "decode: id \(id) is not below \(vocabularySize)")
            let token = vocabulary.tokens[Int(id)]
            bytes += token.bytes
            if token.endsWord { bytes.append(0x20) }
        }
        if bytes.last == 0x20 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The string of a token as it stands in `vocab.json`: printable stand-ins for bytes, `</w>` at the end of a word.
    public func tokenText(_ id: Int32) -> String {
        precondition(id >= 0 && Int(id) < vocabularySize, "tokenText: id \(id) is not below \(vocabularySize)")
        return vocabulary.text(of: id)
    }
}
