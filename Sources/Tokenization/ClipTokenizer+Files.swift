import Foundation

extension ClipTokenizer {
    /// Which of the three forms of the vocabulary a folder has.
    enum FileForm: CaseIterable {
        case tokenizerJSON, vocabularyAndMerges, mergesOnly

        /// The files it needs.
        var names: [String] {
            switch self {
            case .tokenizerJSON: ["tokenizer.json"]
            case .vocabularyAndMerges: ["vocab.json", "merges.txt"]
            case .mergesOnly: [ClipTokenizer.mergesFileName]
            }
        }
    }

    /// OpenAI's file, decompressed: its merges define every id.
    public static let mergesFileName = "bpe_simple_vocab_16e6.txt"
    /// The optional file that names the padding token beside a Hugging Face vocabulary.
    public static let settingsFileName = "tokenizer_config.json"
    /// How many of the lines of ``mergesFileName`` behind the first are merges that count.
    static let mergeLineCount = 49_152 - 256 - 2

    /// Names of the files in a folder that ``init(directory:cleaning:specialStrings:)`` reads, for a model's digest.
    /// Throws an error that says which files are missing when there is no whole vocabulary.
    public static func fileNames(inDirectory directory: URL) throws(TokenizationError) -> [String] {
        let form = try fileForm(inDirectory: directory)
        guard form != .mergesOnly, exists(settingsFileName, in: directory) else { return form.names }
        return form.names + [settingsFileName]
    }

    /// Reads the vocabulary of a folder: `tokenizer.json`, else `vocab.json` with `merges.txt`, else ``mergesFileName``.
    ///
    /// The padding id is open_clip's 0 when `cleaning` is ``ClipCleaning/openClip``; otherwise what the files name, or else
    /// the end token.
    /// Throws when files are missing (and names them), damaged, or of another kind of tokenizer.
    public init(
        directory: URL, cleaning: ClipCleaning, specialStrings: SpecialStrings = .escaped
    ) throws(TokenizationError) {
        let form = try Self.fileForm(inDirectory: directory)
        let place = directory.appending(path: form.names[0]).path
        let source: VocabularySource
        switch form {
        case .tokenizerJSON:
            source = try TokenizerJSON.source(try Self.bytes("tokenizer.json", in: directory), place: place)
        case .vocabularyAndMerges:
            source = try Self.source(
                vocabularyJSON: try Self.bytes("vocab.json", in: directory),
                mergesText: try Self.bytes("merges.txt", in: directory), directory: directory)
        case .mergesOnly:
            source = try Self.source(
                orderedMergesText: try Self.bytes(Self.mergesFileName, in: directory), place: place)
        }
        var padName: String?
        if form != .mergesOnly, Self.exists(Self.settingsFileName, in: directory) {
            let settingsPlace = directory.appending(path: Self.settingsFileName).path
            padName = try TokenizerSettings.padToken(
                try Self.bytes(Self.settingsFileName, in: directory), place: settingsPlace)
        }
        try self.init(
            source: source, padName: padName, cleaning: cleaning, specialStrings: specialStrings, place: place)
    }

    /// A vocabulary as its files state it, before it is checked.
    struct VocabularySource {
        /// Ids by token string; nil when they follow from the order of the merges.
        var ids: [String: Int32]?
        var merges: [(left: Substring, right: Substring)]
        /// Special strings and their ids as `tokenizer.json` lists them.
        var specials: [SpecialString] = []
        var padTokenID: Int32?
    }

    init(
        source: VocabularySource, padName: String?, cleaning: ClipCleaning, specialStrings: SpecialStrings,
        place: String
    ) throws(TokenizationError) {
        let vocabulary: ClipVocabulary
        var specials = source.specials
        var ids = source.ids ?? [:]
        do throws(ClipVocabulary.Refusal) {
            if source.ids != nil {
                for special in specials { ids[special.text] = special.id }
                let names = [ClipVocabulary.SpecialNames.openAI, .openClip].first {
                    ids[$0.start] != nil && ids[$0.end] != nil
                }
                guard let names, let start = ids[names.start], let end = ids[names.end] else {
                    throw ClipVocabulary.Refusal(reason: "it has no “<|startoftext|>” and “<|endoftext|>”")
                }
                vocabulary = try ClipVocabulary(ids: ids, merges: source.merges, startTokenID: start, endTokenID: end)
            } else {
                vocabulary = try ClipVocabulary(orderedMerges: source.merges)
            }
        } catch {
            throw TokenizationError(
                .invalidFile, "this is not a CLIP vocabulary: \(error.reason); download the tokenizer's files again",
                place: place)
        }
        func named(_ names: ClipVocabulary.SpecialNames, _ place: SpecialString.Place) -> [SpecialString] {
            [(names.start, vocabulary.startTokenID), (names.end, vocabulary.endTokenID)].map {
                SpecialString(text: $0.0, id: $0.1, place: place)
            }
        }
        let pad: Int32
        switch cleaning {
        case .openClip:
            // open_clip knows its own names only, wherever its vocabulary comes from.
            specials = named(.openClip, .startOfPreToken)
            pad = 0
        case .huggingFaceFast, .huggingFaceSlow:
            if specials.isEmpty { specials = named(.openAI, .cleanedText) }
            if cleaning == .huggingFaceSlow {
                for index in specials.indices { specials[index].place = .givenText }
                specials += named(.openAI, .startOfPreToken)
            }
            pad = source.padTokenID ?? padName.flatMap { ids[$0] } ?? vocabulary.endTokenID
        }
        guard pad >= 0, Int(pad) < vocabulary.count else {
            throw TokenizationError(
                .invalidFile, "the padding id \(pad) is not in the vocabulary; download the tokenizer's files again",
                place: place)
        }
        self.init(
            vocabulary: vocabulary, cleaning: cleaning, specialStrings: specialStrings, padTokenID: pad,
            specials: specials)
    }

