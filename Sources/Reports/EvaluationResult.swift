/// Retrieval quality on one split, as `vlmpipe eval --json` prints it.
///
/// The JSON form is `Schemas/eval-result.schema.json`.
public struct EvaluationResult: Codable, Sendable, Equatable {
    /// One direction of retrieval. Recalls are shares of the queries, 0 to 1.
    public struct Direction: Codable, Sendable, Equatable {
        /// Share of queries with a right answer at rank 1.
        public var recallAt1: Double
        /// Share of queries with a right answer among the first 5.
        public var recallAt5: Double
        /// Share of queries with a right answer among the first 10.
        public var recallAt10: Double
        /// Median over the queries of the best right answer's rank, from 1.
        public var medianRank: Double

        /// Makes a direction's figures.
        public init(recallAt1: Double, recallAt5: Double, recallAt10: Double, medianRank: Double) {
            self.recallAt1 = recallAt1
            self.recallAt5 = recallAt5
            self.recallAt10 = recallAt10
            self.medianRank = medianRank
        }

        private enum CodingKeys: String, CodingKey {
            case recallAt1 = "recall@1"
            case recallAt5 = "recall@5"
            case recallAt10 = "recall@10"
            case medianRank
        }
    }

    /// The split's name.
    public var split: String
    /// Number of images.
    public var images: Int
    /// Number of captions.
    public var texts: Int
    /// Captions as queries, images as answers.
    public var textToImage: Direction
    /// Images as queries, captions as answers.
    public var imageToText: Direction

    /// Makes a result.
    public init(split: String, images: Int, texts: Int, textToImage: Direction, imageToText: Direction) {
        self.split = split
        self.images = images
        self.texts = texts
        self.textToImage = textToImage
        self.imageToText = imageToText
    }

    /// The JSON text, keys sorted, one line unless `isIndented`. Throws when a number is not finite.
    public func jsonText(isIndented: Bool = false) throws -> String { try stableJSON(self, isIndented: isIndented) }
}
