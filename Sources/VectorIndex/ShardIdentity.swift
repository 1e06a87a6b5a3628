import Samples

/// Which shard: its name in a data set.
public struct ShardIdentity: Hashable, Sendable, Codable, Comparable {
    /// Name of the data set.
    public let dataset: String
    /// Name of the shard in the data set.
    public let shard: String

    /// Names a shard.
    public init(dataset: String, shard: String) {
        self.dataset = dataset
        self.shard = shard
    }

    /// Order by data set, then shard, by UTF-8 bytes.
    public static func < (left: ShardIdentity, right: ShardIdentity) -> Bool {
        left.dataset != right.dataset
            ? left.dataset.utf8.lexicographicallyPrecedes(right.dataset.utf8)
            : left.shard.utf8.lexicographicallyPrecedes(right.shard.utf8)
    }
}

/// A shard as it stands in an index: which content of it, and how many rows.
public struct IndexedShard: Hashable, Sendable, Codable {
    /// Which shard.
    public let identity: ShardIdentity
    /// Digest of the recipe its vectors were made by.
    public let recipe: Digest
    /// Digest of the shard's content as ingested.
    public let shardDigest: Digest
    /// `EmbeddingSegment.digest` of the file its rows came from: equal digests mean nothing is to be done.
    public let embeddingDigest: Digest
    /// Samples covered, failed ones included.
    public let sampleCount: Int
    /// Samples that could not be embedded.
    public let failedCount: Int
    /// Vectors of images and tiles.
    public let imageRowCount: Int
    /// Vectors of captions.
    public let captionRowCount: Int

    /// All vectors.
    public var rowCount: Int { imageRowCount + captionRowCount }
}

/// Which vectors are meant: those made from pixels, those made from captions, or both.
public struct VectorKinds: OptionSet, Hashable, Sendable {
    /// One bit per kind.
    public let rawValue: UInt8

    /// A set from its bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Whole images and tiles.
    public static let images = VectorKinds(rawValue: 1)
    /// Captions.
    public static let captions = VectorKinds(rawValue: 2)
    /// Everything.
    public static let all: VectorKinds = [.images, .captions]

    /// The two kinds in the order in which segments store them.
    static let storageOrder: [VectorKinds] = [.images, .captions]
}

/// One shard's rows, wherever they are now. A segment of an index is a pure function of its sources.
protocol RowSource: Sendable {
    var identity: ShardIdentity { get }
    var rowCount: Int { get }
    /// What is known of the shard, with these row counts.
    func record(imageRowCount: Int, captionRowCount: Int) -> IndexedShard
    /// Hands out the rows of one kind in ascending order of ordinal and view, in batches of any size.
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