    private static func source(
        orderedMergesText bytes: [UInt8], place: String
    ) throws(TokenizationError) -> VocabularySource {
        let lines = try lines(of: bytes, place: place).dropFirst().prefix(mergeLineCount)
        return VocabularySource(ids: nil, merges: try merges(lines, place: place))
    }

    private static func source(
        vocabularyJSON: [UInt8], mergesText: [UInt8], directory: URL
    ) throws(TokenizationError) -> VocabularySource {
        let ids: [String: Int32]
        do {
            ids = try JSONDecoder().decode([String: Int32].self, from: Data(vocabularyJSON))
        } catch {
            throw TokenizationError(
                .invalidFile, "this is not an object of token strings and ids; download the tokenizer's files again",
                place: directory.appending(path: "vocab.json").path, cause: error)
        }
        let place = directory.appending(path: "merges.txt").path
        var lines = try lines(of: mergesText, place: place)
        if let first = lines.first, first.hasPrefix("#version") { lines.removeFirst() }
        return VocabularySource(ids: ids, merges: try merges(lines[...], place: place))
    }

    /// Lines without an empty last one.
    private static func lines(of bytes: [UInt8], place: String) throws(TokenizationError) -> [Substring] {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw TokenizationError(
                .invalidFile, "the file is not UTF-8 text; download the tokenizer's files again", place: place)
        }
        var lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
            Substring(line.last == 0x0D ? line.dropLast() : line)
        }
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    private static func merges(
        _ lines: ArraySlice<Substring>, place: String
    ) throws(TokenizationError) -> [(left: Substring, right: Substring)] {
        var merges: [(left: Substring, right: Substring)] = []
        merges.reserveCapacity(lines.count)
        for (index, line) in zip(lines.indices, lines) {
            guard let merge = TokenizerJSON.merge(line) else {
                throw TokenizationError(
                    .invalidFile,
                    "line \(index + 1) does not hold two symbols with a space between; download the file again",
                    place: place)
            }
            merges.append(merge)
        }
        return merges
    }

    private static func exists(_ name: String, in directory: URL) -> Bool {
        FileManager.default.fileExists(atPath: directory.appending(path: name).path)
    }

    private static func fileForm(inDirectory directory: URL) throws(TokenizationError) -> FileForm {
        for form in FileForm.allCases where form.names.allSatisfy({ exists($0, in: directory) }) { return form }
        let halves = FileForm.vocabularyAndMerges.names
        if let there = halves.first(where: { exists($0, in: directory) }),
            let missing = halves.first(where: { $0 != there })
        {
            throw TokenizationError(
                .missingFiles, "\(there) is there, but \(missing) is missing; download it from the same place",
                place: directory.path)
        }
        if exists(mergesFileName + ".gz", in: directory) {
            throw TokenizationError(
                .missingFiles,
                "\(mergesFileName) is missing; decompress the file that is there: gunzip -k \(mergesFileName).gz",
                place: directory.path)
        }
        throw TokenizationError(
            .missingFiles,
            "the folder has no tokenizer; it needs tokenizer.json, or vocab.json and merges.txt, or \(mergesFileName): "
                + "download them from where the model comes from",
            place: directory.path)
    }

    private static func bytes(_ name: String, in directory: URL) throws(TokenizationError) -> [UInt8] {
        let url = directory.appending(path: name)
        let limit = BytePairTokenizer.maximumFileByteCount
        let data: Data
        do {
            let file = try FileHandle(forReadingFrom: url)
            data = try file.read(upToCount: limit + 1) ?? Data()
            try file.close()
        } catch {
            throw TokenizationError(
                .unreadableFile, "the tokenizer file could not be read; check its permissions", place: url.path,
                cause: error)
        }
        guard data.count <= limit else {
            throw TokenizationError(
                .invalidFile, "the file is larger than \(limit) bytes, which no tokenizer is", place: url.path)
        }
        return Array(data)
    }
}
