import ByteFormats
import Glibc
import Samples

/// Rows on their way to partitions: kept in one temporary file, in as many buckets as there are kinds of neighbourhoods, so
/// that a bucket can be read back alone. Memory does not depend on the number of rows.
///
/// The file belongs to one change of an index. What a killed writer leaves of it is garbage that the next one removes.
struct RowBuckets: ~Copyable {
    /// Rows that were written together.
    struct Piece: Sendable {
        let byteOffset: Int
        let byteCount: Int
        let rowCount: Int
    }

    static let fileName = "partitions.tmp"
    /// Bytes that all rows not written yet may take.
    private static let pendingByteCount = 32 << 20

    private var file: AppendFile
    private let dimension: Int
    private var pending: [StoredRows]
    private var pendingByteCounts: [Int]
    /// Where the rows of each bucket are.
    private(set) var pieces: [[Piece]]
    private let pieceByteCount: Int

    /// Begins an empty file.
    init(folder: String, bucketCount: Int, dimension: Int) throws {
        var opened = try AppendFile(path: folder + "/" + Self.fileName)
        try opened.truncate(to: 0)
        file = opened
        self.dimension = dimension
        pending = [StoredRows](repeating: StoredRows(), count: bucketCount)
        pendingByteCounts = [Int](repeating: 0, count: bucketCount)
        pieces = [[Piece]](repeating: [], count: bucketCount)
        pieceByteCount = max(1 << 12, Self.pendingByteCount / bucketCount)
    }

    /// Adds some rows, which carry codes and shards, to a bucket.
    mutating func add(_ rows: StoredRows, _ range: Range<Int>, to bucket: Int) throws {
        guard !range.isEmpty else { return }
        pending[bucket].append(rows, range, dimension: dimension)
        let width = rows.codes?.width ?? 0
        // Keys are short; what is counted is what is large.
        pendingByteCounts[bucket] += range.count * (width * 9 / 8 + (rows.halves.isEmpty ? 0 : dimension * 3) + 96)
        if pendingByteCounts[bucket] >= pieceByteCount { try flush(bucket) }
    }

    private mutating func flush(_ bucket: Int) throws {
        let rows = pending[bucket]
        guard !rows.rows.isEmpty else { return }
        pending[bucket] = StoredRows()
        pendingByteCounts[bucket] = 0
        let bytes = rows.encodedPiece()
        pieces[bucket].append(
            Piece(byteOffset: file.byteCount, byteCount: bytes.count, rowCount: rows.rows.count))
        try file.append(bytes)
    }

    /// Writes what is pending, and opens the file for reading the buckets back on any thread.
    mutating func finish() throws -> Reader {
        for bucket in pending.indices { try flush(bucket) }
        return try Reader(path: file.path, dimension: dimension)
    }

    deinit {
        // Whether it is gone or stays: the next writer removes what is left of it.
        unsafe unlink(file.path)
    }

    /// Reads pieces of a file that is finished.
    final class Reader: Sendable {
        private let file: RandomAccessFile
        private let dimension: Int

        fileprivate init(path: String, dimension: Int) throws {
            file = try RandomAccessFile(path: path)
            self.dimension = dimension
        }

        /// The rows of these pieces, in order.
        func rows(_ pieces: some Sequence<Piece>) throws -> StoredRows {
            var rows = StoredRows()
            for piece in pieces {
                let bytes = try file.read(byteOffset: UInt64(piece.byteOffset), byteCount: piece.byteCount)
                let part = try StoredRows(piece: bytes, path: file.path, byteOffset: piece.byteOffset)
                rows.append(part, 0..<part.rows.count, dimension: dimension)
            }
            return rows
        }
    }
}

