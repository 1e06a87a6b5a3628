import Samples
import Synchronization

/// One shard's rows, wherever they are now. A segment of an index is a pure function of its sources.
protocol RowSource: Sendable {
    var identity: ShardIdentity { get }
    var rowCount: Int { get }
    /// What is known of the shard, with these row counts.
    func record(imageRowCount: Int, captionRowCount: Int) -> IndexedShard
    /// Hands out the rows of one kind in ascending order of ordinal and view, in batches of any size: all with vectors,
    /// or all with codes, or both.
    func forEachBatch(of kind: VectorKinds, _ body: (StoredRows) throws -> Void) throws
}

/// The rows of a file of embeddings.
struct EmbeddingRowSource: RowSource {
    let segment: EmbeddingSegment

    var identity: ShardIdentity { ShardIdentity(dataset: segment.header.dataset, shard: segment.header.shard) }
    var rowCount: Int { segment.rowCount }

    func record(imageRowCount: Int, captionRowCount: Int) -> IndexedShard {
        IndexedShard(
            identity: identity, recipe: segment.header.recipe, shardDigest: segment.header.shardDigest,
            embeddingDigest: segment.digest, sampleCount: segment.sampleCount, failedCount: segment.failedCount,
            imageRowCount: imageRowCount, captionRowCount: captionRowCount)
    }

    func forEachBatch(of kind: VectorKinds, _ body: (StoredRows) throws -> Void) throws {
        for index in segment.chunks.indices {
            let stored = try segment.storedChunk(at: index).stored
            let isVisual = kind == .images
            try body(stored.filtered(dimension: segment.header.dimension) { $0.view.isVisual == isVisual })
        }
    }
}

extension StoredRows {
    /// The rows that satisfy a predicate, in order.
    func filtered(dimension: Int, _ isIncluded: (EmbeddingRow) -> Bool) -> StoredRows {
        var kept = StoredRows()
        for (index, row) in rows.enumerated() where isIncluded(row) {
            kept.rows.append(row)
            kept.ids.append(ids[index])
            kept.halves.append(contentsOf: halves[index * dimension..<(index + 1) * dimension])
        }
        return kept
    }
}

/// A segment of an index, opened when its rows are read.
struct SegmentPlace: Sendable {
    let folder: IndexFolder
    let record: IndexManifest.Segment

    func open() throws -> IndexSegment { try folder.open(record) }
}

/// The rows of one shard inside a segment of an index, without those that are deleted.
struct SegmentRowSource: RowSource {
    let segments: OpenSegments
    let place: SegmentPlace
    /// As it stands in the segment.
    let shard: IndexedShard
    /// Rows that are not deleted.
    let rowCount: Int
    /// Whether codes are handed out as they are; else vectors are, from which codes are made anew.
    let copiesCodes: Bool
    /// Groups that cannot be read: then the shard is not what it was made from any more.
    var damagedGroups: Set<Int> = []

    var identity: ShardIdentity { shard.identity }
    /// Stands where the digest of embeddings would be for a shard that has lost rows, so that `embed` seals it again.
    static let incompleteDigest = Digest(hashing: "incomplete")

    func record(imageRowCount: Int, captionRowCount: Int) -> IndexedShard {
        IndexedShard(
            identity: shard.identity, recipe: shard.recipe, shardDigest: shard.shardDigest,
            embeddingDigest: damagedGroups.isEmpty ? shard.embeddingDigest : Self.incompleteDigest,
            sampleCount: shard.sampleCount, failedCount: shard.failedCount, imageRowCount: imageRowCount,
            captionRowCount: captionRowCount)
    }

    func forEachBatch(of kind: VectorKinds, _ body: (StoredRows) throws -> Void) throws {
        let segment = try segments.open(place)
        guard let position = segment.table.shards.firstIndex(where: { $0.identity == identity }) else {
            throw VectorIndexError(
                .damaged,
                "the manifest says that \(identity.shard) is in this segment, and it is not: run vlmpipe index repair",
                path: segment.path)
        }
        var reader = GroupReader(segment: segment, copiesCodes: copiesCodes)
        for group in segment.groups(ofShard: position, kind: kind) where !damagedGroups.contains(group) {
            for part in segment.shards(inGroup: group) where part.shard == position {
                let rows = try reader.rows(part.rows, group: group)
                if !rows.rows.isEmpty { try body(rows) }
            }
        }
    }
}

/// Reads rows of a segment with everything that another segment of them needs.
struct GroupReader: ~Copyable {
    let segment: IndexSegment
    let copiesCodes: Bool
    private var scratch = SegmentScratch()
    private var codeReader = CodeReader()

    init(segment: IndexSegment, copiesCodes: Bool) {
        self.segment = segment
        self.copiesCodes = copiesCodes
    }

    /// Those of the rows (0 is the group's first) that are not deleted.
    mutating func rows(_ range: Range<Int>, group: Int) throws -> StoredRows {
        let dimension = segment.header.dimension
        var all = StoredRows()
        all.rows = try segment.readRows(group: group, scratch: &scratch)
        all.ids = try segment.readIDs(group: group, scratch: &scratch)
        all.shards = try segment.readShards(group: group, scratch: &scratch)
        if segment.header.profile.hasVectors {
            try segment.readVectors(group: group, scratch: &scratch)
            all.halves = scratch.halves
            all.fine = scratch.fine
        }
        if copiesCodes {
            let codes = try codeReader.codes(of: segment, group: group, need: .all)
            all.codes = codes.copy(0..<codes.rowCount)
        }
        var kept = StoredRows()
        var next = range.lowerBound
        for deleted in segment.deletedRows(inGroup: group) + [range.upperBound] where deleted >= next {
            let end = min(deleted, range.upperBound)
            kept.append(all, next..<end, dimension: dimension)
            next = end + 1
            if next > range.upperBound { break }
        }
        return kept
    }
}

/// The segments that were opened last: rows of many shards come from few of them.
final class OpenSegments: Sendable {
    private static let limit = 16
    private let state = Mutex<[(path: String, segment: IndexSegment)]>([])

    func open(_ place: SegmentPlace) throws -> IndexSegment {
        let path = place.folder.path + "/" + place.record.name
        if let known = state.withLock({ $0.first { $0.path == path }?.segment }) { return known }
        let segment = try place.open()
        state.withLock { list in
            if list.count >= Self.limit { list.removeFirst() }
            list.append((path, segment))
        }
        return segment
    }
}
