import Foundation

/// The tokenizer files of a checkpoint's folder, recognised by what is in them.
struct TokenizerFolder {
    /// The vocabulary of a folder.
    enum Vocabulary {
        /// CLIP's: byte pairs with an end-of-word mark.
        case clip(BytePairFile, TokenizerJSON?)
        /// A sentencepiece vocabulary in a `tokenizer.json`.
        case pieces(TokenizerJSON)
        /// A sentencepiece model file.
        case sentencePiece(SentencePieceFile)
    }

    /// The forms that a vocabulary comes in.
    enum Form: CaseIterable {
        case tokenizerJSON, vocabularyAndMerges, mergesOnly, compressedMergesOnly, spieceModel, sentencePieceModel,
            tokenizerModel

        /// The files it needs.
        var names: [String] {
            switch self {
            case .tokenizerJSON: ["tokenizer.json"]
            case .vocabularyAndMerges: ["vocab.json", "merges.txt"]
            case .mergesOnly: [ClipTokenizer.mergesFileName]
            case .compressedMergesOnly: [ClipTokenizer.mergesFileName + ".gz"]
            case .spieceModel: ["spiece.model"]
            case .sentencePieceModel: ["sentencepiece.model"]
            case .tokenizerModel: ["tokenizer.model"]
            }
        }

        /// Whether it is a model file of sentencepiece.
        var isSentencePiece: Bool {
            switch self {
            case .spieceModel, .sentencePieceModel, .tokenizerModel: true
            case .tokenizerJSON, .vocabularyAndMerges, .mergesOnly, .compressedMergesOnly: false
            }
        }

        /// Whether `tokenizer_config.json` beside it counts.
        var hasSettings: Bool { self != .mergesOnly && self != .compressedMergesOnly }
    }

    /// The optional file that names the padding token and the framing.
    static let settingsFileName = "tokenizer_config.json"
    /// The largest file that is read, and the most that a compressed one may hold: a vocabulary of 256,000 tokens takes 35 MB.
    static let maximumFileByteCount = 128 << 20

    let directory: URL
    let form: Form

    /// Finds the vocabulary of a folder. The Python classes of transformers read a sentencepiece model file before any other;
    /// everything else reads it last.
    init(_ directory: URL, cleaning: TextCleaning) throws(TokenizationError) {
        self.directory = directory
        let present = Form.allCases.filter { $0.names.allSatisfy { Self.exists($0, in: directory) } }
        let preferred = cleaning == .huggingFaceSlow ? present.first(where: \.isSentencePiece) : nil
        guard let form = preferred ?? present.first else { throw Self.missing(directory) }
        self.form = form
    }

    /// The files that are read.
    var fileNames: [String] {
        form.hasSettings && Self.exists(Self.settingsFileName, in: directory)
            ? form.names + [Self.settingsFileName] : form.names
    }

    /// The path of the vocabulary, for messages.
    var place: String { directory.appending(path: form.names[0]).path }

