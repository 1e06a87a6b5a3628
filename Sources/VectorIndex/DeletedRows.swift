import ByteFormats
import Samples

/// Rows of one segment that are no more, until the segment is rewritten: the file of `Schemas/index-deletions.md`.
///
/// Immutable and named by its content, like segments: a deletion is a new file and a manifest that names it.
struct DeletedRows: Sendable, Equatable {
    /// SHA-256 of the segment.
    let segment: Digest
    /// Rows of the segment, the deleted ones included.
    let segmentRowCount: Int
    /// Positions in the segment, ascending.
    let rows: [UInt32]

    static let magic = Array("VLMDEL0\n".utf8)
    static let majorVersion: UInt16 = 0
    static let minorVersion: UInt16 = 1
    static let headerByteCount = 64
    static let filePrefix = "del-"
    static let fileExtension = ".vsd"

    init(segment: Digest, segmentRowCount: Int, rows: [UInt32]) {
        self.segment = segment
        self.segmentRowCount = segmentRowCount
        self.rows = rows
    }

    /// `del-`, the first 32 digits of the file's digest, `.vsd`.
    static func fileName(_ digest: Digest) -> String { filePrefix + digest.hexadecimal.prefix(32) + fileExtension }

    var encoded: [UInt8] {
        var differences = ByteWriter(capacity: rows.count * 4)
        var last: UInt32 = 0
        for row in rows {
            differences.write(row &- last)
            last = row
        }
        var compressor = ZstdCompressor(level: SegmentFormat.compressionLevel)
        let stored = compressor.compress(differences.bytes)
        var writer = ByteWriter(capacity: Self.headerByteCount + stored.count + 4)
        writer.write(Self.magic)
        writer.write(Self.majorVersion)
        writer.write(Self.minorVersion)
        writer.write(UInt32(Self.headerByteCount))
        writer.write(segment.bytes)
        writer.write(UInt32(segmentRowCount))
        writer.write(UInt32(rows.count))
        writer.write(UInt32(stored.count))
        writer.writeZeros(Self.headerByteCount - writer.count)
        writer.write(stored)
        writer.writeChecksum()
        return writer.bytes
    }

    /// Parses a file; throws if a byte of it is wrong.
    init(_ bytes: [UInt8], path: String) throws {
        var reader = ByteReader(bytes, path: path)
        try reader.expect(Self.magic, "the magic of deleted rows")
        let version = (try reader.read(UInt16.self, "the version"), try reader.read(UInt16.self, "the version"))
        guard version == (Self.majorVersion, Self.minorVersion) else {
            throw VectorIndexError(
                .unsupportedVersion,
                "deleted rows of format \(version.0).\(version.1); this program reads \(Self.majorVersion)."
                    + "\(Self.minorVersion): update it", path: path)
        }
        let headerByteCount = try reader.read(UInt32.self, "the header length")
        guard let segment = Digest(bytes: try reader.readBytes(32, "the segment")) else {
            preconditionFailure("32 bytes are a digest")
        }
        let total = Int(try reader.read(UInt32.self, "the row count"))
        let count = Int(try reader.read(UInt32.self, "the deleted row count"))
        let storedByteCount = Int(try reader.read(UInt32.self, "the stored size"))
        try reader.expectZeros(Self.headerByteCount - reader.position, "the reserved bytes")
        guard headerByteCount == UInt32(Self.headerByteCount), count <= total,
            storedByteCount == bytes.count - Self.headerByteCount - 4
        else { throw reader.error(.malformed, "the header of the deleted rows is not possible", at: 12) }
        let stored = try reader.readBytes(storedByteCount, "the deleted rows")
        try reader.expectChecksum("the deleted rows")
        try reader.expectEnd()
        var decompressor = ZstdDecompressor()
        let plain = try decompressor.decompress(stored, byteCount: count * 4)
        var rows = LittleEndianColumn.read(UInt32.self, plain, count: count)
        for index in rows.indices.dropFirst() {
            let (row, overflow) = rows[index].addingReportingOverflow(rows[index - 1])
            guard !overflow, row > rows[index - 1] else {
                throw reader.error(.malformed, "the deleted rows do not ascend", at: Self.headerByteCount)
            }
            rows[index] = row
        }
        guard rows.last.map({ Int($0) < total }) ?? true else {
            throw reader.error(.malformed, "a deleted row is past the segment's end", at: Self.headerByteCount)
        }
        self.segment = segment
        segmentRowCount = total
        self.rows = rows
    }

    /// The deleted rows among these, ascending.
    func rows(in range: Range<Int>) -> ArraySlice<UInt32> {
        rows[firstIndex(atLeast: range.lowerBound)..<firstIndex(atLeast: range.upperBound)]
    }

    private func firstIndex(atLeast row: Int) -> Int {
        var low = 0
        var high = rows.count
        while low < high {
            let middle = (low + high) / 2
            if Int(rows[middle]) < row { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
