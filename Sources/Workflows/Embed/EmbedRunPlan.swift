import PipelineEngine
import SampleCatalog
import Samples
import Synchronization
import VectorIndex

/// The pieces of all shards of a run, one shard after another, so that no thread waits for a shard's end.
///
/// Pieces are planned some way ahead of their work, and what they will read is fetched from the disk meanwhile.
final class EmbedRunPlan: Sequence, Sendable {
    /// A piece of work, or why a shard has none.
    struct Piece: Sendable {
        let shard: Int
        let item: Result<EmbedItem, any Error>

        /// What it reads.
        var images: [CatalogSample] {
            guard case .success(let item) = item, case .images(let images) = item.work else { return [] }
            return images.map(\.sample)
        }

        var imageCount: Int { images.count }
        var imageByteCount: Int { images.reduce(0) { $0 + Int($1.image.byteCount) } }
    }

    /// What came of a piece.
    struct Done: Sendable {
        let shard: Int
        let result: Result<EmbedResult, any Error>
    }

    /// How far ahead pieces are planned: images, and bytes of them.
    private static let imagesAhead = 256
    private static let bytesAhead = 64 << 20
    /// Threads that wait for the disk.
    private static let fetchThreadCount = 4

    private let shards: [ShardToEmbed]
    private let images: SampleImages
    private let fetchers = ComputePool(threadCount: EmbedRunPlan.fetchThreadCount)
    private let catalog: SampleCatalog
    private let repeatedImages: RepeatedImages
    private let embeddingsPath: String
    private let imagesPerItem: Int
    private let embedsCaptions: Bool
    private let stop: StopSignal
    private let givenUp = Mutex<Set<Int>>([])

    init(
        shards: [ShardToEmbed], images: SampleImages, catalog: SampleCatalog, repeatedImages: RepeatedImages,
        embeddingsPath: String, imagesPerItem: Int, embedsCaptions: Bool, stop: StopSignal
    ) {
        self.shards = shards
        self.images = images
        self.catalog = catalog
        self.repeatedImages = repeatedImages
        self.embeddingsPath = embeddingsPath
        self.imagesPerItem = imagesPerItem
        self.embedsCaptions = embedsCaptions
        self.stop = stop
    }

    /// Ends the threads that fetch; to be called when all pieces have been taken.
    func close() {
        fetchers.shutdown()
    }

    /// Plans nothing more of a shard.
    func giveUp(_ shard: Int) {
        givenUp.withLock { _ = $0.insert(shard) }
    }

    private func isGivenUp(_ shard: Int) -> Bool {
        givenUp.withLock { $0.contains(shard) }
    }

    func makeIterator() -> AnyIterator<Piece> {
        let pieces = plannedPieces()
        var ahead: [Piece] = []
        var (imageCount, byteCount) = (0, 0)
        var isPlanned = false
        return AnyIterator { [self] in
            repeat {
                while !isPlanned, imageCount < Self.imagesAhead, byteCount < Self.bytesAhead {
                    guard let piece = pieces.next() else {
                        isPlanned = true
                        break
                    }
                    ahead.append(piece)
                    imageCount += piece.imageCount
                    byteCount += piece.imageByteCount
                    fetch(piece)
                }
                guard !ahead.isEmpty, !stop.isStopRequested else { return nil }
                let piece = ahead.removeFirst()
                imageCount -= piece.imageCount
                byteCount -= piece.imageByteCount
                if !isGivenUp(piece.shard) { return piece }
            } while true
        }
    }

    /// Has the files of a piece brought into memory.
    private func fetch(_ piece: Piece) {
        let samples = piece.images
        guard !samples.isEmpty else { return }
        Task(executorPreference: fetchers) { [images] in images.prefetch(samples) }
    }

    /// All pieces in order.
    private func plannedPieces() -> AnyIterator<Piece> {
        var stale = shards.indices.filter { !shards[$0].isCurrent }.makeIterator()
        var current: (shard: Int, items: AnyIterator<EmbedItem>, error: FirstError)?
        return AnyIterator { [self] in
            while !stop.isStopRequested {
                if let (shard, items, error) = current, !isGivenUp(shard) {
                    if let item = items.next() { return Piece(shard: shard, item: .success(item)) }
                    current = nil
                    do {
                        try error.rethrow()
                    } catch {
                        return Piece(shard: shard, item: .failure(error))
                    }
                }
                guard let next = stale.next() else { return nil }
                do {
                    let error = FirstError()
                    current = (next, try items(ofShard: next, error), error)
                } catch {
                    current = nil
                    return Piece(shard: next, item: .failure(error))
                }
            }
            return nil
        }
    }

    /// What is left of one shard; at least one piece, which ends it.
    private func items(ofShard number: Int, _ error: FirstError) throws -> AnyIterator<EmbedItem> {
        let shard = shards[number].shard
        let (next, isComplete) = try progress(of: shards[number])
        if isComplete || Int(next) >= shards[number].foundCount {
            let end = EmbedItem(
                firstOrdinal: next, sampleCount: 0, isFolder: shard.kind.hasFiles, work: .images([]),
                isLastOfChunk: false, isLastOfShard: true)
            return AnyIterator([end].makeIterator())
        }
        return EmbedPlan(
            catalog: catalog, repeatedImages: repeatedImages, shard: shard, foundCount: shards[number].foundCount,
            firstOrdinal: next, imagesPerItem: imagesPerItem, embedsCaptions: embedsCaptions,
            shouldStop: { [stop] in stop.isStopRequested }, reportFailure: { error.note($0) }
        ).makeIterator()
    }

    /// How far an earlier run came.
    private func progress(of work: ShardToEmbed) throws -> (next: UInt32, isComplete: Bool) {
        let writer = try EmbeddingPartWriter.open(folder: embeddingsPath, header: work.header)
        return (writer.nextOrdinal, writer.isComplete)
    }
}

extension ShardToEmbed {
    /// Things found in the shard, quarantined ones included.
    var foundCount: Int { Int(shard.cursor.ordinal) }
}
