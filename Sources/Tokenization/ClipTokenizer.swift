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
    /// What happens to the name of a special token, such as `<|endoftext|>`, in a text.
    public enum SpecialStrings: String, Sendable, CaseIterable, Codable {
        /// It is text like any other, so that no caption or query can end itself early.
        case escaped
        /// It becomes the special token, as in the reference libraries. For comparisons with them.
        case recognised
    }

    /// A string that stands for one id when special strings are recognised.
    struct SpecialString: Sendable {
        /// Where it is looked for.
        enum Place: Sendable { case givenText, cleanedText, startOfPreToken }

        var text: String
        var id: Int32
        var place: Place
    }

    /// A special string in UTF-8.
    private struct SpecialBytes: Sendable {
        var bytes: [UInt8]
        var id: Int32
    }

    let vocabulary: ClipVocabulary
    /// How texts are cleaned.
    public let cleaning: ClipCleaning
    /// What happens to the names of special tokens in a text.
    public let specialStrings: SpecialStrings
    /// The id that fills a row behind its end token.
    public let padTokenID: Int32
    private let givenTextSpecials: [SpecialBytes]
    private let cleanedTextSpecials: [SpecialBytes]
    private let preTokenSpecials: [SpecialBytes]

    init(
        vocabulary: ClipVocabulary, cleaning: ClipCleaning, specialStrings: SpecialStrings, padTokenID: Int32,
        specials: [SpecialString]
    ) {
        self.vocabulary = vocabulary
        self.cleaning = cleaning
        self.specialStrings = specialStrings
        self.padTokenID = padTokenID
        let active = specialStrings == .recognised ? specials.filter { !$0.text.isEmpty } : []
        func bytes(_ place: SpecialString.Place) -> [SpecialBytes] {
            active.filter { $0.place == place }.map {
                let bytes = place == .givenText ? Array($0.text.utf8) : cleaning.cleanedBytes($0.text)
                return SpecialBytes(bytes: bytes, id: $0.id)
            }
        }
        givenTextSpecials = bytes(.givenText)
        cleanedTextSpecials = bytes(.cleanedText)
        preTokenSpecials = bytes(.startOfPreToken)
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
        for given in Self.pieces(of: Array(text.utf8), specials: givenTextSpecials) {
            guard case .text(let given) = given else {
                append(given, to: &encoded, room: room)
                continue
            }
            let cleaned = cleaning.cleanedBytes(String(decoding: given, as: UTF8.self))
            for piece in Self.pieces(of: cleaned, specials: cleanedTextSpecials) {
                append(piece, to: &encoded, room: room)
            }
        }
        encoded.tokens.append(endTokenID)
        return encoded
    }

    private func append(_ piece: Piece, to encoded: inout EncodedText, room: Int) {
        switch piece {
        case .text(let cleaned):
            append(cleaned, to: &encoded, room: room)
        case .special(let id) where encoded.tokens.count < room && !encoded.wasTruncated:
            encoded.tokens.append(id)
        case .special:
            encoded.droppedCharacterCount += 1
        }
    }

    private func append(_ cleaned: [UInt8], to encoded: inout EncodedText, room: Int) {
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
                vocabulary.encode(bytes, preToken.range, into: &symbols, ranks: &ranks)
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

    private enum Piece {
        case text([UInt8])
        case special(Int32)
    }

    /// The text cut at special strings: leftmost first, then the longest.
    private static func pieces(of text: [UInt8], specials: [SpecialBytes]) -> [Piece] {
        guard !specials.isEmpty else { return [.text(text)] }
        var pieces: [Piece] = []
        var start = 0
        var index = 0
        while index < text.count {
            let matches = specials.filter { text[index...].starts(with: $0.bytes) }
            guard let match = matches.max(by: { $0.bytes.count < $1.bytes.count }) else {
                index += 1
                continue
            }
            if start < index { pieces.append(.text(Array(text[start..<index]))) }
            pieces.append(.special(match.id))
            index += match.bytes.count
            start = index
        }
        if start < text.count { pieces.append(.text(Array(text[start...]))) }
        return pieces
    }
}
