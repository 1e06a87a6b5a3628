import Samples

/// Where a member's bytes are: a file and a run of bytes in it.
public struct MemberLocation: Hashable, Sendable {
    /// The file, as text (see `TextFromBytes`).
    public let path: String
    /// The bytes in it.
    public let range: ByteRange

    /// A place in a file.
    public init(path: String, range: ByteRange) {
        self.path = path
        self.range = range
    }
}

/// One image member with its bytes in memory.
public struct ImageMember: Hashable, Sendable {
    /// Where it is: in tars, `path` is the tar.
    public let location: MemberLocation
    /// All its bytes, or the first of them if the reader was told not to read images; they start as an image does,
    /// nothing more is known of them.
    public let bytes: [UInt8]
    /// Whether `bytes` are all.
    public var isWhole: Bool { Int64(bytes.count) == location.range.byteCount }

    /// An image member.
    public init(location: MemberLocation, bytes: [UInt8]) {
        self.location = location
        self.bytes = bytes
    }
}

/// A caption or JSON member with its bytes in memory.
public struct TextMember: Hashable, Sendable {
    /// Suffix in lower case: `txt`, `caption` or `json`.
    public let suffix: String
    /// Offset of its bytes in their file.
    public let byteOffset: Int64
    /// All its bytes.
    public let bytes: [UInt8]

    /// A text member.
    public init(suffix: String, byteOffset: Int64, bytes: [UInt8]) {
        self.suffix = suffix
        self.byteOffset = byteOffset
        self.bytes = bytes
    }
}

/// A sample as it was found: an image and the texts that share its key.
public struct FoundSample: Hashable, Sendable {
    /// Position among everything found in the shard, from 0.
    public let ordinal: UInt32
    /// The key as text (see `TextFromBytes`).
    public let key: String
    /// The image.
    public let image: ImageMember
    /// Captions and JSON, in the order of the shard.
    public let texts: [TextMember]
    /// Captions and attributes that a manifest states, instead of members.
    public let statedTexts: SampleTexts?

    /// A found sample.
    public init(
        ordinal: UInt32, key: String, image: ImageMember, texts: [TextMember], statedTexts: SampleTexts? = nil
    ) {
        self.ordinal = ordinal
        self.key = key
        self.image = image
        self.texts = texts
        self.statedTexts = statedTexts
    }
}

/// Something found that is no sample: a group without a usable image, or the damaged rest of a tar.
public struct RejectedItem: Hashable, Sendable {
    /// Position among everything found in the shard, from 0.
    public let ordinal: UInt32
    /// The key as text; empty for the rest of a tar.
    public let key: String
    /// Offset in the file of what is bad.
    public let byteOffset: Int64
    /// What is wrong, to be counted.
    public let code: ShardError.Code
    /// What is wrong, for people.
    public let reason: String

    /// A rejected item.
    public init(ordinal: UInt32, key: String, byteOffset: Int64, code: ShardError.Code, reason: String) {
        self.ordinal = ordinal
        self.key = key
        self.byteOffset = byteOffset
        self.code = code
        self.reason = reason
    }
}

/// The next thing found in a shard. Each counts one to "found = samples + quarantined".
public enum ShardItem: Hashable, Sendable {
    /// A sample, not yet examined.
    case sample(FoundSample)
    /// Something to be quarantined.
    case rejected(RejectedItem)

    /// Position among everything found in the shard, from 0.
    public var ordinal: UInt32 {
        switch self {
        case .sample(let sample): sample.ordinal
        case .rejected(let item): item.ordinal
        }
    }

    /// Bytes held in memory, for bounding batches.
    public var byteCount: Int {
        switch self {
        case .sample(let sample): sample.texts.reduce(sample.image.bytes.count) { $0 + $1.bytes.count }
        case .rejected: 0
        }
    }
}
