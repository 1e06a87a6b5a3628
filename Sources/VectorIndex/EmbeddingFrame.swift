import ByteFormats
import Samples

/// The rows of one chunk as stored: identities beside F16 vectors or codes.
struct StoredRows: Sendable {
    var rows: [EmbeddingRow] = []
    var ids: [UInt64] = []
    /// Numbers of the rows' shards among those of their segment, where that is known.
    var shards: [UInt32] = []
    /// [rows, E] binary16 bits, row-major; empty where only codes are kept.
    var halves: [UInt16] = []
    /// What binary16 rounding took from them (`FineBits`); empty where it took nothing, or nothing is kept of it.
    var fine: [UInt8] = []
    /// Codes that are kept as they are; `nil` where they are to be made from the vectors.
    var codes: RowCodes?

    /// Appends some rows of others that carry the same parts.
    mutating func append(_ other: StoredRows, _ range: Range<Int>, dimension: Int) {
        rows.append(contentsOf: other.rows[range])
        ids.append(contentsOf: other.ids[range])
        if !other.shards.isEmpty { shards.append(contentsOf: other.shards[range]) }
        if !other.halves.isEmpty {
            halves.append(contentsOf: other.halves[range.lowerBound * dimension..<range.upperBound * dimension])
        }
        if !fine.isEmpty || !other.fine.isEmpty {
            let size = FineBits.byteCount(dimension: dimension)
            if fine.isEmpty { fine = FineBits.neutral(rowCount: rows.count - range.count, dimension: dimension) }
            fine +=
                other.fine.isEmpty
                ? FineBits.neutral(rowCount: range.count, dimension: dimension)[...]
                : other.fine[range.lowerBound * size..<range.upperBound * size]
        }
        guard let more = other.codes else { return }
        codes = codes ?? RowCodes()
        codes?.append(more, range)
    }
}

/// The head of a chunk's frame.
struct EmbeddingFrameHeader: Sendable, Equatable {
    var byteCount: Int
    var chunk: Int
    var firstOrdinal: UInt32
    var sampleCount: Int
    var rowCount: Int
    var failedCount: Int
    var tableByteCount: Int
    var storedTableByteCount: Int
    var storedVectorByteCount: Int

    /// Parses the 40 bytes and checks them against one another; payload and checksum are not looked at.
    init(_ bytes: [UInt8], path: String, byteOffset: UInt64) throws(ByteFormatError) {
        var reader = ByteReader(bytes, path: path, fileByteOffset: byteOffset)
        try reader.expect(EmbeddingFormat.frameMagic, "the magic of a chunk")
        byteCount = Int(try reader.read(UInt32.self, "the frame length"))
        chunk = Int(try reader.read(UInt32.self, "the chunk number"))
        firstOrdinal = try reader.read(UInt32.self, "the first sample")
        sampleCount = Int(try reader.read(UInt32.self, "the sample count"))
        rowCount = Int(try reader.read(UInt32.self, "the row count"))
        failedCount = Int(try reader.read(UInt32.self, "the failed count"))
        tableByteCount = Int(try reader.read(UInt32.self, "the table size"))
        storedTableByteCount = Int(try reader.read(UInt32.self, "the stored table size"))
        storedVectorByteCount = Int(try reader.read(UInt32.self, "the stored vector size"))
        let payload = failedCount * 4 + storedTableByteCount + storedVectorByteCount
        guard (1...EmbeddingChunk.fullSampleCount).contains(sampleCount),
            failedCount <= sampleCount, rowCount <= EmbeddingFormat.maximumChunkRowCount,
            tableByteCount <= EmbeddingFormat.maximumFrameByteCount,
            byteCount <= EmbeddingFormat.maximumFrameByteCount,
            byteCount == EmbeddingFormat.frameHeaderByteCount + payload + 4
        else { throw reader.error(.malformed, "the head of chunk \(chunk) is damaged", at: 0) }
    }
}

/// Turns chunks into frames and back.
struct EmbeddingFrameCoder: ~Copyable {
    let header: EmbeddingHeader
    private var compressor = ZstdCompressor(level: EmbeddingFormat.compressionLevel)
    private var decompressor = ZstdDecompressor()

    init(header: EmbeddingHeader) {
        self.header = header
    }

