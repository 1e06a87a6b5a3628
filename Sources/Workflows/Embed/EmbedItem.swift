import Encoders
import Imaging
import SampleCatalog
import Samples
import Tokenization
import VectorIndex

/// A piece of one chunk's work that one thread does by itself: decode, preprocess, encode.
struct EmbedItem: Sendable {
    /// What is encoded.
    enum Work: Sendable {
        /// One slice of images, with what their vectors are kept under for others like them.
        case images([(sample: CatalogSample, content: ImageContent?)])
        /// Captions of one chunk, no text twice.
        case captions([(sample: CatalogSample, number: Int, text: String)])
    }

    /// A vector of the chunk that is computed for another sample.
    struct Copy: Sendable {
        enum Source: Sendable {
            case image(ImageContent)
            /// A caption of the same chunk: ordinal and view.
            case caption(UInt32, SampleView)
        }

        let sample: CatalogSample
        let view: SampleView
        let source: Source
    }

    /// Ordinal of the chunk's first sample.
    let firstOrdinal: UInt32
    /// Number of consecutive ordinals the chunk covers.
    let sampleCount: Int
    /// Whether every sample has a file of its own.
    let isFolder: Bool
    /// The work.
    let work: Work
    /// Whether the chunk is whole once this piece and the copies are done.
    let isLastOfChunk: Bool
    /// What of the chunk is not computed; with its last piece.
    var copies: [Copy] = []
}

/// What came out of an `EmbedItem`.
struct EmbedResult: Sendable {
    var item: EmbedItem
    var rows: [EmbeddingRow] = []
    /// Of images, what the rows' vectors are kept under.
    var contents: [ImageContent?] = []
    /// [rows, E] row-major.
    var vectors: [Float] = []
    var failures: [QuarantineRecord] = []
    var truncatedCaptionCount = 0
}

/// The pieces of a shard's remaining chunks, read from the catalog as they are asked for.
struct EmbedPlan: Sequence, Sendable {
    /// Captions of one piece; enough to make good batches, few enough to keep all threads busy.
    static let captionsPerItem = 128
    /// Captions of one sample that are embedded: as many as a view's number can tell apart.
    static let captionsPerSample = 65_536

    let catalog: SampleCatalog
    let repeatedImages: RepeatedImages
    let shard: CatalogShard
    /// Number of things found in the shard, quarantined ones included.
    let foundCount: Int
    let firstOrdinal: UInt32
    let imagesPerItem: Int
    let embedsCaptions: Bool
    let shouldStop: @Sendable () -> Bool
    let reportFailure: @Sendable (any Error) -> Void

    func makeIterator() -> AnyIterator<EmbedItem> {
        var next = Int(firstOrdinal)
        var pending: ArraySlice<EmbedItem> = []
        return AnyIterator {
            while true {
                if let item = pending.popFirst() { return item }
                guard next < foundCount, !shouldStop() else { return nil }
                let count = Swift.min(EmbeddingChunk.fullSampleCount, foundCount - next)
                do {
                    pending = try items(firstOrdinal: next, count: count)[...]
                } catch {
                    reportFailure(error)
                    return nil
                }
                next += count
            }
        }
    }

    private func items(firstOrdinal: Int, count: Int) throws -> [EmbedItem] {
        let samples = try catalog.samples(ofShard: shard.id, from: UInt32(firstOrdinal), limit: count)
            .filter { Int($0.ordinal) < firstOrdinal + count }
        var copies: [EmbedItem.Copy] = []
        var images: [(sample: CatalogSample, content: ImageContent?)] = []
        for sample in samples {
            switch repeatedImages.plan(sample) {
            case .compute(let content): images.append((sample, content))
            case .copy(let content): copies.append(.init(sample: sample, view: .image, source: .image(content)))
            }
        }
        var works: [EmbedItem.Work] = stride(from: 0, to: images.count, by: imagesPerItem).map {
            .images(Array(images[$0..<Swift.min($0 + imagesPerItem, images.count)]))
        }
        if embedsCaptions {
            let captions = captions(of: samples, copies: &copies)
            works += stride(from: 0, to: captions.count, by: Self.captionsPerItem).map {
                .captions(Array(captions[$0..<Swift.min($0 + Self.captionsPerItem, captions.count)]))
            }
        }
        if works.isEmpty { works = [.images([])] }
        return works.enumerated().map { index, work in
            let isLast = index == works.count - 1
            return EmbedItem(
                firstOrdinal: UInt32(firstOrdinal), sampleCount: count, isFolder: shard.kind.hasFiles, work: work,
                isLastOfChunk: isLast, copies: isLast ? copies : [])
        }
    }

