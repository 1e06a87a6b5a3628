import SampleCatalog
import Samples
import VectorIndex

/// Gathers the pieces of one chunk, in order, into an `EmbeddingChunk`.
struct ChunkAssembly {
    private let embedder: SampleEmbedder
    private let repeatedImages: RepeatedImages
    private let dimension: Int
    /// Images that were not computed because others are the same.
    private(set) var copiedImageCount = 0
    private var rows: [EmbeddingRow] = []
    private var vectors: [Float] = []
    private var failures: [QuarantineRecord] = []

    init(embedder: SampleEmbedder, repeatedImages: RepeatedImages) {
        self.embedder = embedder
        self.repeatedImages = repeatedImages
        dimension = embedder.encoder.embeddingDimension
    }

    /// Adds a piece; returns the chunk when it is whole, and starts anew.
    mutating func add(_ result: EmbedResult) throws -> (chunk: EmbeddingChunk, failures: [QuarantineRecord])? {
        take(result)
        guard result.item.isLastOfChunk else { return nil }
        try take(result.item.copies, of: result.item)
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

    private mutating func take(_ result: EmbedResult) {
        for (index, content) in result.contents.enumerated() {
            guard let content else { continue }
            repeatedImages.store(content, vector: Array(result.vectors[index * dimension..<(index + 1) * dimension]))
        }
        rows += result.rows
        vectors += result.vectors
        failures += result.failures
    }

    /// Adds what was computed for other samples. Where the other one's file failed, which says nothing of this one's, an
    /// image is computed here.
    private mutating func take(_ copies: [EmbedItem.Copy], of item: EmbedItem) throws {
        var captions: [RowKey: Int] = [:]
        for (index, row) in rows.enumerated() where !row.view.isVisual { captions[RowKey(row)] = index }
        var left: [(sample: CatalogSample, content: ImageContent?)] = []
        for copy in copies {
            let vector: [Float]?
            switch copy.source {
            case .image(let content): vector = repeatedImages.vector(of: content)
            case .caption(let ordinal, let view):
                vector = captions[RowKey(ordinal: ordinal, view: view)].map {
                    Array(vectors[$0 * dimension..<($0 + 1) * dimension])
                }
            }
            if let vector {
                rows.append(EmbeddingRow(ordinal: copy.sample.ordinal, view: copy.view, key: copy.sample.key))
                vectors += vector
                if copy.view.isVisual { copiedImageCount += 1 }
            } else {
                left.append((copy.sample, nil))
            }
        }
        let sliceCount = embedder.encoder.imageSliceRowCount
        for start in stride(from: 0, to: left.count, by: sliceCount) {
            let slice = Array(left[start..<min(start + sliceCount, left.count)])
            take(
                try embedder(
                    EmbedItem(
                        firstOrdinal: item.firstOrdinal, sampleCount: item.sampleCount, isFolder: item.isFolder,
                        work: .images(slice), isLastOfChunk: false)))
        }
    }

    /// Which row of a chunk.
    private struct RowKey: Hashable {
        let ordinal: UInt32
        let view: SampleView

        init(ordinal: UInt32, view: SampleView) {
            self.ordinal = ordinal
            self.view = view
        }

        init(_ row: EmbeddingRow) {
            self.init(ordinal: row.ordinal, view: row.view)
        }
    }
}