    /// The frame of a validated chunk.
    mutating func encode(_ chunk: EmbeddingChunk, number: Int) throws -> [UInt8] {
        var table = ByteWriter(capacity: chunk.rows.count * 64)
        for row in chunk.rows {
            let sample = SampleIdentity(dataset: header.dataset, shard: header.shard, ordinal: row.ordinal)
            table.write(VectorIdentity(sample: sample, view: row.view).id)
        }
        for row in chunk.rows { table.write(row.ordinal) }
        for row in chunk.rows { table.write(row.view.code) }
        for row in chunk.rows {
            for number in row.box?.array ?? [0, 0, 0, 0] { table.write(number) }
        }
        for row in chunk.rows { table.write(UInt32(row.key.utf8.count)) }
        for row in chunk.rows { table.write(row.key.utf8) }
        let storedTable = compressor.compress(table.bytes)
        let halves = HalfPrecision.narrow(chunk.vectors)
        let storedVectors = compressor.compress(HalfPrecision.byteSplit(halves.span))
        let byteCount =
            EmbeddingFormat.frameHeaderByteCount + chunk.failedOrdinals.count * 4 + storedTable.count
            + storedVectors.count + 4
        guard table.count <= EmbeddingFormat.maximumFrameByteCount, byteCount <= EmbeddingFormat.maximumFrameByteCount,
            chunk.rows.count <= EmbeddingFormat.maximumChunkRowCount
        else {
            throw VectorIndexError(
                .invalidRows, "chunk \(number) has \(chunk.rows.count) rows, more than one frame can hold")
        }
        var frame = ByteWriter(capacity: byteCount)
        frame.write(EmbeddingFormat.frameMagic)
        for field in [
            byteCount, number, Int(chunk.firstOrdinal), chunk.sampleCount, chunk.rows.count,
            chunk.failedOrdinals.count, table.count, storedTable.count, storedVectors.count,
        ] { frame.write(UInt32(field)) }
        for ordinal in chunk.failedOrdinals { frame.write(ordinal) }
        frame.write(storedTable)
        frame.write(storedVectors)
        frame.writeChecksum()
        return frame.bytes
    }

    /// Checks a frame's checksum and unpacks it.
    mutating func decode(
        _ frame: [UInt8], path: String, byteOffset: UInt64
    ) throws -> (head: EmbeddingFrameHeader, failedOrdinals: [UInt32], stored: StoredRows) {
        let head = try EmbeddingFrameHeader(
            Array(frame.prefix(EmbeddingFormat.frameHeaderByteCount)), path: path, byteOffset: byteOffset)
        var reader = ByteReader(frame, path: path, fileByteOffset: byteOffset)
        _ = try reader.readBytes(frame.count - 4, "the chunk")
        try reader.expectChecksum("the chunk")
        var body = ByteReader(frame, path: path, fileByteOffset: byteOffset)
        _ = try body.readBytes(EmbeddingFormat.frameHeaderByteCount, "the head")
        var failed: [UInt32] = []
        for _ in 0..<head.failedCount { failed.append(try body.read(UInt32.self, "a failed sample")) }
        guard head.tableByteCount >= head.rowCount * EmbeddingFormat.rowByteCount else {
            throw body.error(.malformed, "the table of chunk \(head.chunk) is too short for its rows", at: 28)
        }
        let table = try decompressor.decompress(
            body.readBytes(head.storedTableByteCount, "the table"), byteCount: head.tableByteCount)
        var stored = try Self.decodeTable(table, rowCount: head.rowCount, path: path, byteOffset: byteOffset)
        let (vectorByteCount, overflow) = (head.rowCount * 2).multipliedReportingOverflow(by: header.dimension)
        guard !overflow, vectorByteCount <= 4 * EmbeddingFormat.maximumFrameByteCount else {
            throw body.error(.limitExceeded, "chunk \(head.chunk) is too large", at: 20)
        }
        let split = try decompressor.decompress(
            body.readBytes(head.storedVectorByteCount, "the vectors"), byteCount: vectorByteCount)
        stored.halves = [UInt16](repeating: 0, count: head.rowCount * header.dimension)
        var halves = stored.halves.mutableSpan
        unsafe HalfPrecision.byteJoin(split.span.bytes, into: &halves)
        return (head, failed, stored)
    }

