import Foundation

extension SentencePieceTokenizer {
    /// Reads the vocabulary of a folder: `tokenizer.json`, `spiece.model`, `sentencepiece.model` or `tokenizer.model`, with
    /// `tokenizer_config.json` where it is there.
    ///
    /// Throws when files are missing (and names them), damaged, or of another kind of tokenizer.
    public init(
        directory: URL, cleaning: TextCleaning, specialStrings: SpecialStrings = .escaped
    ) throws(TokenizationError) {
        let folder = try TokenizerFolder(directory, cleaning: cleaning)
        let settings = try folder.settings()
        let vocabulary = try folder.vocabulary(settings)
        self = try folder.checked(folder.form.names[0]) { () throws(TokenFileProblem) in
            try Self(vocabulary: vocabulary, settings: settings, cleaning: cleaning, specialStrings: specialStrings)
        }
    }

    init(
        vocabulary: TokenizerFolder.Vocabulary, settings: TokenizerSettings, cleaning: TextCleaning,
        specialStrings: SpecialStrings
    ) throws(TokenFileProblem) {
        do {
            switch vocabulary {
            case .clip: throw TokenFileProblem(unsupported: "it is CLIP's, which has an end-of-word mark")
            case .sentencePiece(let file):
                try self.init(file: file, settings: settings, cleaning: cleaning, specialStrings: specialStrings)
            case .pieces(let json):
                switch json.model {
                case .unigram(let pieces) where cleaning == .huggingFaceSlow:
                    try self.init(
                        file: Self.sentencePieceFile(json, pieces: pieces), settings: settings, cleaning: cleaning,
                        specialStrings: specialStrings)
                case .unigram, .bytePair:
                    try self.init(json: json, settings: settings, cleaning: cleaning, specialStrings: specialStrings)
                }
            }
        } catch {
            throw TokenFileProblem(error)
        }
    }

    /// A sentencepiece model file.
    private init(
        file: SentencePieceFile, settings: TokenizerSettings, cleaning: TextCleaning, specialStrings: SpecialStrings
    ) throws {
        let vocabulary = file.vocabulary
        func id(_ names: [String]) -> Int32? { names.lazy.compactMap { vocabulary.pieces.index(of: $0) }.first }
        guard let end = id([file.endPiece, "</s>", "<eos>"]) else {
            throw TokenFileProblem(reason: "it has no end token “\(file.endPiece.prefix(64))”")
        }
        let pad: Int32
        let isUnigram = file.algorithm == .unigram
        if let name = settings.padToken {
            guard let known = id([name]) else {
                throw TokenFileProblem(reason: "the padding token “\(name.prefix(64))” is not in the vocabulary")
            }
            pad = known
        } else {
            // SigLIP fills rows with the end token, SigLIP 2 with a token of its own.
            pad = isUnigram ? end : id([file.padPiece, "<pad>"]) ?? 0
        }
        let framing = Framing(endTokenID: end, padTokenID: pad)
        var recognised: [StringSplitter.Entry] = []
        let rules: Rules
        let model: Model
        switch file.algorithm {
        case .bytePair:
            rules = .sentencePiece(try Self.normalizer(file), lead: [])
            model = .scoredMerges(ScoredMerges(vocabulary: vocabulary))
        case .unigram where cleaning == .huggingFaceSlow:
            let unknown = vocabulary.pieces.bytes(vocabulary.unknownID)
            rules = .sentencePiece(try Self.normalizer(file), lead: Array(unknown))
            model = .unigram(UnigramModel(vocabulary: vocabulary, isSinglePrecision: true, matchesAllKinds: false))
            if specialStrings == .recognised {
                recognised = Set([end, pad, vocabulary.unknownID]).sorted().map {
                    StringSplitter.Entry(
                        bytes: Array(vocabulary.pieces.bytes($0)), id: $0, takesSpaceBefore: true,
                        takesSpaceBehind: true)
                }
            }
        case .unigram:
            // What transformers makes of the file for its class T5Tokenizer, which open_clip uses.
            var pipeline = PiecePipeline(changes: [], cuts: [.atWhiteSpace, .metaspace(prefix: .always, cuts: true)])
            if !file.normalizer.characterMap.isEmpty {
                pipeline.changes.append(.characterMap(try Self.characterMap(file)))
            }
            rules = .pipeline(pipeline)
            model = .unigram(
                UnigramModel(
                    vocabulary: vocabulary, isSinglePrecision: false,
                    matchesAllKinds: specialStrings == .recognised))
            recognised = vocabulary.kinds.indices.compactMap { index in
                switch vocabulary.kinds[index] {
                case .userDefined: break
                case .control, .unknown: if specialStrings == .escaped { return nil }
                case .normal, .unused, .byte: return nil
                }
                return StringSplitter.Entry(bytes: Array(vocabulary.pieces.bytes(Int32(index))), id: Int32(index))
            }
        }
        self.init(
            rules: rules, model: model, framing: framing, vocabularySize: vocabulary.count, cleaning: cleaning,
            specialStrings: specialStrings, givenText: recognised)
    }