    /// The captions of a chunk, each text once.
    private func captions(
        of samples: [CatalogSample], copies: inout [EmbedItem.Copy]
    ) -> [(sample: CatalogSample, number: Int, text: String)] {
        var captions: [(sample: CatalogSample, number: Int, text: String)] = []
        var sources: [[UInt8]: EmbedItem.Copy.Source] = [:]
        for sample in samples {
            for (number, text) in sample.captions.prefix(Self.captionsPerSample).enumerated() {
                let view = SampleView.caption(UInt16(clamping: number))
                if let source = sources[Array(text.utf8)] {
                    copies.append(.init(sample: sample, view: view, source: source))
                } else {
                    sources[Array(text.utf8)] = .caption(sample.ordinal, view)
                    captions.append((sample, number, text))
                }
            }
        }
        return captions
    }
}

/// Turns pieces of work into vectors; shared by all threads.
struct SampleEmbedder: Sendable {
    let encoder: DualEncoder
    let tokenizer: TextTokenizer
    let preprocessing: Preprocessing
    let contextLength: Int
    private let images = SampleImages()

    init(model: InstalledModel, precision: Precision) throws {
        self.init(
            encoder: try DualEncoder(directory: model.directory, precision: precision),
            tokenizer: try model.tokenizer(), preprocessing: model.preprocessing,
            contextLength: model.configuration.text.contextLength)
    }

    private init(encoder: DualEncoder, tokenizer: TextTokenizer, preprocessing: Preprocessing, contextLength: Int) {
        self.encoder = encoder
        self.tokenizer = tokenizer
        self.preprocessing = preprocessing
        self.contextLength = contextLength
    }

    /// The same with the same weights in another precision.
    func computing(in precision: Precision) -> SampleEmbedder {
        SampleEmbedder(
            encoder: encoder.computing(in: precision), tokenizer: tokenizer, preprocessing: preprocessing,
            contextLength: contextLength)
    }

    /// Encodes one piece. A sample whose image cannot be decoded becomes a failure; everything else that goes wrong ends
    /// the shard.
    func callAsFunction(_ item: EmbedItem) throws -> EmbedResult {
        var result = EmbedResult(item: item)
        switch item.work {
        case .images(let samples):
            var pixels: [UInt8] = []
            pixels.reserveCapacity(samples.count * preprocessing.size * preprocessing.size * 3)
            for (sample, content) in samples {
                do {
                    pixels += try images.modelInput(of: sample, preprocessing)
                    result.rows.append(EmbeddingRow(ordinal: sample.ordinal, view: .image, key: sample.key))
                    result.contents.append(content)
                } catch  where Quarantine.concernsOneSample(error, isInFolder: item.isFolder) {
                    result.failures.append(
                        QuarantineRecord(
                            ordinal: sample.ordinal, stage: "embed", key: sample.key, byteOffset: sample.image.offset,
                            code: Quarantine.code(of: error), reason: "\(error)"))
                }
            }
            if !result.rows.isEmpty { result.vectors = encoder.encodeImages(pixels, count: result.rows.count) }
        case .captions(let captions):
            var tokens: [[Int32]] = []
            for caption in captions {
                let encoded = tokenizer.encodeReportingTruncation(caption.text, contextLength: contextLength)
                if encoded.wasTruncated { result.truncatedCaptionCount += 1 }
                tokens.append(encoded.tokens)
                result.rows.append(
                    EmbeddingRow(
                        ordinal: caption.sample.ordinal, view: .caption(UInt16(clamping: caption.number)),
                        key: caption.sample.key))
            }
            result.vectors = encoder.encodeTexts(tokens)
        }
        return result
    }
}
