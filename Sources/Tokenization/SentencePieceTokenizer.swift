/// The tokenizer of SigLIP (unigram pieces) and SigLIP 2 (Gemma's byte pairs), read from a checkpoint's files.
///
/// Immutable, shared freely between threads, deterministic. The same text gives the ids of the library that ``cleaning``
/// names:
///
/// ```swift
/// let tokenizer = try SentencePieceTokenizer(directory: folder, cleaning: .openClipCanonicalize)
/// let tokens = tokenizer.encode("A photo of a cat.", contextLength: 64)  // body, end token
/// ```
///
/// Rows are body and end token; whoever runs the tower fills them up with ``padTokenID``. The methods are Kudo's unigram
/// model (arXiv 1804.10959) and Sennrich et al.'s byte pairs (arXiv 1508.07909), as sentencepiece and the `tokenizers`
/// package have them.
public struct SentencePieceTokenizer: Sendable {
    /// How a text becomes what the model cuts.
    enum Rules: Sendable {
        /// sentencepiece's own way. `lead` is encoded before every part of a text, and its tokens are dropped again, as
        /// transformers' `SiglipTokenizer` does to keep the first space.
        case sentencePiece(SentencePieceNormalizer, lead: [UInt8])
        /// The steps of a `tokenizer.json`.
        case pipeline(PiecePipeline)
    }

    /// How normalised text becomes tokens.
    enum Model: Sendable {
        case unigram(UnigramModel)
        case scoredMerges(ScoredMerges)
        case rankedMerges(RankedMerges)
    }

    /// The ids round a text.
    struct Framing: Sendable {
        var prefix: [Int32] = []
        var endTokenID: Int32
        var padTokenID: Int32
    }

    let rules: Rules
    let model: Model
    let framing: Framing
    private let givenTextSplitter: StringSplitter
    private let normalizedTextSplitter: StringSplitter
    private let leadTokenCount: Int
    /// How texts are cleaned.
    public let cleaning: TextCleaning
    /// What happens to the names of special tokens in a text.
    public let specialStrings: SpecialStrings
    /// Number of token ids, specials included: the row count of a token embedding table.
    public let vocabularySize: Int

    init(
        rules: Rules, model: Model, framing: Framing, vocabularySize: Int, cleaning: TextCleaning,
        specialStrings: SpecialStrings, givenText: [StringSplitter.Entry], normalizedText: [StringSplitter.Entry] = []
    ) {
        self.rules = rules
        self.model = model
        self.framing = framing
        self.vocabularySize = vocabularySize
        self.cleaning = cleaning
        self.specialStrings = specialStrings
        givenTextSplitter = StringSplitter(givenText)
        normalizedTextSplitter = StringSplitter(normalizedText)
        if case .sentencePiece(let normalizer, let lead) = rules, !lead.isEmpty {
            leadTokenCount = Self.tokens(of: normalizer.normalized(lead), by: model).count
        } else {
            leadTokenCount = 0
        }
    }

    /// The context length of nearly every SigLIP checkpoint.
    public static let standardContextLength = 64

    /// The id that ends every row.
    public var endTokenID: Int32 { framing.endTokenID }
    /// The id that fills a row behind its end token. It takes part in these towers' attention, so it must be right.
    public var padTokenID: Int32 { framing.padTokenID }
    /// The id that begins every row, if one does.
    public var startTokenID: Int32? { framing.prefix.first }

    /// The token ids of `text`: body and end token; not padded, at most `contextLength` of them.
    ///
    /// A longer body is cut, the end token stays; ``encodeReportingTruncation(_:contextLength:)`` says whether that
    /// happened. Traps when `contextLength` is less than 2. Time n log n in the length of the text at most.
    public func encode(_ text: String, contextLength: Int) -> [Int32] {
        encodeReportingTruncation(text, contextLength: contextLength).tokens
    }

