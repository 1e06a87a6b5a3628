import SampleCatalog
import Samples
import VectorIndex

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
                isLastOfChunk: isLast, isLastOfShard: isLast && firstOrdinal + count >= foundCount,
                copies: isLast ? copies : [])
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
