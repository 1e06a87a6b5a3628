import ByteFormats
import Samples

/// The constants of `Schemas/index-segment.md`.
enum SegmentFormat {
    static let fileExtension = ".vsx"
    static let filePrefix = "seg-"
    static let magic = Array("VLMIDX0\n".utf8)
    static let endMagic = Array("VLMEND0\n".utf8)
    static let majorVersion: UInt16 = 0
    static let minorVersion: UInt16 = 1
    static let headerByteCount = 128
    static let footerByteCount = 64
    /// Rows of a full group; the unit of compression, checksums and scanning.
    static let groupRowCount = 256
    /// Scores are inner products of vectors of unit length.
    static let innerProductMetric: UInt32 = 1
    /// Identity bytes per row before compression: ordinal, view, box.
    static let identityByteCount = 24
    /// Segments of fewer rows keep their vectors uncompressed: they are scanned faster and the saving is small.
    static let rawRowCountLimit = 10_000
    /// Segments are merged until they have at least this many rows.
    static let compactedRowCount = 65_536
    static let compressionLevel: Int32 = 1
    /// Caps against damaged lengths.
    static let maximumTableByteCount = 1 << 30
    static let maximumKeyFrameByteCount = 1 << 26
}

/// What a frame of a group holds.
enum SegmentSection: UInt32, CaseIterable, Sendable {
    /// [rows, E] binary16.
    case vectors = 1
    /// One 64-bit id per row.
    case ids = 2
    /// Ordinals, view codes, boxes.
    case identity = 3
    /// Lengths and bytes of the keys.
    case keys = 4

    /// The name in `index info --json`.
    var name: String {
        switch self {
        case .vectors: "vectors"
        case .ids: "ids"
        case .identity: "identity"
        case .keys: "keys"
        }
    }
}

/// How a frame is stored.
enum SegmentCodec: UInt32, CaseIterable, Sendable {
    case raw = 0
    case zstd = 1
    /// All low bytes, then all high bytes, as one zstd frame.
    case byteSplitZstd = 2
}

/// Where the ids of a segment come from.
enum IdentifierKind: UInt32, Sendable {
    /// `VectorIdentity.id` of the row.
    case identity = 0
    /// Given by whoever built the index.
    case assigned = 1
}

/// Where one frame is.
struct SegmentFrame: Sendable, Equatable {
    var byteOffset: UInt64
    var storedByteCount: Int
    var rawByteCount: Int
    var checksum: UInt32
    var codec: SegmentCodec

    static let entryByteCount = 24
}

/// Up to 256 consecutive rows of one kind, with one frame per section.
struct SegmentGroup: Sendable, Equatable {
    var rowCount: Int
    var kind: VectorKinds
    /// In the order of `SegmentSection.allCases`.
    var frames: [SegmentFrame]

    func frame(_ section: SegmentSection) -> SegmentFrame { frames[Int(section.rawValue) - 1] }
}

/// The fixed 128 bytes at the start of a segment.
struct SegmentHeader: Sendable, Equatable {
    var space: SpaceFingerprint
    var dimension: Int
    var identifiers: IdentifierKind

    var encoded: [UInt8] {
        var writer = ByteWriter(capacity: SegmentFormat.headerByteCount)
        writer.write(SegmentFormat.magic)
        writer.write(SegmentFormat.majorVersion)
        writer.write(SegmentFormat.minorVersion)
        writer.write(UInt32(SegmentFormat.headerByteCount))
        writer.write(UInt64(0))
        writer.write(UInt64(0))
        writer.write(space.digest.bytes)
        writer.write(UInt32(dimension))
        writer.write(UInt32(SegmentFormat.groupRowCount))
        writer.write(SegmentFormat.innerProductMetric)
        writer.write(identifiers.rawValue)
        writer.writeZeros(SegmentFormat.headerByteCount - 4 - writer.count)
        writer.writeChecksum()
        return writer.bytes
    }

    init(space: SpaceFingerprint, dimension: Int, identifiers: IdentifierKind) {
        self.space = space
        self.dimension = dimension
        self.identifiers = identifiers
    }

