import PipelineEngine
import SampleCatalog
import Samples
import Synchronization
import VectorIndex

/// The pieces of all shards of a run, one shard after another, so that no thread waits for a shard's end.
final class EmbedRunPlan: Sequence, Sendable {
    /// A piece of work, or why a shard has none.
    struct Piece: Sendable {
        let shard: Int
        let item: Result<EmbedItem, any Error>
    }

    /// What came of a piece.
    struct Done: Sendable {
        let shard: Int
        let result: Result<EmbedResult, any Error>
    }

    private let shards: [ShardToEmbed]
    private let catalog: SampleCatalog
    private let repeatedImages: RepeatedImages
    private let embeddingsPath: String
    private let imagesPerItem: Int
    private let embedsCaptions: Bool
    private let stop: StopSignal
    private let givenUp = Mutex<Set<Int>>([])

    init(
        shards: [ShardToEmbed], catalog: SampleCatalog, repeatedImages: RepeatedImages, embeddingsPath: String,
        imagesPerItem: Int, embedsCaptions: Bool, stop: StopSignal
    ) {
        self.shards = shards
        self.catalog = catalog
        self.repeatedImages = repeatedImages
        self.embeddingsPath = embeddingsPath
        self.imagesPerItem = imagesPerItem
        self.embedsCaptions = embedsCaptions
        self.stop = stop
    }

    /// Plans nothing more of a shard.
    func giveUp(_ shard: Int) {
        givenUp.withLock { _ = $0.insert(shard) }
    }

    private func isGivenUp(_ shard: Int) -> Bool {
        givenUp.withLock { $0.contains(shard) }
    }

    func makeIterator() -> AnyIterator<Piece> {
        var stale = shards.indices.filter { !shards[$0].isCurrent }.makeIterator()
        var current: (shard: Int, items: AnyIterator<EmbedItem>, error: FirstError)?
        return AnyIterator { [self] in
            while !stop.isStopRequested {
                if let (shard, items, error) = current {
                    if !isGivenUp(shard) {
                        if let item = items.next() { return Piece(shard: shard, item: .success(item)) }
                        current = nil
                        do {
                            try error.rethrow()
                        } catch {
                            return Piece(shard: shard, item: .failure(error))
                        }
                    }
                    current = nil
                }
                guard let next = stale.next() else { return nil }
                do {
                    let error = FirstError()
                    current = (next, try items(ofShard: next, error), error)
                } catch {
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
