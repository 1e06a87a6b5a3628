/// Learns a byte-pair vocabulary from captions.
///
/// Only the counts of unique pre-tokens are kept, so the result does not depend on the order of the captions, nor on how
/// they were spread over trainers that are joined by ``merge(_:)``.
/// Memory is that of the unique pre-tokens, at most ``maximumUniqueCount`` of them.
///
/// Han characters that occur often enough become one token each before anything else is merged, the commonest first;
/// at most half of the free ids go to them. Then pairs are merged by count: the highest first, and among equals the
/// smaller left id, then the smaller right id. A merge never crosses pre-tokens.
public struct BytePairTrainer: Sendable {
    /// What a vocabulary is trained with.
    public struct Settings: Sendable, Equatable, Codable {
        /// The largest number of token ids, specials included; at least 515. Default 16,384.
        public var vocabularySize: Int
        /// A pair that occurs less often is not merged; at least 1. Default 2.
        public var minimumPairCount: Int
        /// A Han character that occurs at least this often becomes one token; at least 1. Default 2.
        public var minimumHanCount: Int
        /// The longest token in bytes, so that merges do not memorise phrases; at least 4. Default 24.
        public var maximumTokenByteCount: Int

        /// Makes settings.
        public init(
            vocabularySize: Int = 16_384, minimumPairCount: Int = 2, minimumHanCount: Int = 2,
            maximumTokenByteCount: Int = 24
        ) {
            self.vocabularySize = vocabularySize
            self.minimumPairCount = minimumPairCount
            self.minimumHanCount = minimumHanCount
            self.maximumTokenByteCount = maximumTokenByteCount
        }

        /// All settings that are out of range, or nothing.
        var problems: [String] {
            var problems: [String] = []
            let range = BytePairVocabulary.baseCount...(1 << 24)
            if !range.contains(vocabularySize) {
                problems.append(
                    "vocabularySize is \(vocabularySize); choose \(range.lowerBound) to \(range.upperBound)")
            }
            if minimumPairCount < 1 { problems.append("minimumPairCount is \(minimumPairCount); choose at least 1") }
            if minimumHanCount < 1 { problems.append("minimumHanCount is \(minimumHanCount); choose at least 1") }
            if !(4...256).contains(maximumTokenByteCount) {
                problems.append("maximumTokenByteCount is \(maximumTokenByteCount); choose 4 to 256")
            }
            return problems
        }
    }

    /// How many different pre-tokens are counted; past that, the rarest are forgotten (and only then can the order of
    /// the captions matter). Real captions stay far below it: Flickr8k's 30,000 have about 7,500.
    public static let maximumUniqueCount = 1 << 21

    /// The settings.
    public let settings: Settings
    /// How many captions were added, empty ones included.
    public private(set) var captionCount = 0
    /// How many different pre-tokens were forgotten because there were more than ``maximumUniqueCount``.
    public private(set) var forgottenCount = 0

    private var shortCounts: [PackedWord: Int] = [:]
    private var longCounts: [[UInt8]: Int] = [:]
    private var cleaner = TextCleaner()

    /// Makes a trainer that has seen nothing.
    public init(settings: Settings = Settings()) {
        self.settings = settings
    }

    /// How many different pre-tokens were seen.
    public var uniquePreTokenCount: Int { shortCounts.count + longCounts.count }

    /// Cleans and splits a caption and counts its pre-tokens. Linear in its length.
    public mutating func add(_ caption: String) {
        captionCount += 1
        cleaner.clean(caption)
        var scanner = PreTokenScanner()
        while let range = scanner.next(in: cleaner.bytes.span) {
            if let word = PackedWord(cleaner.bytes.span, range) {
                shortCounts[word, default: 0] += 1
            } else {
                longCounts[Array(cleaner.bytes[range]), default: 0] += 1
            }
            if uniquePreTokenCount > Self.maximumUniqueCount { forgetRarest() }
        }
    }

    /// Adds the counts of another trainer, as if its captions had been added here.
    public mutating func merge(_ other: BytePairTrainer) {
        captionCount += other.captionCount
        forgottenCount += other.forgottenCount
        shortCounts.merge(other.shortCounts, uniquingKeysWith: +)
        longCounts.merge(other.longCounts, uniquingKeysWith: +)
        if uniquePreTokenCount > Self.maximumUniqueCount { forgetRarest() }
    }

    private mutating func forgetRarest() {
        var threshold = 1
        let before = uniquePreTokenCount
        while uniquePreTokenCount > Self.maximumUniqueCount / 2 {
            shortCounts = shortCounts.filter { $0.value > threshold }
            longCounts = longCounts.filter { $0.value > threshold }
            threshold += 1
        }
        forgottenCount += before - uniquePreTokenCount
    }

    /// Trains the vocabulary on what was counted; without captions it is the 515 base tokens.
    ///
    /// Takes well under a second for 35,000 captions and 16,384 tokens. Throws when a setting is out of range; all such
    /// settings are named together.
    public func train() throws(TokenizationError) -> BytePairTokenizer {
        let problems = settings.problems
        if !problems.isEmpty {
            throw TokenizationError(.invalidSettings, problems.joined(separator: "; "), place: "tokenizer")
        }
        var words: [(bytes: [UInt8], count: Int)] = []
        words.reserveCapacity(uniquePreTokenCount)
        for (word, count) in shortCounts { words.append((word.bytes, count)) }
        for (bytes, count) in longCounts { words.append((bytes, count)) }
        words.sort { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        var learner = MergeLearner(words: words, settings: settings)
        return BytePairTokenizer(vocabulary: learner.learn(), settings: settings)
    }
}