    private static func normalizer(_ file: SentencePieceFile) throws -> SentencePieceNormalizer {
        do {
            return try SentencePieceNormalizer(settings: file.normalizer, vocabulary: file.vocabulary)
        } catch {
            throw TokenFileProblem(reason: "\(error)")
        }
    }

    private static func characterMap(_ file: SentencePieceFile) throws -> CharacterMap {
        do {
            return try CharacterMap(file.normalizer.characterMap)
        } catch {
            throw TokenFileProblem(reason: "\(error)")
        }
    }

    /// The pieces of a `tokenizer.json` under sentencepiece's own rules, as far as the file says what these need.
    private static func sentencePieceFile(
        _ json: TokenizerJSON, pieces: PieceVocabulary
    ) throws(TokenFileProblem) -> SentencePieceFile {
        var kinds = pieces.kinds
        for token in json.addedTokens where token.isSpecial {
            if let index = pieces.pieces.index(of: token.content) { kinds[Int(index)] = .control }
        }
        kinds[Int(pieces.unknownID)] = .unknown
        var settings = SentencePieceFile.NormalizerSettings()
        settings.characterMap = try PiecePipeline.characterMapBytes(json.normalizer)[...]
        do {
            return SentencePieceFile(
                vocabulary: try PieceVocabulary(
                    pieces: pieces.pieces, scores: pieces.scores, kinds: kinds, unknownID: pieces.unknownID,
                    hasByteFallback: !pieces.byteIDs.isEmpty),
                algorithm: .unigram, normalizer: settings, endPiece: "</s>", padPiece: "<pad>")
        } catch {
            throw TokenFileProblem(error)
        }
    }

    /// A `tokenizer.json`.
    private init(
        json: TokenizerJSON, settings: TokenizerSettings, cleaning: TextCleaning, specialStrings: SpecialStrings
    ) throws {
        if let token = json.addedTokens.first(where: \.isSingleWord) {
            throw TokenFileProblem(unsupported: "the added token “\(token.content.prefix(64))” wants a whole word")
        }
        let pipeline = try PiecePipeline(normalizer: json.normalizer, preTokenizer: json.preTokenizer)
        let isRecognised = specialStrings == .recognised
        let model: Model
        let knownID: (String) -> Int32?
        var idCount: Int
        switch json.model {
        case .unigram(let pieces):
            let addedIDs = Dictionary(json.addedTokens.map { ($0.content, $0.id) }) { first, _ in first }
            var kinds = pieces.kinds
            for token in json.addedTokens {
                if let index = pieces.pieces.index(of: token.content) {
                    guard index == token.id else {
                        throw TokenFileProblem(
                            reason: "the token “\(token.content.prefix(64))” has the ids \(index) and \(token.id)")
                    }
                    if token.isSpecial { kinds[Int(index)] = .control }
                }
            }
            let vocabulary = try PieceVocabulary(
                pieces: pieces.pieces, scores: pieces.scores, kinds: kinds, unknownID: pieces.unknownID,
                hasByteFallback: !pieces.byteIDs.isEmpty)
            model = .unigram(
                UnigramModel(vocabulary: vocabulary, isSinglePrecision: false, matchesAllKinds: isRecognised))
            knownID = { addedIDs[$0] ?? pieces.pieces.index(of: $0) }
            idCount = max(pieces.count, Int(json.addedTokens.map(\.id).max() ?? -1) + 1)
        case .bytePair(let file):
            if let setting = file.unsupportedSetting { throw TokenFileProblem(unsupported: setting) }
            let blocked = isRecognised ? [] : Set(json.addedTokens.filter(\.isSpecial).map(\.id))
            model = .rankedMerges(try RankedMerges(file, blockedIDs: blocked))
            knownID = { file.id(of: $0) }
            idCount = file.idCount
        }
        let framing = try Self.framing(json, settings: settings, knownID)
        idCount = max(idCount, Int(framing.endTokenID) + 1)
        func entries(isNormalized: Bool) -> [StringSplitter.Entry] {
            json.addedTokens.filter { $0.isNormalized == isNormalized && (isRecognised || !$0.isSpecial) }.map {
                let bytes = Array($0.content.utf8)
                return StringSplitter.Entry(
                    bytes: isNormalized ? pipeline.normalized(bytes) : bytes, id: $0.id,
                    takesSpaceBefore: $0.takesSpaceBefore, takesSpaceBehind: $0.takesSpaceBehind)
            }
        }
        self.init(
            rules: .pipeline(pipeline), model: model, framing: framing, vocabularySize: idCount, cleaning: cleaning,
            specialStrings: specialStrings, givenText: entries(isNormalized: false),
            normalizedText: entries(isNormalized: true))
    }

