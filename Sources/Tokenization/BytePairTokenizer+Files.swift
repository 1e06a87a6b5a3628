import Foundation

extension BytePairTokenizer {
    /// Name of the file this program reads.
    public static let fileName = "vlmpipe-tokenizer.json"
    /// Names of the files for Hugging Face's readers, which this program only writes.
    public static let interchangeFileNames = ["vocab.json", "merges.txt"]
    /// The version of the file format that is written; older ones are read, newer ones refused.
    public static let formatVersion = 1
    /// The largest tokenizer file that is read: a vocabulary of 2^24 ids does not fit, one of 2^20 does.
    public static let maximumFileByteCount = 64 << 20

    static let formatName = "vlmpipe-tokenizer"
    static let modelName = "byte-level-bpe"

    /// All files of the tokenizer in a fixed order: ``fileName``, `vocab.json`, `merges.txt`.
    ///
    /// The bytes depend on the vocabulary and its settings only, so they can be part of a digest.
    /// The last two load into the `tokenizers` package as
    /// `BPE.from_file("vocab.json", "merges.txt", end_of_word_suffix="</w>")`.
    public func files() -> [(name: String, bytes: [UInt8])] {
        [
            (Self.fileName, Array(nativeJSON().utf8)),
            (Self.interchangeFileNames[0], Array(vocabularyJSON().utf8)),
            (Self.interchangeFileNames[1], Array(mergesText().utf8)),
        ]
    }

    /// Writes ``files()`` into a folder that exists, each atomically.
    public func write(toDirectory directory: URL) throws(TokenizationError) {
        for (name, bytes) in files() {
            let url = directory.appending(path: name)
            do {
                try Data(bytes).write(to: url, options: .atomic)
            } catch {
                throw TokenizationError(
                    .unreadableFile,
                    "the tokenizer file could not be written; check that the folder exists and has space",
                    place: url.path, cause: error)
            }
        }
    }

    /// Reads ``fileName`` from a folder. Throws when it is missing, damaged or made by a newer version.
    public init(directory: URL) throws(TokenizationError) {
        let url = directory.appending(path: Self.fileName)
        let data: Data
        do {
            let file = try FileHandle(forReadingFrom: url)
            data = try file.read(upToCount: Self.maximumFileByteCount + 1) ?? Data()
            try file.close()
        } catch {
            throw TokenizationError(
                .unreadableFile,
                "the tokenizer could not be read; the model folder is incomplete: import or train the model again",
                place: url.path, cause: error)
        }
        if data.count > Self.maximumFileByteCount {
            throw TokenizationError(
                .invalidFile, "the file is larger than \(Self.maximumFileByteCount) bytes, which no tokenizer is",
                place: url.path)
        }
        try self.init(json: data, place: url.path)
    }

    /// Reads the content of ``fileName``; `place` is named in errors.
    ///
    /// Every key, id and count is checked; unknown keys are refused.
    public init(json: Data, place: String) throws(TokenizationError) {
        func invalid(_ message: String, cause: (any Error)? = nil) -> TokenizationError {
            TokenizationError(
                .invalidFile, message + "; the file is damaged: import or train the model again", place: place,
                cause: cause)
        }
        let version: FileVersion
        let file: FileContent
        do {
            version = try JSONDecoder().decode(FileVersion.self, from: json)
        } catch {
            throw invalid("this is not a tokenizer file of vlmpipe", cause: error)
        }
        guard version.format == Self.formatName else {
            throw invalid("the format is “\(version.format.prefix(64))”, not “\(Self.formatName)”")
        }
        guard version.version == Self.formatVersion else {
            throw TokenizationError(
                .unsupportedVersion,
                "the file has format version \(version.version), this program reads \(Self.formatVersion); "
                    + "use the version of vlmpipe that wrote it, or train the model again", place: place)
        }
        do {
            file = try JSONDecoder().decode(FileContent.self, from: json)
        } catch {
            throw invalid("a value is missing, unknown or of the wrong type", cause: error)
        }
        guard file.model == Self.modelName else { throw invalid("the model is “\(file.model.prefix(64))”") }
        guard file.rules == CaptionText.ruleName else {
            throw TokenizationError(
                .unsupportedVersion,
                "captions were split by rules “\(file.rules.prefix(64))”, this program has “\(CaptionText.ruleName)”; "
                    + "train the model again", place: place)
        }
        guard file.specialTokens == FileContent.SpecialTokens() else {
            throw invalid("the special tokens are not pad 0, start 1, end 2")
        }
        let problems = file.training.problems
        guard problems.isEmpty else { throw invalid("training: " + problems.joined(separator: "; ")) }
        var vocabulary = BytePairVocabulary()
        for (rank, merge) in file.merges.enumerated() {
            guard merge.count == 2 else { throw invalid("merge \(rank) does not have two ids") }
            do throws(BytePairVocabulary.Refusal) {
                _ = try vocabulary.appendMerge(merge[0], merge[1])
            } catch {
                throw invalid("merge \(rank) of \(merge[0]) and \(merge[1]) is impossible", cause: error)
            }
            guard vocabulary.mergedByteCount(at: rank) <= file.training.maximumTokenByteCount else {
                throw invalid("merge \(rank) makes a token longer than \(file.training.maximumTokenByteCount) bytes")
            }
        }
        guard vocabulary.count == file.vocabularySize else {
            throw invalid("the merges make \(vocabulary.count) tokens, the file states \(file.vocabularySize)")
        }
        self.init(vocabulary: vocabulary, settings: file.training)
    }

