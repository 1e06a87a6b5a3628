import Encoders
import PipelineEngine
import SampleCatalog
import Samples
import Tokenization
import Training

/// Captioned samples that training does not see, kept decoded, on which recall is measured while training goes on.
struct HoldOut: Sendable {
    /// At most this many images are used: enough for a standard error of half a point, little enough to be quick.
    static let maximumImageCount = 1000
    /// Captions used of one image.
    static let maximumCaptionCount = 5
    /// Splits that are looked for, the first one with captioned samples is used. `test` is not among them: nobody looks
    /// at it before the end.
    static let splits = [Split.heldOut, Split(rawValue: "dev"), Split(rawValue: "val"), Split(rawValue: "validation")]

    let split: String
    let imageCount: Int
    private let pixels: [UInt8]
    private let imageByteCount: Int
    private let tokens: [[Int32]]
    /// The image of each caption.
    private let imageOfText: [Int]

    /// Decodes the held-out samples; nil if no split holds captioned ones.
    init?(
        catalog: SampleCatalog, datasets: [String], tokenizer: BytePairTokenizer,
        configuration: DualEncoderConfiguration
    ) throws {
        let images = SampleImages()
        let preprocessing = InstalledModel.preprocessing(configuration)
        imageByteCount = configuration.vision.imageByteCount
        let names = try datasets.isEmpty ? catalog.datasetNames() : datasets.sorted()
        for split in Self.splits {
            var pixels: [UInt8] = []
            var tokens: [[Int32]] = []
            var imageOfText: [Int] = []
            var count = 0
            for dataset in names {
                for shard in try catalog.shards(ofDataset: dataset, split: split, states: [.complete]) {
                    try catalog.forEachChunk(ofShard: shard.id, split: split) { chunk in
                        for sample in chunk where !sample.captions.isEmpty && count < Self.maximumImageCount {
                            // A picture that cannot be had is left out here and dealt with by 'embed'.
                            guard let image = try images.imageIfReadable(of: sample, in: shard) else { continue }
                            pixels += preprocessing(image).bytes
                            for caption in sample.captions.prefix(Self.maximumCaptionCount) {
                                tokens.append(
                                    tokenizer.encode(caption, contextLength: configuration.text.contextLength))
                                imageOfText.append(count)
                            }
                            count += 1
                        }
                    }
                }
            }
            guard count > 0 else { continue }
            self.split = split.rawValue
            self.pixels = pixels
            self.tokens = tokens
            self.imageOfText = imageOfText
            imageCount = count
            return
        }
        return nil
    }

    /// Recall of a snapshot in both directions.
    func evaluate(_ encoder: DualEncoder, pool: ComputePool) async throws -> TrainingEvaluation {
        let imagesPerItem = encoder.imageSliceRowCount
        let images = try await pool.map(Array(stride(from: 0, to: imageCount, by: imagesPerItem))) { start in
            let end = min(start + imagesPerItem, imageCount)
            return encoder.encodeImages(
                Array(pixels[start * imageByteCount..<end * imageByteCount]), count: end - start)
        }
        let texts = try await pool.map(Array(stride(from: 0, to: tokens.count, by: EmbedPlan.captionsPerItem))) {
            start in
            encoder.encodeTexts(Array(tokens[start..<min(start + EmbedPlan.captionsPerItem, tokens.count)]))
        }
        let metrics = try await RetrievalMetrics.evaluate(
            split: split, images: images.flatMap(\.self), texts: texts.flatMap(\.self),
            dimension: encoder.embeddingDimension, imageOfText: imageOfText, on: pool)
        return TrainingEvaluation(
            metrics: metrics.values, score: (metrics.textToImage.recallAt10 + metrics.imageToText.recallAt10) / 2)
    }
}
