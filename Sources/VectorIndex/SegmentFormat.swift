import ByteFormats
import Samples

/// The constants of `Schemas/index-segment.md`.
enum SegmentFormat {
    static let fileExtension = ".vsx"
    static let filePrefix = "seg-"
    /// `seg-`, the first 32 digits of the file's digest, `.vsx`.
    static func fileName(_ digest: Digest) -> String { filePrefix + digest.hexadecimal.prefix(32) + fileExtension }
    static let magic = Array("VLMIDX0\n".utf8)
    static let endMagic = Array("VLMEND0\n".utf8)
    static let majorVersion: UInt16 = 0
    static let minorVersion: UInt16 = 4
    static let headerByteCount = 128
    static let footerByteCount = 64
    /// Rows of a full group; the unit of checksums and scanning.
    static let groupRowCount = 256
    /// Bytes before the runs for each of them: u32 size, u32 checksum.
    static let runEntryByteCount = 8
    /// Rows whose codes have a checksum of their own.
    static let checkRowCount = 4
    /// Groups whose frames lie together section by section, so that a scan of one section reads on without gaps.
    static let blockGroupCount = 64
    /// Frames start at multiples of this many bytes, which is a cache line.
    static let alignment = 64
    /// Bytes before the columns of a frame of factors.
    static let factorHeadByteCount = 16
    /// E of the largest codes.
    static let maximumCodeDimension = 65_536
    /// Scores are inner products of vectors of unit length.
    static let innerProductMetric: UInt32 = 1
    /// Identity bytes per row before compression: ordinal, view, box.
    static let identityByteCount = 24
    /// The same where rows are stored by partition: the shard's number comes last.
    static let partitionedIdentityByteCount = 28
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
    /// One sign bit per element of the rotated row.
    case signs = 5
    /// Scales and error bounds of the codes.
    case factors = 6
    /// Upper halves of the 8-bit codes.
    case high = 7
    /// Lower halves of the 8-bit codes.
    case low = 8
    /// Checksums of the codes of four rows each.
    case checks = 9

    /// The sections of a block as they follow one another in the file.
    static let fileOrder: [SegmentSection] = [.signs, .factors, .high, .low, .checks, .ids, .identity, .keys, .vectors]

    /// The name in `index info --json`.
    var name: String {
        switch self {
        case .vectors: "vectors"
        case .ids: "ids"
        case .identity: "identity"
        case .keys: "keys"
        case .signs: "signs"
        case .factors: "factors"
        case .high: "high"
        case .low: "low"
        case .checks: "checks"
        }
    }
}

/// How a frame is stored.
enum SegmentCodec: UInt32, CaseIterable, Sendable {
    case raw = 0
    case zstd = 1
    /// Runs of rows, each all low bytes, then all high bytes, as one zstd frame.
    case byteSplitRuns = 2
    /// Magnitudes of upper codes with escapes (`index_packing.h`).
    case escaped = 3
    /// Differences of 64-bit numbers to their predecessors, modulo 2^64, as one zstd frame.
    case differenceZstd = 4
    /// Like `byteSplitRuns`, of the steps from what codes say to the vectors.
    case stepRuns = 5
    /// Like `stepRuns`, each run followed by the fine bits of its rows.
    case fineStepRuns = 6

    /// Rows that are compressed together: many where all are read, few where single ones are.
    var runRowCount: Int { self == .byteSplitRuns ? 32 : 8 }
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
    let profile: IndexProfile
    /// In the order of `profile.sections`.
    var frames: [SegmentFrame]

    /// The frame of a section that the profile has.
    func frame(_ section: SegmentSection) -> SegmentFrame {
        // Sections stand in the order of their numbers: those below are before it. Scans come here for every group.
        let mask = profile.sectionMask
        let bit = UInt32(1) << section.rawValue
        precondition(mask & bit != 0, "a profile without this section")
        return frames[(mask & (bit - 1)).nonzeroBitCount]
    }
}

/// The fixed 64 bytes at the end of a segment.
struct SegmentFooter: Sendable, Equatable {
    var tableByteOffset: UInt64
    var tableByteCount: Int
    var tableChecksum: UInt32
    var fileByteCount: UInt64
    var rowCount: UInt64
    /// Size and checksum of the table of partitions, which ends where the table begins, up to alignment; 0 without one.
    var partitionByteCount = 0
    var partitionChecksum: UInt32 = 0

    /// Where the table of partitions is, or, without one, the table.
    var partitionByteOffset: UInt64 { tableByteOffset - SegmentFormat.aligned(UInt64(partitionByteCount)) }

    var encoded: [UInt8] {
        var writer = ByteWriter(capacity: SegmentFormat.footerByteCount)
        writer.write(tableByteOffset)
        writer.write(UInt32(tableByteCount))
        writer.write(tableChecksum)
        writer.write(fileByteCount)
        writer.write(rowCount)
        writer.write(UInt32(partitionByteCount))
        writer.write(partitionChecksum)
        writer.writeZeros(SegmentFormat.footerByteCount - 12 - writer.count)
        writer.writeChecksum()
        writer.write(SegmentFormat.endMagic)
        return writer.bytes
    }

    /// - Parameter partitions: the table of partitions, which stands before the table; empty for none.
    init(tableByteOffset: UInt64, table: [UInt8], rowCount: Int, partitions: [UInt8] = []) {
        partitionByteCount = partitions.count
        partitionChecksum = partitions.isEmpty ? 0 : CRC32C.checksum(of: partitions)
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
        partitionByteCount = Int(try reader.read(UInt32.self, "the size of the partitions"))
        partitionChecksum = try reader.read(UInt32.self, "the checksum of the partitions")
        try reader.expectZeros(SegmentFormat.footerByteCount - 12 - reader.position, "the reserved bytes")
        try reader.expectChecksum("the footer")
        try reader.expect(SegmentFormat.endMagic, "the end of an index segment")
        guard tableByteCount <= SegmentFormat.maximumTableByteCount,
            partitionByteCount <= SegmentFormat.maximumTableByteCount,
            tableByteOffset >= UInt64(SegmentFormat.headerByteCount)
                + SegmentFormat.aligned(UInt64(partitionByteCount)), tableByteOffset <= byteOffset,
            partitionByteCount > 0 || partitionChecksum == 0,
            UInt64(tableByteCount) == byteOffset - tableByteOffset,
            fileByteCount == byteOffset + UInt64(SegmentFormat.footerByteCount)
        else { throw reader.error(.malformed, "the footer does not fit the file", at: 0) }
    }
}