    /// Reads the vocabulary.
    func vocabulary(_ settings: TokenizerSettings) throws(TokenizationError) -> Vocabulary {
        switch form {
        case .tokenizerJSON:
            let bytes = try bytes(form.names[0])
            // transformers reads the scores of this class itself, and exactly; others are read by the `tokenizers` package.
            let roundsScoresTwice = settings.className != "T5Tokenizer"
            return try checked(form.names[0]) { () throws(TokenFileProblem) in
                let json = try TokenizerJSON(bytes, roundsScoresTwice: roundsScoresTwice)
                if case .bytePair(let file) = json.model, !file.endOfWordSuffix.isEmpty { return .clip(file, json) }
                return .pieces(json)
            }
        case .vocabularyAndMerges:
            let (vocabularyBytes, mergesBytes) = (try bytes(form.names[0]), try bytes(form.names[1]))
            var file = try checked(form.names[0]) { () throws(TokenFileProblem) in
                try BytePairFile(vocabularyJSON: vocabularyBytes)
            }
            file = try checked(form.names[1]) { () throws(TokenFileProblem) in
                var file = file
                try file.appendMerges(text: mergesBytes)
                return file
            }
            return .clip(file, nil)
        case .mergesOnly, .compressedMergesOnly:
            let given = try bytes(form.names[0])
            return try checked(form.names[0]) { () throws(TokenFileProblem) in
                var text = given
                if form == .compressedMergesOnly {
                    do throws(GzipFile.Refusal) {
                        text = try GzipFile.decompressed(given, maximumByteCount: Self.maximumFileByteCount)
                    } catch {
                        throw TokenFileProblem(reason: error.description)
                    }
                }
                return .clip(
                    try BytePairFile(orderedMergesText: text, lineCount: ClipTokenizer.mergeLineCount), nil)
            }
        case .spieceModel, .sentencePieceModel, .tokenizerModel:
            let bytes = try bytes(form.names[0])
            return try checked(form.names[0]) { () throws(TokenFileProblem) in
                .sentencePiece(try SentencePieceFile(bytes))
            }
        }
    }

    /// What `tokenizer_config.json` says, if it is there and counts.
    func settings() throws(TokenizationError) -> TokenizerSettings {
        guard fileNames.last == Self.settingsFileName else { return TokenizerSettings() }
        let bytes = try bytes(Self.settingsFileName)
        return try checked(Self.settingsFileName) { () throws(TokenFileProblem) in try TokenizerSettings(bytes) }
    }

    /// Runs `body`, whose problems are those of a file.
    func checked<Value>(
        _ name: String, _ body: () throws(TokenFileProblem) -> Value
    ) throws(TokenizationError) -> Value {
        do {
            return try body()
        } catch {
            throw TokenizationError(
                error.isUnsupported ? .unsupportedTokenizer : .invalidFile,
                "the tokenizer cannot be used: \(error.reason); "
                    + (error.isUnsupported
                        ? "use the tokenizer files of a CLIP, SigLIP or SigLIP 2 model"
                        : "download the tokenizer's files again"),
                place: directory.appending(path: name).path)
        }
    }

    private func bytes(_ name: String) throws(TokenizationError) -> [UInt8] {
        let url = directory.appending(path: name)
        let limit = Self.maximumFileByteCount
        do {
            let file = try FileHandle(forReadingFrom: url)
            let byteCount = try file.seekToEnd()
            try file.close()
            if byteCount == 0 { return [] }
            // Mapped, so that a large file is copied once.
            if byteCount <= UInt64(limit) { return Array(try Data(contentsOf: url, options: .alwaysMapped)) }
        } catch {
            throw TokenizationError(
                .unreadableFile, "the tokenizer file could not be read; check its permissions", place: url.path,
                cause: error)
        }
        throw TokenizationError(
            .invalidFile, "the file is larger than \(limit) bytes, which no tokenizer is", place: url.path)
    }

    private static func exists(_ name: String, in directory: URL) -> Bool {
        FileManager.default.fileExists(atPath: directory.appending(path: name).path)
    }

    private static func missing(_ directory: URL) -> TokenizationError {
        let halves = Form.vocabularyAndMerges.names
        if let there = halves.first(where: { exists($0, in: directory) }),
            let missing = halves.first(where: { $0 != there })
        {
            return TokenizationError(
                .missingFiles, "\(there) is there, but \(missing) is missing; download it from the same place",
                place: directory.path)
        }
        return TokenizationError(
            .missingFiles,
            "the folder has no tokenizer. CLIP models need tokenizer.json, or vocab.json and merges.txt, or "
                + "\(ClipTokenizer.mergesFileName) (also as .gz); SigLIP models need tokenizer.json or spiece.model; "
                + "SigLIP 2 models need tokenizer.json or tokenizer.model: download them from where the model comes from",
            place: directory.path)
    }
}
