/// The byte-pair tokenizer of public CLIP checkpoints, read from their files.
///
/// Immutable, shared freely between threads, deterministic. The same text gives the ids of the library that ``cleaning``
/// names:
///
/// ```swift
/// let tokenizer = try ClipTokenizer(directory: folder, cleaning: .openClip)
/// let tokens = tokenizer.encode("a photo of a cat", contextLength: 77)  // 49406 320 1125 539 320 2368 49407
/// ```
public struct ClipTokenizer: Sendable {
    /// A string that stands for one id when special strings are recognised.
    struct SpecialString: Sendable {
        /// Where it is looked for.
        enum Place: Sendable { case givenText, cleanedText, startOfPreToken }

        var text: String
        var id: Int32
        var place: Place
    }

    let vocabulary: ClipVocabulary
    /// How texts are cleaned.
    public let cleaning: TextCleaning
    /// What happens to the names of special tokens in a text.
    public let specialStrings: SpecialStrings
    /// The id that fills a row behind its end token.
    public let padTokenID: Int32
    private let givenTextSplitter: StringSplitter
    private let cleanedTextSplitter: StringSplitter
    private let preTokenSpecials: [StringSplitter.Entry]

    init(
        vocabulary: ClipVocabulary, cleaning: TextCleaning, specialStrings: SpecialStrings, padTokenID: Int32,
        specials: [SpecialString]
    ) {
        self.vocabulary = vocabulary
        self.cleaning = cleaning
        self.specialStrings = specialStrings
        self.padTokenID = padTokenID
        let active = specialStrings == .recognised ? specials.filter { !$0.text.isEmpty } : []
        func entries(_ place: SpecialString.Place) -> [StringSplitter.Entry] {
            active.filter { $0.place == place }.map {
                let bytes = place == .givenText ? Array($0.text.utf8) : cleaning.cleanedBytes($0.text)
                return StringSplitter.Entry(bytes: bytes, id: $0.id)
            }
        }
        givenTextSplitter = StringSplitter(entries(.givenText))
        cleanedTextSplitter = StringSplitter(entries(.cleanedText))
        preTokenSpecials = entries(.startOfPreToken)
    }

    /// The context length of nearly every CLIP checkpoint.
    public static let standardContextLength = 77

    /// Number of token ids, specials included: the row count of a token embedding table.
    public var vocabularySize: Int { vocabulary.count }
    /// The id that begins every row: 49406 in the public vocabulary.
    public var startTokenID: Int32 { vocabulary.startTokenID }
    /// The id that ends every row, and where a causal tower is pooled: 49407 in the public vocabulary.
    public var endTokenID: Int32 { vocabulary.endTokenID }

    /// The token ids of `text`: start, body, end; not padded, at most `contextLength` of them.
    ///
    /// A longer body is cut, the end token stays; ``encodeReportingTruncation(_:contextLength:)`` says whether that
    /// happened. Traps when `contextLength` is less than 2. Time n log n in the length of the text at most.
    public func encode(_ text: String, contextLength: Int) -> [Int32] {
        encodeReportingTruncation(text, contextLength: contextLength).tokens
    }

    /// The token ids of `text` as in ``encode(_:contextLength:)``, and how much of it did not fit.
    public func encodeReportingTruncation(_ text: String, contextLength: Int) -> EncodedText {
        precondition(contextLength >= 2, "encode: context length \(contextLength) has no room for start and end tokens")
        var encoded = EncodedText(tokens: [startTokenID], droppedCharacterCount: 0)
        let room = contextLength - 1
        let words = vocabulary.wholeWords()
        for given in givenTextSplitter.pieces(of: Array(text.utf8)) {
            guard case .text(let given) = given else {
                append(given, to: &encoded, room: room, words: words)
                continue
            }
            let cleaned = cleaning.cleanedBytes(String(decoding: given, as: UTF8.self))
            for piece in cleanedTextSplitter.pieces(of: cleaned) {
                append(piece, to: &encoded, room: room, words: words)
            }
        }
        encoded.tokens.append(endTokenID)
        return encoded
    }

    private func append(
        _ piece: StringSplitter.Piece, to encoded: inout EncodedText, room: Int, words: WordTable?
    ) {
        switch piece {
        case .text(let cleaned):
            append(cleaned, to: &encoded, room: room, words: words)
        case .id(let id) where encoded.tokens.count < room && !encoded.wasTruncated:
            encoded.tokens.append(id)
        case .id:
            encoded.droppedCharacterCount += 1
        }
    }

    private func append(_ cleaned: [UInt8], to encoded: inout EncodedText, room: Int, words: WordTable?) {
        let bytes = cleaned.span
        if encoded.wasTruncated {
            encoded.droppedCharacterCount += EncodedText.characterCount(of: bytes, from: 0)
            return
        }
        var scanner = ClipScanner(specials: preTokenSpecials.map(\.bytes), ignoresCase: cleaning.patternIgnoresCase)
        var symbols: [Int32] = []
        var ranks: [Int32] = []
        while let preToken = scanner.next(in: bytes) {
            var keptEnd = preToken.range.lowerBound
            if encoded.tokens.count == room {
                encoded.droppedCharacterCount += EncodedText.characterCount(of: bytes, from: keptEnd)
                return
            }
            if let special = preToken.special {
                symbols = [preTokenSpecials[special].id]
            } else {
                vocabulary.encode(bytes, preToken.range, into: &symbols, ranks: &ranks, words: words)
            }
            for symbol in symbols {
                if encoded.tokens.count == room {
                    encoded.droppedCharacterCount += EncodedText.characterCount(of: bytes, from: keptEnd)
                    return
                }
                encoded.tokens.append(symbol)
                keptEnd += Int(vocabulary.byteCounts[Int(symbol)])
            }
        }
    }
}
