import ByteFormats
import Samples

/// Writes one immutable segment of an index from the rows of some shards.
///
/// Images come before captions, each in the order of data set, shard, ordinal and view, in groups of 256 rows: so the
/// bytes are a function of the rows alone (given one version of libzstd), and the file is named by their digest.
/// Memory is one group and one batch of a source, plus the table.
struct IndexSegmentWriter {
    let folder: String
    let header: SegmentHeader

    /// Writes the segment of these shards; no two have the same identity.
    func write(_ sources: [any RowSource]) throws -> IndexManifest.Segment {
        let sources = sources.sorted { $0.identity < $1.identity }
        let isRaw = sources.reduce(0) { $0 + $1.rowCount } < SegmentFormat.rawRowCountLimit
        var record: IndexManifest.Segment?
        let path = try translatingErrors(inFile: folder) {
            try AtomicFile.writeNamed(scratchPath: folder + "/segment") { file in
                var body = SegmentBody(header: header, isRaw: isRaw)
                try body.emit(header.encoded, to: &file)
                var counts = [[Int]](repeating: [], count: 2)
                for (index, kind) in VectorKinds.storageOrder.enumerated() {
                    for source in sources {
                        let before = body.rowCount
                        try source.forEachBatch(of: kind) { try body.append($0, kind: kind, to: &file) }
                        counts[index].append(body.rowCount - before)
                    }
                    try body.flush(kind: kind, to: &file)
                }
                for (index, source) in sources.enumerated() {
                    body.table.shards.append(
                        source.record(imageRowCount: counts[0][index], captionRowCount: counts[1][index]))
                }
                let digest = try body.finish(&file)
                let name = SegmentFormat.filePrefix + digest.hexadecimal.prefix(32) + SegmentFormat.fileExtension
                record = IndexManifest.Segment(
                    name: name, byteCount: file.byteCount, rowCount: body.rowCount, digest: digest,
                    shards: body.table.shards)
                return name
            }
        }
        guard let record else { preconditionFailure("\(path) was written without a record") }
        return record
    }
}

/// The state of a segment while it is written.
private struct SegmentBody: ~Copyable {
    let header: SegmentHeader
    let isRaw: Bool
    var table = SegmentTable()
    private(set) var rowCount = 0
    private var pending = StoredRows()
    private var byteOffset: UInt64 = 0
    private var hasher = DigestHasher()
    private var compressor = ZstdCompressor(level: SegmentFormat.compressionLevel)

    init(header: SegmentHeader, isRaw: Bool) {
        self.header = header
        self.isRaw = isRaw
    }

    mutating func emit(_ bytes: [UInt8], to file: inout AtomicFile.Writer) throws {
        hasher.update(bytes)
        unsafe try file.write(bytes.span.bytes)
        byteOffset += UInt64(bytes.count)
    }

    mutating func append(_ rows: StoredRows, kind: VectorKinds, to file: inout AtomicFile.Writer) throws {
        rowCount += rows.rows.count
        var taken = 0
        while taken < rows.rows.count {
            let count = min(SegmentFormat.groupRowCount - pending.rows.count, rows.rows.count - taken)
            pending.rows.append(contentsOf: rows.rows[taken..<taken + count])
            pending.ids.append(contentsOf: rows.ids[taken..<taken + count])
            pending.halves.append(
                contentsOf: rows.halves[taken * header.dimension..<(taken + count) * header.dimension])
            taken += count
            if pending.rows.count == SegmentFormat.groupRowCount { try flush(kind: kind, to: &file) }
        }
    }

    mutating func flush(kind: VectorKinds, to file: inout AtomicFile.Writer) throws {
        guard !pending.rows.isEmpty else { return }
        var group = SegmentGroup(rowCount: pending.rows.count, kind: kind, frames: [])
        let split = HalfPrecision.byteSplit(pending.halves.span)
        if isRaw {
            var plain = ByteWriter(capacity: split.count)
            for half in pending.halves { plain.write(half) }
            group.frames.append(try emitFrame(plain.bytes, rawByteCount: split.count, codec: .raw, to: &file))
        } else {
            let stored = compressor.compress(split)
            group.frames.append(try emitFrame(stored, rawByteCount: split.count, codec: .byteSplitZstd, to: &file))
        }
        var ids = ByteWriter(capacity: pending.ids.count * 8)
        for id in pending.ids { ids.write(id) }
        group.frames.append(try emitFrame(ids.bytes, rawByteCount: ids.count, codec: .raw, to: &file))
        var identity = ByteWriter(capacity: pending.rows.count * SegmentFormat.identityByteCount)
        for row in pending.rows { identity.write(row.ordinal) }
        for row in pending.rows { identity.write(row.view.code) }
        for row in pending.rows {
            for number in row.box?.array ?? [0, 0, 0, 0] { identity.write(number) }
        }
        let storedIdentity = compressor.compress(identity.bytes)
        group.frames.append(
            try emitFrame(storedIdentity, rawByteCount: identity.count, codec: .zstd, to: &file))
        var keys = ByteWriter()
        for row in pending.rows { keys.write(UInt32(row.key.utf8.count)) }
        for row in pending.rows { keys.write(row.key.utf8) }
        let storedKeys = compressor.compress(keys.bytes)
        group.frames.append(try emitFrame(storedKeys, rawByteCount: keys.count, codec: .zstd, to: &file))
        table.groups.append(group)
        pending = StoredRows()
    }

    private mutating func emitFrame(
        _ stored: [UInt8], rawByteCount: Int, codec: SegmentCodec, to file: inout AtomicFile.Writer
    ) throws -> SegmentFrame {
        let frame = SegmentFrame(
            byteOffset: byteOffset, storedByteCount: stored.count, rawByteCount: rawByteCount,
            checksum: CRC32C.checksum(of: stored), codec: codec)
        try emit(stored, to: &file)
        return frame
    }

    mutating func finish(_ file: inout AtomicFile.Writer) throws -> Digest {
        let encoded = table.encoded
        guard encoded.count <= SegmentFormat.maximumTableByteCount else {
            throw VectorIndexError(.invalidRows, "a segment of \(rowCount) rows is too large; build several indexes")
        }
        let footer = SegmentFooter(tableByteOffset: byteOffset, table: encoded, rowCount: rowCount)
        try emit(encoded, to: &file)
        try emit(footer.encoded, to: &file)
        return hasher.finalize()
    }
}
