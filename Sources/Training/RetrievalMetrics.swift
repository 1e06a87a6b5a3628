import Kernels
import PipelineEngine

/// Recall and median rank of image–text retrieval in both directions (reference CLIP evaluation).
///
/// Text to image: the caption's own image must be among the first K. Image to text: any of the image's captions must be.
/// A candidate stands before another if its score is greater, or equal with a smaller index, as open_clip counts.
/// Scores are inner products of unit-length embeddings in Float32.
///
/// Encodes to `{"split", "images", "texts", "textToImage": {"recall@1", …}, "imageToText": {…}}`.
public struct RetrievalMetrics: Codable, Sendable, Equatable {
    /// One direction of retrieval.
    public struct Direction: Codable, Sendable, Equatable {
        /// The share of queries whose match is first, 0 to 1.
        public let recallAt1: Double
        /// The share of queries with a match among the first five.
        public let recallAt5: Double
        /// The share of queries with a match among the first ten.
        public let recallAt10: Double
        /// The median of the best match's rank, which counts from 1; the mean of the middle two for an even number.
        public let medianRank: Double

        enum CodingKeys: String, CodingKey {
            case recallAt1 = "recall@1"
            case recallAt5 = "recall@5"
            case recallAt10 = "recall@10"
            case medianRank
        }

        /// Sums up ranks that count from 0; all zero for no ranks.
        init(ranks: [Int]) {
            func recall(_ limit: Int) -> Double {
                ranks.isEmpty ? 0 : Double(ranks.count { $0 < limit }) / Double(ranks.count)
            }
            recallAt1 = recall(1)
            recallAt5 = recall(5)
            recallAt10 = recall(10)
            let sorted = ranks.sorted()
            let upper = sorted.count / 2
            medianRank =
                if sorted.isEmpty {
                    0
                } else if sorted.count % 2 == 1 {
                    Double(sorted[upper] + 1)
                } else {
                    Double(sorted[upper - 1] + sorted[upper]) / 2 + 1
                }
        }
    }

    /// What was evaluated, for example `dev`.
    public let split: String
    /// Images that were ranked.
    public let images: Int
    /// Captions that were ranked.
    public let texts: Int
    /// Queries are captions.
    public let textToImage: Direction
    /// Queries are the images that have a caption.
    public let imageToText: Direction

    /// Ranks all images for every caption and all captions for every image.
    ///
    /// Memory beyond the embeddings is about 4 MB per thread, whatever their number; time is 2·N·M·E products (twice that
    /// from 8,192 candidates on). The same for every number of threads.
    ///
    /// - Parameters:
    ///   - images: [N, E] unit-length embeddings, row-major.
    ///   - texts: [M, E] likewise.
    ///   - imageOfText: the row of the image that each of the M captions belongs to.
    /// - Throws: `TrainingError` (`diverged`) when a value is not finite, `CancellationError`.
    public static func evaluate(
        split: String, images: [Float], texts: [Float], dimension: Int, imageOfText: [Int], on pool: ComputePool
    ) async throws -> RetrievalMetrics {
        let textCount = imageOfText.count
        let imageCount = dimension > 0 ? images.count / dimension : 0
        precondition(
            dimension > 0 && images.count == imageCount * dimension && texts.count == textCount * dimension
                && imageOfText.allSatisfy { (0..<imageCount).contains($0) },
            """
            RetrievalMetrics: \(images.count) and \(texts.count) floats, \(textCount) captions, dimension \(dimension), \
            or a caption of an image that is not there
            """)
        let imageBuffer = FloatBuffer(images)
        let textBuffer = FloatBuffer(texts)
        var textsOfImage = [[Int]](repeating: [], count: imageCount)
        for (text, image) in imageOfText.enumerated() { textsOfImage[image].append(text) }
        let byText = try await RetrievalRanks(
            queries: textBuffer, candidates: imageBuffer, dimension: dimension, matches: imageOfText.map { [$0] }
        ).ranks(on: pool)
        let byImage = try await RetrievalRanks(
            queries: imageBuffer, candidates: textBuffer, dimension: dimension, matches: textsOfImage
        ).ranks(on: pool)
        return RetrievalMetrics(
            split: split, images: imageCount, texts: textCount, textToImage: Direction(ranks: byText),
            imageToText: Direction(ranks: byImage))
    }

    /// The values by name, as the metrics log and plots take them: `textToImage.recall@10` and so on.
    public var values: [String: Double] {
        [
            "textToImage.recall@1": textToImage.recallAt1, "textToImage.recall@5": textToImage.recallAt5,
            "textToImage.recall@10": textToImage.recallAt10, "textToImage.medianRank": textToImage.medianRank,
            "imageToText.recall@1": imageToText.recallAt1, "imageToText.recall@5": imageToText.recallAt5,
            "imageToText.recall@10": imageToText.recallAt10, "imageToText.medianRank": imageToText.medianRank,
        ]
    }
}
