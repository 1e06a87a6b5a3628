import Foundation

extension ClipTokenizer {
    /// OpenAI's file, whose merges define every id; it is read as it is, or with `.gz` as it comes.
    public static let mergesFileName = "bpe_simple_vocab_16e6.txt"
    /// How many of the lines of ``mergesFileName`` behind the first are merges that count.
    static let mergeLineCount = 49_152 - 256 - 2

    /// Reads the vocabulary of a folder: `tokenizer.json`, else `vocab.json` with `merges.txt`, else ``mergesFileName``.
    ///
    /// The padding id is open_clip's 0 when `cleaning` is one of open_clip's; otherwise what the files name, or else the end
    /// token.
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
        guard case .clip(let file, let json) = vocabulary else {
            throw TokenFileProblem(unsupported: "it is not CLIP's byte pairs, which have the end_of_word_suffix “</w>”")
        }
        guard cleaning != .huggingFaceLowercase else {
            throw TokenFileProblem(unsupported: "the cleaning “\(cleaning.rawValue)” is for SigLIP 2, not for CLIP")
        }
        if let difference = json.flatMap({ Self.difference($0, file) }) {
            throw TokenFileProblem(unsupported: "this is not CLIP's tokenizer: \(difference)")
        }
        let names = [ClipVocabulary.SpecialNames.openAI, .openClip].first {
            file.id(of: $0.start) != nil && file.id(of: $0.end) != nil
        }
        guard let names, let start = file.id(of: names.start), let end = file.id(of: names.end) else {
            throw TokenFileProblem(
                reason: "this is not a CLIP vocabulary: it has no “<|startoftext|>” and “<|endoftext|>”")
        }
        let clip: ClipVocabulary
        do {
            clip = try ClipVocabulary(file, startTokenID: start, endTokenID: end)
        } catch {
            throw TokenFileProblem(reason: "this is not a CLIP vocabulary: \(error.reason)")
        }
        func named(_ names: ClipVocabulary.SpecialNames, _ place: SpecialString.Place) -> [SpecialString] {
            [(names.start, start), (names.end, end)].map { SpecialString(text: $0.0, id: $0.1, place: place) }
        }
        var specials = (json?.addedTokens ?? []).map {
            SpecialString(text: $0.content, id: $0.id, place: $0.isNormalized ? .cleanedText : .givenText)
        }
        var pad = json?.padTokenID ?? end
        if cleaning.isOpenClip {
            // open_clip knows its own names only, wherever its vocabulary comes from.
            specials = named(.openClip, .startOfPreToken)
            pad = 0
        } else {
            if specials.isEmpty { specials = named(.openAI, .cleanedText) }
            if cleaning == .huggingFaceSlow {
                for index in specials.indices { specials[index].place = .givenText }
                specials += named(.openAI, .startOfPreToken)
            }
            if json?.padTokenID == nil, let known = settings.padToken.flatMap(file.id) { pad = known }
        }
        guard pad >= 0, Int(pad) < clip.count else {
            throw TokenFileProblem(reason: "the padding id \(pad) is not in the vocabulary")
        }
        self.init(
            vocabulary: clip, cleaning: cleaning, specialStrings: specialStrings, padTokenID: pad, specials: specials)
    }

    private static let pattern = #"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"#
    private static let patternSpecials = #"<\|startoftext\|>|<\|endoftext\|>|"#

    /// What in a `tokenizer.json` is not as in CLIP's and changes ids, or nil.
    private static func difference(_ json: TokenizerJSON, _ file: BytePairFile) -> String? {
        if let setting = file.unsupportedSetting { return setting }
        if file.endOfWordSuffix != ByteAlphabet.endOfWordSuffix { return "end_of_word_suffix is not “</w>”" }
        if file.hasByteFallback { return "byte_fallback is on" }
        func parts(_ step: JSONValue?, _ key: String) -> [JSONValue] {
            step.map { $0[key]?.items ?? [$0] } ?? []
        }
        let normalizers = parts(json.normalizer, "normalizers")
        guard normalizers.map({ $0["type"]?.text }) == ["NFC", "Replace", "Lowercase"],
            normalizers[1]["pattern"]?["Regex"]?.text == #"\s+"#
        else { return "its normalizer is not NFC, white space, lower case" }
        let steps = parts(json.preTokenizer, "pretokenizers")
        guard steps.map({ $0["type"]?.text }) == ["Split", "ByteLevel"], steps[0]["invert"]?.flag == true,
            steps[0]["behavior"]?.text == "Removed", steps[1]["add_prefix_space"]?.flag == false,
            let regex = steps[0]["pattern"]?["Regex"]?.text, regex == pattern || regex == patternSpecials + pattern
        else { return "its pre-tokenizer is not CLIP's pattern and bytes" }
        let oddities = json.addedTokens.contains { $0.isSingleWord || $0.takesSpaceBefore || $0.takesSpaceBehind }
        return oddities ? "an added token strips spaces or wants a whole word" : nil
    }
}