    /// The token ids of `text` as in ``encode(_:contextLength:)``, and how much of it did not fit.
    public func encodeReportingTruncation(_ text: String, contextLength: Int) -> EncodedText {
        precondition(
            contextLength > framing.prefix.count + 1,
            "encode: context length \(contextLength) has no room for \(framing.prefix.count + 1) special tokens and text"
        )
        let room = contextLength - 1
        var encoded = EncodedText(tokens: framing.prefix, droppedCharacterCount: 0)
        for part in parts(of: text) {
            let space = room - encoded.tokens.count
            if space > 0 { encoded.tokens += part.tokens.prefix(space).map(\.id) }
            guard part.tokens.count > max(space, 0) else { continue }
            let keptEnd = space > 0 ? part.tokens[space - 1].end : 0
            encoded.droppedCharacterCount += Self.characterCount(of: part.text, from: keptEnd)
        }
        if !(endsOnce && encoded.tokens.last == endTokenID) { encoded.tokens.append(endTokenID) }
        return encoded
    }

    /// Whether an end token that a text itself ends with stands for that of the row, as in `SiglipTokenizer`.
    private var endsOnce: Bool {
        if case .sentencePiece(_, let lead) = rules { !lead.isEmpty } else { false }
    }

    /// Tokens, and the normalised text in which they have their ends.
    private struct Part {
        var text: [UInt8]
        var tokens: [PieceToken]
    }

    private func parts(of text: String) -> [Part] {
        switch rules {
        case .sentencePiece(let normalizer, let lead):
            var given = Array(text.utf8)
            if !lead.isEmpty {
                given = SentencePieceNormalizer.spaceSymbol + Self.replacingSpaceSymbols(given)
            }
            var parts = givenTextSplitter.pieces(of: given).map { piece in
                switch piece {
                case .id(let id): return Part(text: [], tokens: [PieceToken(id: id, end: 0)])
                case .text(let bytes):
                    let cleaned = cleaning.cleanedBytesForPieces(String(decoding: bytes, as: UTF8.self))
                    let normalized = normalizer.normalized(lead + cleaned)
                    return Part(
                        text: normalized,
                        tokens: Array(Self.tokens(of: normalized, by: model).dropFirst(leadTokenCount)))
                }
            }
            // The space in front of a text that begins with a special string is dropped.
            if parts.count > 1, parts[0].tokens.count == 1, parts[1].text.isEmpty, isSpace(parts[0].tokens[0].id) {
                parts.removeFirst()
            }
            return parts
        case .pipeline(let pipeline):
            var isFirst = true
            var parts: [Part] = []
            let cleaned = cleaning.cleanedBytesForPieces(text)
            for piece in givenTextSplitter.pieces(of: cleaned) {
                switch piece {
                case .id(let id): parts.append(Part(text: [], tokens: [PieceToken(id: id, end: 0)]))
                case .text(let bytes):
                    for piece in normalizedTextSplitter.pieces(of: pipeline.normalized(bytes)) {
                        switch piece {
                        case .id(let id): parts.append(Part(text: [], tokens: [PieceToken(id: id, end: 0)]))
                        case .text(let bytes):
                            parts += pipeline.words(bytes, isFirst: isFirst).map {
                                Part(text: $0, tokens: Self.tokens(of: $0, by: model))
                            }
                        }
                        isFirst = false
                    }
                }
                isFirst = false
            }
            return parts
        }
    }

    private func isSpace(_ id: Int32) -> Bool {
        guard case .unigram(let model) = model else { return false }
        return model.vocabulary.pieces.bytes(id).elementsEqual(SentencePieceNormalizer.spaceSymbol)
    }

    private static func tokens(of text: [UInt8], by model: Model) -> [PieceToken] {
        var tokens: [PieceToken] = []
        switch model {
        case .unigram(let model): model.encode(text.span, 0..<text.count, into: &tokens)
        case .scoredMerges(let model): model.encode(text, into: &tokens)
        case .rankedMerges(let model): model.encode(text.span, 0..<text.count, into: &tokens)
        }
        return tokens
    }

    private static func replacingSpaceSymbols(_ text: [UInt8]) -> [UInt8] {
        let symbol = SentencePieceNormalizer.spaceSymbol
        guard text.contains(symbol[0]) else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index...].starts(with: symbol) {
                result.append(0x20)
                index += symbol.count
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    /// How many characters of normalised text begin at `end` or behind it, without a space there; those of a special string
    /// count as one.
    private static func characterCount(of text: [UInt8], from end: Int) -> Int {
        guard !text.isEmpty else { return 1 }
        var rest = text[end...]
        let symbol = SentencePieceNormalizer.spaceSymbol
        while rest.starts(with: symbol) { rest = rest.dropFirst(symbol.count) }
        return max(rest.count { $0 & 0xC0 != 0x80 }, 1)
    }
}