extension StoredRows {
    /// Rows with codes and shards as bytes, column by column, with a checksum at the end.
    fileprivate func encodedPiece() -> [UInt8] {
        guard let codes else { preconditionFailure("rows of partitions have codes") }
        var writer = ByteWriter(capacity: codes.high.count * 3 + halves.count * 2 + rows.count * 96)
        for count in [rows.count, codes.width, halves.count, fine.count, codes.low.count] {
            writer.write(UInt32(count))
        }
        for id in ids { writer.write(id) }
        for shard in shards { writer.write(shard) }
        for row in rows {
            writer.write(row.ordinal)
            writer.write(row.view.code)
            for number in row.box?.array ?? [0, 0, 0, 0] { writer.write(number) }
            writer.write(field: row.key)
        }
        unsafe halves.span.bytes.withUnsafeBytes { unsafe writer.write($0) }
        writer.write(fine)
        writer.write(codes.signs)
        writer.write(codes.high)
        writer.write(codes.low)
        for row in codes.factors {
            for half in [row.scale1, row.scale4, row.error4, row.error8] { writer.write(half) }
            for number in [row.scale8, row.length4, row.length8] { writer.write(number.bitPattern) }
        }
        writer.writeChecksum()
        return writer.bytes
    }

    /// What `encodedPiece` wrote.
    fileprivate init(piece bytes: [UInt8], path: String, byteOffset: Int) throws {
        self.init()
        var reader = ByteReader(bytes, path: path, fileByteOffset: UInt64(byteOffset))
        guard bytes.count >= 24,
            CRC32C.checksum(of: Array(bytes.dropLast(4)))
                == LittleEndianColumn.read(UInt32.self, bytes, byteOffset: bytes.count - 4, count: 1)[0]
        else { throw reader.error(.checksumMismatch, "the temporary file changed while it was used; try again", at: 0) }
        var counts: [Int] = []
        for _ in 0..<5 { counts.append(Int(try reader.read(UInt32.self, "a count"))) }
        let (rowCount, width) = (counts[0], counts[1])
        ids = LittleEndianColumn.read(UInt64.self, try reader.readBytes(rowCount * 8, "ids"), count: rowCount)
        shards = LittleEndianColumn.read(UInt32.self, try reader.readBytes(rowCount * 4, "shards"), count: rowCount)
        rows.reserveCapacity(rowCount)
        for _ in 0..<rowCount {
            let ordinal = try reader.read(UInt32.self, "an ordinal")
            guard let view = SampleView(code: try reader.read(UInt32.self, "a view")) else {
                throw reader.error(.malformed, "a view is not known", at: 0)
            }
            let box = try PixelBox.decode(from: &reader)
            let key = try reader.readField("a key", maximumByteCount: EmbeddingRow.maximumKeyByteCount)
            rows.append(EmbeddingRow(ordinal: ordinal, view: view, key: key, box: box))
        }
        halves = LittleEndianColumn.read(
            UInt16.self, try reader.readBytes(counts[2] * 2, "vectors"), count: counts[2])
        fine = try reader.readBytes(counts[3], "fine bits")
        let signs = try reader.readBytes(rowCount * width / 8, "signs")
        let high = try reader.readBytes(rowCount * width / 2, "codes")
        let low = try reader.readBytes(counts[4], "codes")
        var factors: [RowFactors] = []
        factors.reserveCapacity(rowCount)
        for _ in 0..<rowCount {
            let halves = LittleEndianColumn.read(UInt16.self, try reader.readBytes(8, "factors"), count: 4)
            let numbers = LittleEndianColumn.read(UInt32.self, try reader.readBytes(12, "factors"), count: 3)
            var row = RowFactors()
            row.scale1 = halves[0]
            row.scale4 = halves[1]
            row.error4 = halves[2]
            row.error8 = halves[3]
            row.scale8 = Float(bitPattern: numbers[0])
            row.length4 = Float(bitPattern: numbers[1])
            row.length8 = Float(bitPattern: numbers[2])
            factors.append(row)
        }
        codes = RowCodes(width: width, signs: signs, high: high, low: low, factors: factors)
    }
}
