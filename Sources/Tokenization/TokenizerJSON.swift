import Foundation

/// The parts of a Hugging Face `tokenizer.json` that decide the ids of a CLIP tokenizer.
///
/// Everything that would change ids is checked; a file with another pipeline is refused rather than read half.
struct TokenizerJSON: Decodable {
    /// A merge, as the string `"a b"` or as an array of two.
    private struct Merge: Decodable {
        var symbols: (left: Substring, right: Substring)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            let problem = DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "a merge is not of two symbols")
            )
            do {
                guard let merge = TokenizerJSON.merge(Substring(try container.decode(String.self))) else {
                    throw problem
                }
                symbols = merge
            } catch DecodingError.typeMismatch {
                let parts = try container.decode([String].self)
                guard parts.count == 2 else { throw problem }
                symbols = (Substring(parts[0]), Substring(parts[1]))
            }
        }
    }

    private struct Model: Decodable {
        var type: String?
        var vocab: [String: Int32]
        var merges: [Merge]
        var endOfWordSuffix: String?
        var continuingSubwordPrefix: String?
        var dropout: Double?
        var byteFallback: Bool?
        var ignoreMerges: Bool?

        enum CodingKeys: String, CodingKey {
            case type, vocab, merges, dropout
            case endOfWordSuffix = "end_of_word_suffix"
            case continuingSubwordPrefix = "continuing_subword_prefix"
            case byteFallback = "byte_fallback"
            case ignoreMerges = "ignore_merges"
        }
    }

    private struct ModelKind: Decodable {
        struct Model: Decodable { var type: String? }
        var model: Model
    }

    private struct AddedToken: Decodable {
        var id: Int32
        var content: String
        var singleWord: Bool?
        var lstrip: Bool?
        var rstrip: Bool?
        var normalized: Bool?

        enum CodingKeys: String, CodingKey {
            case id, content, lstrip, rstrip, normalized
            case singleWord = "single_word"
        }
    }

    private struct Step: Decodable {
        struct Pattern: Decodable {
            var regex: String?

            enum CodingKeys: String, CodingKey { case regex = "Regex" }
        }
        var type: String
        var normalizers: [Step]?
        var pretokenizers: [Step]?
        var pattern: Pattern?
        var invert: Bool?
        var behavior: String?
        var addPrefixSpace: Bool?

        enum CodingKeys: String, CodingKey {
            case type, normalizers, pretokenizers, pattern, invert, behavior
            case addPrefixSpace = "add_prefix_space"
        }

        var parts: [Step] { normalizers ?? pretokenizers ?? [self] }
    }

    private struct Padding: Decodable {
        var padID: Int32

        enum CodingKeys: String, CodingKey { case padID = "pad_id" }
    }

    private var model: Model
    private var addedTokens: [AddedToken]?
    private var normalizer: Step?
    private var preTokenizer: Step?
    private var padding: Padding?

    enum CodingKeys: String, CodingKey {
        case model, normalizer, padding
        case addedTokens = "added_tokens"
        case preTokenizer = "pre_tokenizer"
    }

    /// Splits `"a b"`.
    static func merge(_ line: Substring) -> (left: Substring, right: Substring)? {
        let utf8 = line.utf8
        guard let space = utf8.firstIndex(of: 0x20) else { return nil }
        let (left, right) = (utf8[..<space], utf8[utf8.index(after: space)...])
        guard !left.isEmpty, !right.isEmpty, !right.contains(0x20) else { return nil }
        return (Substring(left), Substring(right))
    }

    /// Reads and checks a file.
    static func source(_ bytes: [UInt8], place: String) throws(TokenizationError) -> ClipTokenizer.VocabularySource {
        let data = Data(bytes)
        let file: TokenizerJSON
        do {
            file = try JSONDecoder().decode(TokenizerJSON.self, from: data)
        } catch {
            // A model of another kind keeps its vocabulary in another shape.
            let kind: ModelKind
            do {
                kind = try JSONDecoder().decode(ModelKind.self, from: data)
            } catch {
                throw invalid(place, error)
            }
            if let difference = typeDifference(kind.model.type) { throw unsupported(difference, place) }
            throw invalid(place, error)
        }
        if let difference = typeDifference(file.model.type) ?? file.difference { throw unsupported(difference, place) }
        if let difference = file.difference { throw unsupported(difference, place) }
        let specials = (file.addedTokens ?? []).map {
            ClipTokenizer.SpecialString(
                text: $0.content, id: $0.id, place: $0.normalized == true ? .cleanedText : .givenText)
        }
        return ClipTokenizer.VocabularySource(
            ids: file.model.vocab, merges: file.model.merges.map(\.symbols), specials: specials,
            padTokenID: file.padding?.padID)
    }

    /// Files of older versions of the `tokenizers` package state no type; theirs are all byte-pair models.
    private static func typeDifference(_ type: String?) -> String? {
        guard let type, type != "BPE" else { return nil }
        return "its model is “\(type.prefix(32))”, not “BPE”"
    }

    private static func invalid(_ place: String, _ cause: any Error) -> TokenizationError {
        TokenizationError(
            .invalidFile, "this is not a tokenizer.json; download the tokenizer's files again", place: place,
            cause: cause)
    }

    private static func unsupported(_ difference: String, _ place: String) -> TokenizationError {
        TokenizationError(
            .unsupportedTokenizer,
            "this is not CLIP's byte-pair tokenizer: \(difference); use the tokenizer files of a CLIP model",
            place: place)
    }

    private static let pattern = #"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"#
    private static let patternSpecials = #"<\|startoftext\|>|<\|endoftext\|>|"#

    /// What in the file is not as in CLIP's, or nil.
    private var difference: String? {
        if model.endOfWordSuffix != ByteAlphabet.endOfWordSuffix { return "end_of_word_suffix is not “</w>”" }
        if !(model.continuingSubwordPrefix ?? "").isEmpty { return "continuing_subword_prefix is not empty" }
        if (model.dropout ?? 0) != 0 { return "dropout is not 0" }
        if model.byteFallback == true { return "byte_fallback is on" }
        if model.ignoreMerges == true { return "ignore_merges is on" }
        let normalizers = normalizer?.parts ?? []
        guard normalizers.map(\.type) == ["NFC", "Replace", "Lowercase"], normalizers[1].pattern?.regex == #"\s+"#
        else {
            return "its normalizer is not NFC, white space, lower case"
        }
        let steps = preTokenizer?.parts ?? []
        guard steps.map(\.type) == ["Split", "ByteLevel"], steps[0].invert == true, steps[0].behavior == "Removed",
            steps[1].addPrefixSpace == false, let regex = steps[0].pattern?.regex,
            regex == Self.pattern || regex == Self.patternSpecials + Self.pattern
        else { return "its pre-tokenizer is not CLIP's pattern and bytes" }
        let oddities = (addedTokens ?? []).contains {
            $0.singleWord == true || $0.lstrip == true || $0.rstrip == true
        }
        return oddities ? "an added token strips spaces or wants a whole word" : nil
    }
}

/// What `tokenizer_config.json` says about padding.
enum TokenizerSettings {
    private struct Content: Decodable {
        /// The name of a token, or an object with it.
        struct Token: Decodable {
            struct Object: Decodable { var content: String }
            var name: String

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                do {
                    name = try container.decode(String.self)
                } catch DecodingError.typeMismatch {
                    name = try container.decode(Object.self).content
                }
            }
        }
        var padToken: Token?

        enum CodingKeys: String, CodingKey { case padToken = "pad_token" }
    }

    /// The name of the padding token, if the file has one.
    static func padToken(_ bytes: [UInt8], place: String) throws(TokenizationError) -> String? {
        do {
            return try JSONDecoder().decode(Content.self, from: Data(bytes)).padToken?.name
        } catch {
            throw TokenizationError(
                .invalidFile, "this is not a tokenizer_config.json; download the tokenizer's files again", place: place,
                cause: error)
        }
    }
}
