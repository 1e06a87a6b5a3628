import Encoders
import Imaging
import Kernels
import SampleCatalog
import Tokenization
import VectorIndex

/// Turns pieces of work into vectors; shared by all threads.
struct SampleEmbedder: Sendable {
    let encoder: DualEncoder
    let tokenizer: TextTokenizer
    let preprocessing: Preprocessing
    let decode: DecodeMode
    let contextLength: Int
    let images = SampleImages()

    init(model: InstalledModel, recipe: EmbedRecipe) throws {
        self.init(
            encoder: try DualEncoder(directory: model.directory, precision: recipe.precision),
            tokenizer: try model.tokenizer(), preprocessing: model.preprocessing, decode: recipe.decode,
            contextLength: model.configuration.text.contextLength)
    }

    private init(
        encoder: DualEncoder, tokenizer: TextTokenizer, preprocessing: Preprocessing, decode: DecodeMode,
        contextLength: Int
    ) {
        self.encoder = encoder
        self.tokenizer = tokenizer
        self.preprocessing = preprocessing
        self.decode = decode
        self.contextLength = contextLength
    }

    /// The same with the same weights by another recipe.
    func following(_ recipe: EmbedRecipe) -> SampleEmbedder {
        SampleEmbedder(
            encoder: encoder.precision == recipe.precision ? encoder : encoder.computing(in: recipe.precision),
            tokenizer: tokenizer, preprocessing: preprocessing, decode: recipe.decode, contextLength: contextLength)
    }

    /// Encodes one piece. A sample whose image cannot be decoded becomes a failure; everything else that goes wrong ends
    /// the shard.
    func callAsFunction(_ item: EmbedItem) throws -> EmbedResult {
        var result = EmbedResult(item: item)
        switch item.work {
        case .images(let samples): try encode(samples, into: &result)
        case .captions(let captions): encode(captions, into: &result)
        }
        return result
    }

    private func encode(
        _ samples: [(sample: CatalogSample, content: ImageContent?)], into result: inout EmbedResult
    ) throws {
        var pixels: [UInt8] = []
        pixels.reserveCapacity(samples.count * preprocessing.size * preprocessing.size * 3)
        var seconds = PreprocessingSeconds()
        for (sample, content) in samples {
            do {
                let bytes = try result.profile.measure(.read) { try images.bytes(of: sample) }
                pixels += try preprocessing(
                    decoding: bytes, orientation: .recorded(sample.orientation), decode: decode, seconds: &seconds
                ).bytes
                result.rows.append(EmbeddingRow(ordinal: sample.ordinal, view: .image, key: sample.key))
                result.contents.append(content)
            } catch  where Quarantine.concernsOneSample(error, isInFolder: result.item.isFolder) {
                result.failures.append(
                    QuarantineRecord(
                        ordinal: sample.ordinal, stage: "embed", key: sample.key, byteOffset: sample.image.offset,
                        code: Quarantine.code(of: error), reason: "\(error)"))
            }
        }
        result.profile.add(seconds)
        guard !result.rows.isEmpty else { return }
        let count = result.rows.count
        result.vectors = result.profile.measure(.imageTower) { encoder.encodeImages(pixels, count: count) }
        result.profile.imageOperations = encoder.imageOperations(count: count)
    }

    private func encode(
        _ captions: [(sample: CatalogSample, number: Int, text: String)], into result: inout EmbedResult
    ) {
        var tokens: [[Int32]] = []
        result.profile.measure(.tokenize) {
            for caption in captions {
                let encoded = tokenizer.encodeReportingTruncation(caption.text, contextLength: contextLength)
                if encoded.wasTruncated { result.truncatedCaptionCount += 1 }
                tokens.append(encoded.tokens)
                result.rows.append(
                    EmbeddingRow(
                        ordinal: caption.sample.ordinal, view: .caption(UInt16(clamping: caption.number)),
                        key: caption.sample.key))
            }
        }
        result.vectors = result.profile.measure(.textTower) { encoder.encodeTexts(tokens) }
        for text in tokens { result.profile.textOperations += encoder.textOperations(tokenCount: text.count) }
    }
}
