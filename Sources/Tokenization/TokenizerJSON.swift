/// A Hugging Face `tokenizer.json`: its vocabulary, and the settings round it.
struct TokenizerJSON: Sendable {
    /// What encodes a pre-token.
    enum Model: Sendable {
        case bytePair(BytePairFile)
        case unigram(PieceVocabulary)
    }

    /// A string that is cut out of a text before anything else.
    struct AddedToken: Sendable {
        var content: String
        var id: Int32
        var isSpecial: Bool
        /// Whether it is looked for in normalised text.
        var isNormalized: Bool
        var isSingleWord: Bool
        var takesSpaceBefore: Bool
        var takesSpaceBehind: Bool
    }

    var model: Model
    var addedTokens: [AddedToken] = []
    var normalizer: JSONValue?
    var preTokenizer: JSONValue?
    var postProcessor: JSONValue?
    /// The id that rows are filled with, where the file pads.
    var padTokenID: Int32?

    /// Reads a file; for `roundsScoresTwice` see ``JSONScanner/number(roundsTwice:)``.
    init(_ bytes: [UInt8], roundsScoresTwice: Bool = true) throws(TokenFileProblem) {
        do {
            var scanner = try JSONScanner(bytes)
            try self.init(&scanner, roundsScoresTwice: roundsScoresTwice)
        } catch {
            throw TokenFileProblem(error)
        }
    }

    private init(_ scanner: inout JSONScanner, roundsScoresTwice: Bool) throws {
        var model: Model?
        var settings: [String: JSONValue] = [:]
        var keys: Set<String> = []
        try scanner.expect(UInt8(ascii: "{"))
        var isFirst = true
        while try scanner.next(isFirst: &isFirst, until: UInt8(ascii: "}")) {
            let key = try scanner.key()
            guard keys.insert(key).inserted else { throw scanner.problem("the key “\(key.prefix(64))” is there twice") }
            switch key {
            case "model": model = try Self.model(&scanner, roundsScoresTwice: roundsScoresTwice)
            case "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "padding":
                settings[key] = try scanner.value()
            default: try scanner.skip()
            }
        }
        guard scanner.isAtEnd() else { throw scanner.problem("there is something behind the object") }
        guard let model else { throw scanner.problem("the file has no model") }
        self.model = model
        func setting(_ key: String) -> JSONValue? { settings[key] == .null ? nil : settings[key] }
        normalizer = setting("normalizer")
        preTokenizer = setting("pre_tokenizer")
        postProcessor = setting("post_processor")
        padTokenID = setting("padding")?["pad_id"]?.id
        addedTokens = try (setting("added_tokens")?.items ?? []).map { item in
            guard let content = item["content"]?.text, let id = item["id"]?.id, id >= 0,
                Int(id) < PieceVocabulary.maximumCount
            else { throw TokenFileProblem(reason: "an added token has no content or no id") }
            return AddedToken(
                content: content, id: id, isSpecial: item["special"]?.flag ?? false,
                isNormalized: item["normalized"]?.flag ?? false, isSingleWord: item["single_word"]?.flag ?? false,
                takesSpaceBefore: item["lstrip"]?.flag ?? false, takesSpaceBehind: item["rstrip"]?.flag ?? false)
        }
        if case .bytePair(var file) = model {
            for token in addedTokens { try file.appendIfMissing(token.content, id: token.id) }
            try file.checkIDs()
            self.model = .bytePair(file)
        }
    }

