import Samples

/// The value of an attribute.
public enum AttributeValue: Hashable, Sendable {
    /// A whole number; truth values are 0 and 1.
    case integer(Int64)
    /// Any other number.
    case real(Double)
    /// A text.
    case text(String)
}

/// A named attribute of a sample, from its JSON.
public struct SampleAttribute: Hashable, Sendable {
    /// Name of the field.
    public let name: String
    /// Its value.
    public let value: AttributeValue

    /// An attribute.
    public init(name: String, value: AttributeValue) {
        self.name = name
        self.value = value
    }
}

/// A sample as ingest hands it to the catalog.
public struct SampleRecord: Hashable, Sendable {
    /// Position in its shard among everything found there.
    public var ordinal: UInt32
    /// Its key as text.
    public var key: String
    /// Its split.
    public var split: Split
    /// Where the image is in its file.
    public var image: ByteRange
    /// Image format.
    public var format: ImageFormat
    /// Width of the stored pixels.
    public var pixelWidth: Int
    /// Height of the stored pixels.
    public var pixelHeight: Int
    /// How the stored pixels must be moved to be upright.
    public var orientation: ImageOrientation
    /// SHA-256 of the image's bytes.
    public var digest: Digest
    /// Captions in order.
    public var captions: [String]
    /// Attributes by ascending name.
    public var attributes: [SampleAttribute]

    /// A sample.
    public init(
        ordinal: UInt32, key: String, split: Split, image: ByteRange, format: ImageFormat, pixelWidth: Int,
        pixelHeight: Int, orientation: ImageOrientation, digest: Digest, captions: [String] = [],
        attributes: [SampleAttribute] = []
    ) {
        self.ordinal = ordinal
        self.key = key
        self.split = split
        self.image = image
        self.format = format
        self.pixelWidth = pixelWidth
        self.pixelHeight = pixelHeight
        self.orientation = orientation
        self.digest = digest
        self.captions = captions
        self.attributes = attributes
    }
}

/// A file of a folder shard: which file an ordinal stands for, frozen when first found.
public struct FileRecord: Hashable, Sendable {
    /// Position in its shard.
    public let ordinal: UInt32
    /// The image file, relative to the root of the shard.
    public let path: String
    /// The key, whether or not the sample is good.
    public let key: String
    /// Digest over names, sizes and times of the image and its texts.
    public let signature: Digest

    /// A file of a folder shard.
    public init(ordinal: UInt32, path: String, key: String, signature: Digest) {
        self.ordinal = ordinal
        self.path = path
        self.key = key
        self.signature = signature
    }
}

/// Why one thing found is not, or no longer, a usable sample.
public struct QuarantineRecord: Hashable, Sendable {
    /// Position in its shard.
    public var ordinal: UInt32
    /// The stage that refused it: `ingest`, `embed` …
    public var stage: String
    /// Its key as text; empty for the damaged rest of a tar.
    public var key: String
    /// Offset in the file of what is bad.
    public var byteOffset: Int64
    /// A stable word for counting.
    public var code: String
    /// The reason, for people.
    public var reason: String

    /// A quarantine row.
    public init(ordinal: UInt32, stage: String, key: String, byteOffset: Int64, code: String, reason: String) {
        self.ordinal = ordinal
        self.stage = stage
        self.key = key
        self.byteOffset = byteOffset
        self.code = code
        self.reason = reason
    }
}

/// A sample read from the catalog, with all that is needed to read its image again.
public struct CatalogSample: Hashable, Sendable {
    /// Its shard.
    public let shardID: ShardID
    /// Which sample it is, for vectors and for people.
    public let identity: SampleIdentity
    /// Its key as text.
    public let key: String
    /// Its split.
    public let split: Split
    /// Absolute path of the file that holds the image: the tar, or the image file of a folder. It is text in the form
    /// of `TextFromBytes` (module Shards).
    public let imagePath: String
    /// Where the image is in that file.
    public let image: ByteRange
    /// Image format.
    public let format: ImageFormat
    /// Width of the stored pixels.
    public let pixelWidth: Int
    /// Height of the stored pixels.
    public let pixelHeight: Int
    /// How the stored pixels must be moved to be upright.
    public let orientation: ImageOrientation
    /// SHA-256 of the image's bytes.
    public let digest: Digest
    /// Captions in order.
    public let captions: [String]

    /// Position in its shard.
    public var ordinal: UInt32 { identity.ordinal }
    /// Width once the orientation is applied.
    public var orientedPixelWidth: Int { orientation.swapsAxes ? pixelHeight : pixelWidth }
    /// Height once the orientation is applied.
    public var orientedPixelHeight: Int { orientation.swapsAxes ? pixelWidth : pixelHeight }
}
