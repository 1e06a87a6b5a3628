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
