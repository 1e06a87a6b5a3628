import Kernels
import SampleCatalog
import Samples
import VectorIndex

/// Brings the index of a space in line with the catalog once its shards are sealed.
enum IndexUpkeep {
    /// Tombstones read at once.
    private static let removalCount = 65_536

    /// Small segments from which on they are merged while shards are sealed: each is an open file for a reader.
    private static let smallSegmentCount = 64
    /// Rows below which a segment is small.
    private static let smallRowCount = 32_768

    /// Seals a shard's embeddings. The index that results does not depend on when segments were merged.
    static func seal(_ segment: EmbeddingSegment, into index: inout IndexWriter) throws {
        try index.seal([segment])
        let small = index.manifest.segments.count { $0.rowCount < smallRowCount }
        guard small > smallSegmentCount else { return }
        try index.compact()
        FreedMemory.release()
    }

    /// Takes out shards that the catalog no longer has, deletes the vectors of removed samples, and gives the index the
    /// form it is searched in. May be repeated at will, and after being killed at any moment.
    ///
    /// Tombstones are all applied each time: a shard that was sealed again has the vectors of removed samples again.
    static func run(on index: inout IndexWriter, catalog: SampleCatalog) throws {
        let present = Set(
            try catalog.shards(states: [.complete, .pending]).map { ShardIdentity(dataset: $0.dataset, shard: $0.name) }
        )
        let gone = Set(index.manifest.shards.keys).subtracting(present)
        if !gone.isEmpty { try index.remove(gone) }
        if let removed = try removedSamples(catalog) { try index.delete(.samples(removed)) }
        try index.condense()
    }

    /// All tombstones; `nil` if there are none.
    private static func removedSamples(_ catalog: SampleCatalog) throws -> RowFilter? {
        var ordinals: [ShardIdentity: [UInt32]] = [:]
        var last: Int64 = 0
        while true {
            let samples = try catalog.removedSamples(after: last, limit: removalCount)
            guard let end = samples.last else { break }
            for sample in samples {
                let shard = ShardIdentity(dataset: sample.identity.dataset, shard: sample.identity.shard)
                ordinals[shard, default: []].append(sample.identity.ordinal)
            }
            last = end.sequence
        }
        guard !ordinals.isEmpty else { return nil }
        var filter = RowFilter()
        for (shard, ordinals) in ordinals { filter.insert(shard, samples: .ordinals(ordinals)) }
        return filter
    }
}