    private func nativeJSON() -> String {
        var json = """
            {
              "format": "\(Self.formatName)",
              "version": \(Self.formatVersion),
              "model": "\(Self.modelName)",
              "rules": "\(CaptionText.ruleName)",
              "vocabularySize": \(vocabularySize),
              "specialTokens": { "pad": \(padTokenID), "start": \(startTokenID), "end": \(endTokenID) },
              "training": {
                "vocabularySize": \(settings.vocabularySize),
                "minimumPairCount": \(settings.minimumPairCount),
                "minimumHanCount": \(settings.minimumHanCount),
                "maximumTokenByteCount": \(settings.maximumTokenByteCount)
              },
              "merges": [
            """
        for (rank, merge) in vocabulary.table.merges.enumerated() {
            json += "\(rank == 0 ? "" : ",")\n    [\(merge.left), \(merge.right)]"
        }
        return json + "\n  ]\n}\n"
    }

    private func vocabularyJSON() -> String {
        var json = "{"
        for id in 0..<vocabularySize {
            json += "\(id == 0 ? "" : ",")\n  \"\(Self.escaped(vocabulary.text(of: Int32(id))))\": \(id)"
        }
        return json + "\n}\n"
    }

    private func mergesText() -> String {
        var text = "#version: 0.2\n"
        for merge in vocabulary.table.merges {
            text += "\(vocabulary.text(of: merge.left)) \(vocabulary.text(of: merge.right))\n"
        }
        return text
    }

    /// Token strings have no control characters; only the quote and the backslash need escaping.
    private static func escaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { result.append("\\") }
            result.append(scalar)
        }
        return String(result)
    }
}

extension BytePairVocabulary {
    /// The byte length of what the merge of this rank makes.
    fileprivate func mergedByteCount(at rank: Int) -> Int {
        tokens[Int(table.merges[rank].result)].bytes.count
    }
}

/// The two fields that every version of the file has.
private struct FileVersion: Decodable {
    var format: String
    var version: Int
}

/// The file, version 1: `Schemas/tokenizer.schema.json`.
private struct FileContent: Decodable {
    struct SpecialTokens: Decodable, Equatable {
        var pad = BytePairVocabulary.padTokenID
        var start = BytePairVocabulary.startTokenID
        var end = BytePairVocabulary.endTokenID

        init() {}

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: AnyKey.self)
            try container.refuseKeys(except: ["pad", "start", "end"])
            pad = try container.decode(Int32.self, forKey: AnyKey("pad"))
            start = try container.decode(Int32.self, forKey: AnyKey("start"))
            end = try container.decode(Int32.self, forKey: AnyKey("end"))
        }
    }

    var model: String
    var rules: String
    var vocabularySize: Int
    var specialTokens: SpecialTokens
    var training: BytePairTrainer.Settings
    var merges: [[Int32]]

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        try container.refuseKeys(except: [
            "format", "version", "model", "rules", "vocabularySize", "specialTokens", "training", "merges",
        ])
        model = try container.decode(String.self, forKey: AnyKey("model"))
        rules = try container.decode(String.self, forKey: AnyKey("rules"))
        vocabularySize = try container.decode(Int.self, forKey: AnyKey("vocabularySize"))
        specialTokens = try container.decode(SpecialTokens.self, forKey: AnyKey("specialTokens"))
        let training = try container.nestedContainer(keyedBy: AnyKey.self, forKey: AnyKey("training"))
        try training.refuseKeys(except: [
            "vocabularySize", "minimumPairCount", "minimumHanCount", "maximumTokenByteCount",
        ])
        self.training = try container.decode(BytePairTrainer.Settings.self, forKey: AnyKey("training"))
        merges = try container.decode([[Int32]].self, forKey: AnyKey("merges"))
    }
}

private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension KeyedDecodingContainer where Key == AnyKey {
    fileprivate func refuseKeys(except known: Set<String>) throws {
        if let unknown = allKeys.map(\.stringValue).filter({ !known.contains($0) }).min() {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: codingPath, debugDescription: "unknown key “\(unknown.prefix(64))”"))
        }
    }
}
