/// Which sample: a position in a shard of a data set. Two samples are the same exactly if these three are.
///
/// `shard` is the name under which the catalog knows the shard: its path relative to the recorded root for a tar, or
/// the name of the virtual shard for folders and manifests. It holds no machine-specific prefix, so a moved drive
/// changes no identity.
public struct SampleIdentity: Hashable, Sendable, Codable, Comparable {
    /// Name of the data set.
    public let dataset: String
    /// Name of the shard within the data set.
    public let shard: String
    /// Position of the sample among the samples of its shard, quarantined ones included, from 0.
    public let ordinal: UInt32

    /// Names a sample.
    public init(dataset: String, shard: String, ordinal: UInt32) {
        self.dataset = dataset
        self.shard = shard
        self.ordinal = ordinal
    }

    /// Order by data set, shard (both by UTF-8 bytes), ordinal.
    public static func < (left: SampleIdentity, right: SampleIdentity) -> Bool {
        if left.dataset != right.dataset { return left.dataset.utf8.lexicographicallyPrecedes(right.dataset.utf8) }
        if left.shard != right.shard { return left.shard.utf8.lexicographicallyPrecedes(right.shard.utf8) }
        return left.ordinal < right.ordinal
    }
}

/// Which view of a sample a vector stands for.
public enum SampleView: Hashable, Sendable {
    /// The whole image.
    case image
    /// The caption at this position, from 0.
    case caption(UInt16)
    /// A tile: pyramid level (1 and up) and its number in row-major order on that level.
    case tile(level: UInt8, number: UInt16)

    /// Four bytes that name the view in files: kind (0 image, 1 caption, 2 tile), level, number (low, high).
    public var code: UInt32 {
        switch self {
        case .image: 0
        case .caption(let number): 1 | UInt32(number) << 16
        case .tile(let level, let number): 2 | UInt32(level) << 8 | UInt32(number) << 16
        }
    }

    /// Reads a `code`; `nil` if its kind is unknown or its unused bits are set.
    public init?(code: UInt32) {
        let level = UInt8(truncatingIfNeeded: code >> 8)
        let number = UInt16(truncatingIfNeeded: code >> 16)
        switch (code & 0xFF, level, number) {
        case (0, 0, 0): self = .image
        case (1, 0, _): self = .caption(number)
        case (2, 1..., _): self = .tile(level: level, number: number)
        default: return nil
        }
    }

    /// Whether the vector was computed from pixels rather than from text.
    public var isVisual: Bool {
        if case .caption = self { false } else { true }
    }
}

/// Which vector: a view of a sample.
public struct VectorIdentity: Hashable, Sendable {
    /// The sample.
    public let sample: SampleIdentity
    /// The view of it.
    public let view: SampleView

    /// Names a vector.
    public init(sample: SampleIdentity, view: SampleView) {
        self.sample = sample
        self.view = view
    }

    /// The 64-bit id: the first 8 bytes, big-endian, of SHA-256 over data set, shard (each preceded by its UTF-8 byte
    /// count as eight little-endian bytes), ordinal and view code (eight little-endian bytes each).
    ///
    /// Independent writers agree on it without asking. Collisions are possible in principle and are detected where
    /// indexes are joined.
    public var id: UInt64 {
        var hasher = DigestHasher()
        hasher.update(field: sample.dataset)
        hasher.update(field: sample.shard)
        hasher.update(number: UInt64(sample.ordinal))
        hasher.update(number: UInt64(view.code))
        return hasher.finalize().prefix64
    }
}