    private static func model(_ scanner: inout JSONScanner, roundsScoresTwice: Bool) throws -> Model {
        var settings: [String: JSONValue] = [:]
        var file: BytePairFile?
        var unigram: (pieces: PieceTable, scores: [Double])?
        var mergesPosition: Int?
        var keys: Set<String> = []
        try scanner.expect(UInt8(ascii: "{"))
        var isFirst = true
        while try scanner.next(isFirst: &isFirst, until: UInt8(ascii: "}")) {
            let key = try scanner.key()
            guard keys.insert(key).inserted else { throw scanner.problem("the key “\(key.prefix(64))” is there twice") }
            switch key {
            case "vocab" where try scanner.peek() == UInt8(ascii: "["):
                unigram = try scoredPieces(&scanner, roundsScoresTwice: roundsScoresTwice)
            case "vocab":
                var read = BytePairFile(minimumCapacity: scanner.bytes.count / 96)
                try read.appendVocabulary(&scanner)
                file = read
            case "merges":
                if var read = file.take() {
                    try read.appendMerges(&scanner)
                    file = read
                } else {
                    mergesPosition = scanner.position
                    try scanner.skip()
                }
            default: settings[key] = try scanner.value()
            }
        }
        let type = settings["type"]?.text
        if let unigram {
            guard type ?? "Unigram" == "Unigram" else { throw unsupported(type) }
            let kinds = [PieceVocabulary.Kind](repeating: .normal, count: unigram.pieces.count)
            guard let unknownID = settings["unk_id"]?.id else {
                throw TokenFileProblem(reason: "the model names no unk_id")
            }
            return .unigram(
                try PieceVocabulary(
                    pieces: unigram.pieces, scores: unigram.scores, kinds: kinds, unknownID: unknownID,
                    hasByteFallback: settings["byte_fallback"]?.flag ?? false))
        }
        // Files of older versions of the `tokenizers` package state no type; theirs are all byte-pair models.
        guard type ?? "BPE" == "BPE" else { throw unsupported(type) }
        guard var file else { throw TokenFileProblem(reason: "the model has no vocabulary") }
        if let mergesPosition {
            let end = scanner.position
            scanner.move(to: mergesPosition)
            try file.appendMerges(&scanner)
            scanner.move(to: end)
        }
        file.unknownToken = settings["unk_token"]?.text
        file.fusesUnknown = settings["fuse_unk"]?.flag ?? false
        file.hasByteFallback = settings["byte_fallback"]?.flag ?? false
        file.endOfWordSuffix = settings["end_of_word_suffix"]?.text ?? ""
        file.unsupportedSetting = unsupportedSetting(settings)
        return .bytePair(file)
    }

    private static func unsupported(_ type: String?) -> TokenFileProblem {
        TokenFileProblem(unsupported: "its model is “\((type ?? "").prefix(32))”, which does not have this vocabulary")
    }

    private static func unsupportedSetting(_ settings: [String: JSONValue]) -> String? {
        if !(settings["continuing_subword_prefix"]?.text ?? "").isEmpty {
            return "continuing_subword_prefix is not empty"
        }
        if let dropout = settings["dropout"], dropout != .null, dropout != .number(0) { return "dropout is not 0" }
        if settings["ignore_merges"]?.flag == true { return "ignore_merges is on" }
        return nil
    }

    /// Reads the array of pairs of piece and score that is next.
    private static func scoredPieces(
        _ scanner: inout JSONScanner, roundsScoresTwice: Bool
    ) throws -> (pieces: PieceTable, scores: [Double]) {
        var pieces = PieceTable(minimumCapacity: scanner.bytes.count / 40)
        var scores: [Double] = []
        var scratch: [UInt8] = []
        try scanner.expect(UInt8(ascii: "["))
        var isFirst = true
        while try scanner.next(isFirst: &isFirst, until: UInt8(ascii: "]")) {
            try scanner.expect(UInt8(ascii: "["))
            let name = try scanner.rawString()
            try scanner.expect(0x2C)
            scores.append(try scanner.number(roundsTwice: roundsScoresTwice))
            try scanner.expect(UInt8(ascii: "]"))
            scratch.removeAll(keepingCapacity: true)
            if name.hasEscapes { try scanner.unescape(name, into: &scratch) }
            let isNew =
                name.hasEscapes
                ? pieces.append(scratch.span, 0..<scratch.count) : pieces.append(scanner.bytes.span, name.range)
            guard isNew else { throw TokenFileProblem(reason: "the piece \(scores.count - 1) is there twice") }
        }
        return (pieces, scores)
    }
}

/// What `tokenizer_config.json` says about padding and framing.
struct TokenizerSettings: Sendable {
    /// The name of the padding token.
    var padToken: String?
    /// Whether rows begin with the start token and end with the end token, where the file says so.
    var addsStartToken: Bool?
    var addsEndToken: Bool?
    /// The class of transformers that reads the tokenizer.
    var className: String?

    /// Settings of a folder that has no such file.
    init() {}

    /// Reads a file.
    init(_ bytes: [UInt8]) throws(TokenFileProblem) {
        do {
            var scanner = try JSONScanner(bytes)
            let value = try scanner.value()
            guard scanner.isAtEnd(), case .object = value else { throw scanner.problem("this is not one object") }
            padToken = value["pad_token"]?.text ?? value["pad_token"]?["content"]?.text
            addsStartToken = value["add_bos_token"]?.flag
            addsEndToken = value["add_eos_token"]?.flag
            className = value["tokenizer_class"]?.text
        } catch {
            throw TokenFileProblem(error)
        }
    }
}