    init(_ bytes: [UInt8], path: String) throws {
        var reader = ByteReader(bytes, path: path)
        try reader.expect(SegmentFormat.magic, "the magic of an index segment")
        let major = try reader.read(UInt16.self, "the version")
        let minor = try reader.read(UInt16.self, "the version")
        guard major == SegmentFormat.majorVersion, minor == SegmentFormat.minorVersion else {
            throw VectorIndexError(
                .unsupportedVersion,
                "an index segment of format \(major).\(minor); this program reads \(SegmentFormat.majorVersion)."
                    + "\(SegmentFormat.minorVersion): delete the index and run vlmpipe embed, which builds it again",
                path: path)
        }
        let length = try reader.read(UInt32.self, "the header length")
        let features = try reader.read(UInt64.self, "the feature bits")
        // Compatible features may be anything: they can be ignored.
        _ = try reader.read(UInt64.self, "the feature bits")
        guard features == 0 else {
            throw VectorIndexError(
                .unsupportedVersion, "an index segment with features \(features) unknown to this program: update it",
                path: path)
        }
        guard let digest = Digest(bytes: try reader.readBytes(32, "the space")) else {
            preconditionFailure("32 bytes are a digest")
        }
        space = SpaceFingerprint(digest: digest)
        dimension = Int(try reader.read(UInt32.self, "the dimension"))
        let groupRowCount = try reader.read(UInt32.self, "the group size")
        let metric = try reader.read(UInt32.self, "the metric")
        let kind = try reader.read(UInt32.self, "the kind of ids")
        try reader.expectZeros(SegmentFormat.headerByteCount - 4 - reader.position, "the reserved bytes")
        try reader.expectChecksum("the header")
        guard length == UInt32(SegmentFormat.headerByteCount), groupRowCount == UInt32(SegmentFormat.groupRowCount),
            metric == SegmentFormat.innerProductMetric, let identifiers = IdentifierKind(rawValue: kind),
            (1...EmbeddingHeader.maximumDimension).contains(dimension)
        else { throw reader.error(.malformed, "the header holds a value that is not possible", at: 64) }
        self.identifiers = identifiers
    }
}

/// The fixed 64 bytes at the end of a segment.
struct SegmentFooter: Sendable, Equatable {
    var tableByteOffset: UInt64
    var tableByteCount: Int
    var tableChecksum: UInt32
    var fileByteCount: UInt64
    var rowCount: UInt64

    var encoded: [UInt8] {
        var writer = ByteWriter(capacity: SegmentFormat.footerByteCount)
        writer.write(tableByteOffset)
        writer.write(UInt32(tableByteCount))
        writer.write(tableChecksum)
        writer.write(fileByteCount)
        writer.write(rowCount)
        writer.writeZeros(SegmentFormat.footerByteCount - 12 - writer.count)
        writer.writeChecksum()
        writer.write(SegmentFormat.endMagic)
        return writer.bytes
    }

    init(tableByteOffset: UInt64, table: [UInt8], rowCount: Int) {
        self.tableByteOffset = tableByteOffset
        tableByteCount = table.count
        tableChecksum = CRC32C.checksum(of: table)
        fileByteCount = tableByteOffset + UInt64(table.count + SegmentFormat.footerByteCount)
        self.rowCount = UInt64(rowCount)
    }

    init(_ bytes: [UInt8], path: String, byteOffset: UInt64) throws(ByteFormatError) {
        var reader = ByteReader(bytes, path: path, fileByteOffset: byteOffset)
        tableByteOffset = try reader.read(UInt64.self, "the table's offset")
        tableByteCount = Int(try reader.read(UInt32.self, "the table's size"))
        tableChecksum = try reader.read(UInt32.self, "the table's checksum")
        fileByteCount = try reader.read(UInt64.self, "the file's size")
        rowCount = try reader.read(UInt64.self, "the row count")
        try reader.expectZeros(SegmentFormat.footerByteCount - 12 - reader.position, "the reserved bytes")
        try reader.expectChecksum("the footer")
        try reader.expect(SegmentFormat.endMagic, "the end of an index segment")
        guard tableByteCount <= SegmentFormat.maximumTableByteCount,
            tableByteOffset >= UInt64(SegmentFormat.headerByteCount), tableByteOffset <= byteOffset,
            UInt64(tableByteCount) == byteOffset - tableByteOffset,
            fileByteCount == byteOffset + UInt64(SegmentFormat.footerByteCount)
        else { throw reader.error(.malformed, "the footer does not fit the file", at: 0) }
    }
}
