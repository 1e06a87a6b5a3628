import ByteFormats
import Samples

/// What a file of embeddings is of: one shard in one space, made by one recipe.
public struct EmbeddingHeader: Hashable, Sendable {
    /// The space the vectors lie in; it decides what they may be compared with.
    public let space: SpaceFingerprint
    /// Digest of the recipe (tiling, precision, orientation …); it decides only what is stale.
    public let recipe: Digest
    /// Digest of the shard's content as ingested; a shard that changed has another.
    public let shardDigest: Digest
    /// E, the number of dimensions, 1 to 65,536.
    public let dimension: Int
    /// Name of the data set.
    public let dataset: String
    /// Name of the shard in the data set.
    public let shard: String

    /// Largest dimension that is stored.
    public static let maximumDimension = 65_536
    /// Longest data set or shard name that is stored, in UTF-8 bytes.
    public static let maximumNameByteCount = 65_535

    /// Describes a file to be made. Traps if the dimension or a name is out of range.
    public init(
        space: SpaceFingerprint, recipe: Digest, shardDigest: Digest, dimension: Int, dataset: String, shard: String
    ) {
        precondition((1...Self.maximumDimension).contains(dimension), "EmbeddingHeader: dimension \(dimension)")
        precondition(
            dataset.utf8.count <= Self.maximumNameByteCount && shard.utf8.count <= Self.maximumNameByteCount,
            "EmbeddingHeader: a name is too long")
        self.space = space
        self.recipe = recipe
        self.shardDigest = shardDigest
        self.dimension = dimension
        self.dataset = dataset
        self.shard = shard
    }

    /// The file name of a shard's embeddings in the folder of their space: it depends on data set and shard alone.
    public static func fileName(dataset: String, shard: String) -> String {
        var hasher = DigestHasher()
        hasher.update(field: dataset)
        hasher.update(field: shard)
        return String(hasher.finalize().hexadecimal.prefix(32)) + EmbeddingFormat.fileExtension
    }

    /// `fileName(dataset:shard:)` of this file.
    public var fileName: String { Self.fileName(dataset: dataset, shard: shard) }
}

/// The constants of `Schemas/embedding-segment.md`.
enum EmbeddingFormat {
    static let fileExtension = ".vle"
    static let partSuffix = ".part"
    static let magic = Array("VLMEMB0\n".utf8)
    static let majorVersion: UInt16 = 0
    static let minorVersion: UInt16 = 1
    /// Bytes of the header before its two names.
    static let fixedHeaderByteCount = 128
    static let frameMagic = Array("CHNK".utf8)
    /// Bytes of a frame before its payload.
    static let frameHeaderByteCount = 40
    static let trailerMagic = Array("DONE".utf8)
    static let trailerByteCount = 68
    /// Row table bytes per row, apart from its key.
    static let rowByteCount = 36
    static let compressionLevel: Int32 = 1
    /// Caps against damaged lengths; far above anything written.
    static let maximumFrameByteCount = 1 << 30
    static let maximumChunkRowCount = 1 << 20
}

extension EmbeddingHeader {
    var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 256)
        writer.write(EmbeddingFormat.magic)
        writer.write(EmbeddingFormat.majorVersion)
        writer.write(EmbeddingFormat.minorVersion)
        writer.write(
            UInt32(EmbeddingFormat.fixedHeaderByteCount + 8 + dataset.utf8.count + shard.utf8.count + 4))
        writer.write(UInt64(0))
        writer.write(UInt32(dimension))
        writer.write(UInt32(EmbeddingChunk.fullSampleCount))
        writer.write(space.digest.bytes)
        writer.write(recipe.bytes)
        writer.write(shardDigest.bytes)
        writer.write(field: dataset)
        writer.write(field: shard)
        writer.writeChecksum()
        return writer.bytes
    }

    /// Longest header there can be.
    static let maximumByteCount = EmbeddingFormat.fixedHeaderByteCount + 8 + 2 * maximumNameByteCount + 4

    /// Parses the first bytes of a file: the whole header is in `prefix` unless the file is shorter.
    static func decode(_ prefix: [UInt8], path: String) throws -> (header: EmbeddingHeader, byteCount: Int) {
        var start = ByteReader(prefix, path: path)
        try start.expect(EmbeddingFormat.magic, "the magic of a file of embeddings")
        let major = try start.read(UInt16.self, "the version")
        let minor = try start.read(UInt16.self, "the version")
        guard major == EmbeddingFormat.majorVersion, minor == EmbeddingFormat.minorVersion else {
            throw VectorIndexError(
                .unsupportedVersion,
                "embeddings of format \(major).\(minor); this program reads \(EmbeddingFormat.majorVersion)."
                    + "\(EmbeddingFormat.minorVersion): delete the file and run vlmpipe embed", path: path)
        }
        let byteCount = Int(try start.read(UInt32.self, "the header length"))
        guard byteCount <= maximumByteCount, byteCount <= prefix.count else {
            throw start.error(.truncated, "the header claims \(byteCount) bytes", at: 12)
        }
        var reader = ByteReader(Array(prefix[..<byteCount]), path: path)
        _ = try reader.readBytes(16, "the magic")
        let features = try reader.read(UInt64.self, "the feature bits")
        guard features == 0 else {
            throw VectorIndexError(
                .unsupportedVersion, "embeddings with features \(features) unknown to this program: update it",
                path: path)
        }
        let dimension = Int(try reader.read(UInt32.self, "the dimension"))
        let sampleCount = try reader.read(UInt32.self, "the chunk size")
        guard (1...maximumDimension).contains(dimension), sampleCount == UInt32(EmbeddingChunk.fullSampleCount) else {
            throw reader.error(
                .malformed, "dimension \(dimension) or chunk size \(sampleCount) is not possible", at: 24)
        }
        func digest(_ field: StaticString) throws(ByteFormatError) -> Digest {
            guard let digest = Digest(bytes: try reader.readBytes(32, field)) else {
                preconditionFailure("32 bytes are a digest")
            }
            return digest
        }
        let space = try digest("the space")
        let recipe = try digest("the recipe")
        let shardDigest = try digest("the shard's digest")
        let dataset = try reader.readField("the data set", maximumByteCount: maximumNameByteCount)
        let shard = try reader.readField("the shard", maximumByteCount: maximumNameByteCount)
        try reader.expectChecksum("the header")
        try reader.expectEnd()
        let header = EmbeddingHeader(
            space: SpaceFingerprint(digest: space), recipe: recipe, shardDigest: shardDigest, dimension: dimension,
            dataset: dataset, shard: shard)
        return (header, byteCount)
    }
}
