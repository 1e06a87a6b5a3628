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
        /// One slice of images.
        case images([CatalogSample])
        /// Captions: (position of the sample in the chunk, number of the caption, text).
        case captions([(sample: CatalogSample, number: Int, text: String)])
    }

    /// Ordinal of the chunk's first sample.
    let firstOrdinal: UInt32
    /// Number of consecutive ordinals the chunk covers.
    let sampleCount: Int
    /// Whether every sample has a file of its own.
    let isFolder: Bool
    /// The work.
    let work: Work
    /// Whether the chunk is whole once this piece is done.
    let isLastOfChunk: Bool
}

/// What came out of an `EmbedItem`.
struct EmbedResult: Sendable {
    var item: EmbedItem
    var rows: [EmbeddingRow] = []
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
        var works: [EmbedItem.Work] = stride(from: 0, to: samples.count, by: imagesPerItem).map {
            .images(Array(samples[$0..<Swift.min($0 + imagesPerItem, samples.count)]))
        }
        if embedsCaptions {
            let captions = samples.flatMap { sample in
                sample.captions.prefix(Self.captionsPerSample).enumerated().map {
                    (sample: sample, number: $0.offset, text: $0.element)
                }
            }
            works += stride(from: 0, to: captions.count, by: Self.captionsPerItem).map {
                .captions(Array(captions[$0..<Swift.min($0 + Self.captionsPerItem, captions.count)]))
            }
        }
        if works.isEmpty { works = [.images([])] }
        return works.enumerated().map { index, work in
            EmbedItem(
                firstOrdinal: UInt32(firstOrdinal), sampleCount: count, isFolder: shard.kind.hasFiles, work: work,
                isLastOfChunk: index == works.count - 1)
        }
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
            for sample in samples {
                do {
                    pixels += try images.modelInput(of: sample, preprocessing)
                    result.rows.append(EmbeddingRow(ordinal: sample.ordinal, view: .image, key: sample.key))
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

/// Gathers the pieces of one chunk, in order, into an `EmbeddingChunk`.
struct ChunkAssembly {
    private let dimension: Int
    private var rows: [EmbeddingRow] = []
    private var vectors: [Float] = []
    private(set) var failures: [QuarantineRecord] = []

    init(dimension: Int) {
        self.dimension = dimension
    }

    /// Adds a piece; returns the chunk when it is whole, and starts anew.
    mutating func add(_ result: EmbedResult) -> (chunk: EmbeddingChunk, failures: [QuarantineRecord])? {
        rows += result.rows
        vectors += result.vectors
        failures += result.failures
        guard result.item.isLastOfChunk else { return nil }
        let failed = failures
        // A sample that failed has no rows at all, its captions neither.
        let failedOrdinals = Set(failed.map(\.ordinal))
        let order = rows.indices.filter { !failedOrdinals.contains(rows[$0].ordinal) }.sorted { left, right in
            (rows[left].ordinal, rows[left].view.code & 0xFF, rows[left].view.code >> 16)
                < (rows[right].ordinal, rows[right].view.code & 0xFF, rows[right].view.code >> 16)
        }
        var sorted: [Float] = []
        sorted.reserveCapacity(order.count * dimension)
        for index in order { sorted += vectors[index * dimension..<(index + 1) * dimension] }
        let chunk = EmbeddingChunk(
            firstOrdinal: result.item.firstOrdinal, sampleCount: result.item.sampleCount,
            failedOrdinals: failedOrdinals.sorted(), rows: order.map { rows[$0] }, vectors: sorted)
        rows = []
        vectors = []
        failures = []
        return (chunk, failed)
    }
}