    private static func decodeTable(
        _ table: [UInt8], rowCount: Int, path: String, byteOffset: UInt64
    ) throws -> StoredRows {
        var reader = ByteReader(table, path: path, fileByteOffset: byteOffset)
        var stored = StoredRows()
        for _ in 0..<rowCount { stored.ids.append(try reader.read(UInt64.self, "an id")) }
        var ordinals: [UInt32] = []
        for _ in 0..<rowCount { ordinals.append(try reader.read(UInt32.self, "an ordinal")) }
        var views: [SampleView] = []
        for _ in 0..<rowCount {
            guard let view = SampleView(code: try reader.read(UInt32.self, "a view")) else {
                throw reader.error(.malformed, "a view is unknown", at: reader.position)
            }
            views.append(view)
        }
        var boxes: [PixelBox?] = []
        for _ in 0..<rowCount {
            boxes.append(try PixelBox.decode(from: &reader))
        }
        var lengths: [Int] = []
        for _ in 0..<rowCount { lengths.append(Int(try reader.read(UInt32.self, "a key length"))) }
        for row in 0..<rowCount {
            let key = try reader.readText(lengths[row], "a key")
            stored.rows.append(EmbeddingRow(ordinal: ordinals[row], view: views[row], key: key, box: boxes[row]))
        }
        try reader.expectEnd()
        return stored
    }
}

extension PixelBox {
    /// Four numbers; all zero for no box.
    static func decode(from reader: inout ByteReader) throws(ByteFormatError) -> PixelBox? {
        let position = reader.position
        let x = try reader.read(Int32.self, "a box")
        let y = try reader.read(Int32.self, "a box")
        let width = try reader.read(Int32.self, "a box")
        let height = try reader.read(Int32.self, "a box")
        if x == 0, y == 0, width == 0, height == 0 { return nil }
        guard x >= 0, y >= 0, width >= 1, height >= 1 else {
            throw reader.error(.malformed, "a box is not possible", at: position)
        }
        return PixelBox(x: x, y: y, width: width, height: height)
    }
}

/// The end of a finished file: totals, and a digest of everything before.
struct EmbeddingTrailer: Sendable, Equatable {
    var chunkCount: Int
    var sampleCount: Int
    var failedCount: Int
    var rowCount: Int
    /// SHA-256 over the header and the checksum of each frame, in order.
    var digest: Digest

    var encoded: [UInt8] {
        var writer = ByteWriter(capacity: EmbeddingFormat.trailerByteCount)
        writer.write(EmbeddingFormat.trailerMagic)
        writer.write(UInt32(EmbeddingFormat.trailerByteCount))
        writer.write(UInt32(chunkCount))
        writer.write(UInt32(sampleCount))
        writer.write(UInt32(failedCount))
        writer.write(UInt32(0))
        writer.write(UInt64(rowCount))
        writer.write(digest.bytes)
        writer.writeChecksum()
        return writer.bytes
    }

    init(chunkCount: Int, sampleCount: Int, failedCount: Int, rowCount: Int, digest: Digest) {
        self.chunkCount = chunkCount
        self.sampleCount = sampleCount
        self.failedCount = failedCount
        self.rowCount = rowCount
        self.digest = digest
    }

    init(_ bytes: [UInt8], path: String, byteOffset: UInt64) throws(ByteFormatError) {
        var reader = ByteReader(bytes, path: path, fileByteOffset: byteOffset)
        try reader.expect(EmbeddingFormat.trailerMagic, "the end of a file of embeddings")
        let byteCount = try reader.read(UInt32.self, "the length of the end")
        chunkCount = Int(try reader.read(UInt32.self, "the chunk count"))
        sampleCount = Int(try reader.read(UInt32.self, "the sample count"))
        failedCount = Int(try reader.read(UInt32.self, "the failed count"))
        try reader.expectZeros(4, "a reserved field")
        let rows = try reader.read(UInt64.self, "the row count")
        guard let digest = Digest(bytes: try reader.readBytes(32, "the digest")) else {
            preconditionFailure("32 bytes are a digest")
        }
        self.digest = digest
        try reader.expectChecksum("the end of the file")
        try reader.expectEnd()
        guard let rowCount = Int(exactly: rows), byteCount == UInt32(EmbeddingFormat.trailerByteCount) else {
            throw reader.error(.malformed, "the end of the file is damaged", at: 4)
        }
        self.rowCount = rowCount
    }
}