    /// The ids round a text: what `tokenizer_config.json` switches on or off, else the file's template.
    private static func framing(
        _ json: TokenizerJSON, settings: TokenizerSettings, _ id: (String) -> Int32?
    ) throws(TokenFileProblem) -> Framing {
        var (prefix, suffix): ([Int32], [Int32]) = ([], [])
        if settings.addsStartToken != nil || settings.addsEndToken != nil {
            func special(_ names: [String]) throws(TokenFileProblem) -> Int32 {
                guard let known = names.lazy.compactMap(id).first else {
                    throw TokenFileProblem(reason: "the vocabulary has none of \(names.joined(separator: ", "))")
                }
                return known
            }
            if settings.addsStartToken == true { prefix = [try special(["<bos>", "<s>"])] }
            if settings.addsEndToken == true { suffix = [try special(["<eos>", "</s>"])] }
        } else {
            (prefix, suffix) = try template(json.postProcessor)
        }
        guard suffix.count == 1, let end = suffix.first else {
            throw TokenFileProblem(
                unsupported: "it does not end texts with one end token (post_processor, or add_eos_token in "
                    + "\(TokenizerFolder.settingsFileName))")
        }
        let pad: Int32
        if let name = settings.padToken {
            guard let known = id(name) else {
                throw TokenFileProblem(reason: "the padding token “\(name.prefix(64))” is not in the vocabulary")
            }
            pad = known
        } else if let stated = json.padTokenID {
            pad = stated
        } else if case .unigram = json.model {
            pad = end
        } else {
            pad = id("<pad>") ?? 0
        }
        return Framing(prefix: prefix, endTokenID: end, padTokenID: pad)
    }

    private static func template(
        _ value: JSONValue?
    ) throws(TokenFileProblem) -> (prefix: [Int32], suffix: [Int32]) {
        guard let value else { return ([], []) }
        guard value["type"]?.text == "TemplateProcessing", let items = value["single"]?.items else {
            throw TokenFileProblem(unsupported: "its post-processor is not a template")
        }
        var (prefix, suffix): ([Int32], [Int32]) = ([], [])
        var isBehindText = false
        for item in items {
            if item["Sequence"] != nil {
                guard !isBehindText else { throw TokenFileProblem(unsupported: "its template repeats the text") }
                isBehindText = true
            } else if let name = item["SpecialToken"]?["id"]?.text,
                let ids = value["special_tokens"]?[name]?["ids"]?.items?.map(\.id)
            {
                for id in ids {
                    guard let id, id >= 0, Int(id) < PieceVocabulary.maximumCount else {
                        throw TokenFileProblem(reason: "its template has an id that is none")
                    }
                    if isBehindText { suffix.append(id) } else { prefix.append(id) }
                }
            } else {
                throw TokenFileProblem(reason: "its template has an unknown part")
            }
        }
        return (prefix, suffix)
    }
}
