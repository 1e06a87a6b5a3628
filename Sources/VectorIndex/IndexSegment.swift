import ByteFormats
import Samples

/// An open segment of an index: header, table and footer have been checked, frames are checked as they are read.
final class IndexSegment: Sendable {
    let name: String
    let header: SegmentHeader
    let table: SegmentTable
    let rowCount: Int
    let byteCount: Int
    /// For images and captions: the first row of each shard among the rows of that kind, and the end of the last.
    private let starts: [[Int]]
    /// For each group, the position of its first row among the rows of its kind.
    let groupStarts: [Int]
    private let file: RandomAccessFile

    init(folder: String, name: String) throws {
        let path = folder + "/" + name
        let file = try translatingErrors(inFile: path) { try RandomAccessFile(path: path) }
        let (header, table, footer) = try translatingErrors(inFile: path) { try Self.parse(file) }
        self.name = name
        self.header = header
        self.table = table
        rowCount = Int(footer.rowCount)
        byteCount = file.byteCount
        starts = [\IndexedShard.imageRowCount, \IndexedShard.captionRowCount].map { count in
            table.shards.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1[keyPath: count]) }
        }
        var next: [UInt8: Int] = [:]
        groupStarts = table.groups.map { group in
            defer { next[group.kind.rawValue, default: 0] += group.rowCount }
            return next[group.kind.rawValue, default: 0]
        }
        self.file = file
    }

    var path: String { file.path }

    private static func parse(
        _ file: borrowing RandomAccessFile
    ) throws -> (SegmentHeader, SegmentTable, SegmentFooter) {
        let path = file.path
        guard file.byteCount >= SegmentFormat.headerByteCount + SegmentFormat.footerByteCount else {
            throw VectorIndexError(
                .damaged, "an index segment cannot have \(file.byteCount) bytes: delete the index and build it again",
                path: path)
        }
        let header = try SegmentHeader(
            file.read(byteOffset: 0, byteCount: SegmentFormat.headerByteCount), path: path)
        let footerByteOffset = UInt64(file.byteCount - SegmentFormat.footerByteCount)
        let footer = try SegmentFooter(
            file.read(byteOffset: footerByteOffset, byteCount: SegmentFormat.footerByteCount), path: path,
            byteOffset: footerByteOffset)
        let bytes = try file.read(byteOffset: footer.tableByteOffset, byteCount: footer.tableByteCount)
        guard CRC32C.checksum(of: bytes) == footer.tableChecksum else {
            throw ByteFormatError(
                .checksumMismatch, "the table is damaged: delete the index and build it again", path: path,
                byteOffset: footer.tableByteOffset)
        }
        return (header, try SegmentTable(bytes, header: header, footer: footer, path: path), footer)
    }

    // MARK: Rows

    /// The shards whose rows a group holds, with the range of its rows (0 is the group's first) that are theirs.
    func shards(inGroup index: Int) -> [(shard: Int, rows: Range<Int>)] {
        let group = table.groups[index]
        let starts = self.starts[group.kind == .images ? 0 : 1]
        let first = groupStarts[index]
        let end = first + group.rowCount
        // The last shard that starts at or before the group's first row, and has rows.
        var low = 0
        var high = starts.count - 1
        while low + 1 < high {
            let middle = (low + high) / 2
            if starts[middle] <= first { low = middle } else { high = middle }
        }
        var result: [(Int, Range<Int>)] = []
        var shard = low
        while shard < table.shards.count, starts[shard] < end {
            let rows = max(starts[shard], first)..<min(starts[shard + 1], end)
            if !rows.isEmpty { result.append((shard, rows.lowerBound - first..<rows.upperBound - first)) }
            shard += 1
        }
        return result
    }

    /// The groups that hold rows of a shard.
    func groups(ofShard shard: Int, kind: VectorKinds) -> [Int] {
        let starts = self.starts[kind == .images ? 0 : 1]
        let rows = starts[shard]..<starts[shard + 1]
        return table.groups.indices.filter {
            let group = table.groups[$0]
            return group.kind == kind && groupStarts[$0] < rows.upperBound
                && groupStarts[$0] + group.rowCount > rows.lowerBound
        }
    }

    // MARK: Frames

    /// Reads a frame as stored and checks its checksum.
    func readStored(_ section: SegmentSection, group index: Int, into bytes: inout [UInt8]) throws {
        let frame = table.groups[index].frame(section)
        try translatingErrors(inFile: path) {
            try file.read(byteOffset: frame.byteOffset, byteCount: frame.storedByteCount, into: &bytes)
        }
        guard CRC32C.checksum(of: bytes) == frame.checksum else {
            throw VectorIndexError(
                .damaged,
                "the \(section.name) of group \(index) are damaged: run vlmpipe index verify, then delete the index "
                    + "and build it again from the embeddings", path: path, byteOffset: frame.byteOffset)
        }
    }

    /// Reads a frame of any section but the vectors, decompressed.
    func read(_ section: SegmentSection, group index: Int, scratch: inout SegmentScratch) throws -> [UInt8] {
        let frame = table.groups[index].frame(section)
        try readStored(section, group: index, into: &scratch.stored)
        switch frame.codec {
        case .raw: return scratch.stored
        case .zstd:
            return try translatingErrors(inFile: path) {
                try scratch.decompressor.decompress(scratch.stored, byteCount: frame.rawByteCount)
            }
        case .byteSplitZstd:
            throw VectorIndexError(.damaged, "only vectors are byte-split", path: path, byteOffset: frame.byteOffset)
        }
    }

    /// Reads the vectors of a group into `scratch.halves`.
    func readVectors(group index: Int, scratch: inout SegmentScratch) throws {
        let group = table.groups[index]
        let frame = group.frame(.vectors)
        try readStored(.vectors, group: index, into: &scratch.stored)
        scratch.resizeHalves(group.rowCount * header.dimension)
        switch frame.codec {
        case .raw: scratch.copyStoredToHalves()
        case .byteSplitZstd:
            try translatingErrors(inFile: path) { try scratch.unpackStoredToHalves() }
        case .zstd:
            throw VectorIndexError(
                .damaged, "vectors are raw or byte-split", path: path, byteOffset: frame.byteOffset)
        }
    }

    /// The ids of a group's rows.
    func readIDs(group index: Int, scratch: inout SegmentScratch) throws -> [UInt64] {
        let bytes = try read(.ids, group: index, scratch: &scratch)
        return try translatingErrors(inFile: path) {
            var reader = ByteReader(bytes, path: path)
            return try (0..<table.groups[index].rowCount).map { _ in try reader.read(UInt64.self, "an id") }
        }
    }

    /// The identities of a group's rows, with keys.
    func readRows(group index: Int, scratch: inout SegmentScratch) throws -> [EmbeddingRow] {
        let identity = try readIdentity(group: index, scratch: &scratch)
        let bytes = try read(.keys, group: index, scratch: &scratch)
        let frame = table.groups[index].frame(.keys)
        return try translatingErrors(inFile: path) {
            var reader = ByteReader(bytes, path: path, fileByteOffset: frame.byteOffset)
            let lengths = try identity.map { _ in Int(try reader.read(UInt32.self, "a key length")) }
            let rows = try zip(identity, lengths).map { row, length in
                EmbeddingRow(
                    ordinal: row.ordinal, view: row.view, key: try reader.readText(length, "a key"), box: row.box)
            }
            try reader.expectEnd()
            return rows
        }
    }

    /// The identities of a group's rows, without keys.
    func readIdentity(group index: Int, scratch: inout SegmentScratch) throws -> [EmbeddingRow] {
        let bytes = try read(.identity, group: index, scratch: &scratch)
        let rowCount = table.groups[index].rowCount
        let frame = table.groups[index].frame(.identity)
        return try translatingErrors(inFile: path) {
            var reader = ByteReader(bytes, path: path, fileByteOffset: frame.byteOffset)
            let ordinals = try (0..<rowCount).map { _ in try reader.read(UInt32.self, "an ordinal") }
            let views = try (0..<rowCount).map { _ throws -> SampleView in
                guard let view = SampleView(code: try reader.read(UInt32.self, "a view")) else {
                    throw reader.error(.malformed, "a view is unknown", at: reader.position)
                }
                return view
            }
            return try (0..<rowCount).map {
                EmbeddingRow(
                    ordinal: ordinals[$0], view: views[$0], key: "", box: try PixelBox.decode(from: &reader))
            }
        }
    }
}

/// Buffers and a decompressor that one worker reuses from group to group.
struct SegmentScratch: ~Copyable {
    var stored: [UInt8] = []
    var split: [UInt8] = []
    var halves: [UInt16] = []
    var decompressor = ZstdDecompressor()

    mutating func resizeHalves(_ count: Int) {
        if halves.count > count {
            halves.removeLast(halves.count - count)
        } else if halves.count < count {
            halves.append(contentsOf: repeatElement(0, count: count - halves.count))
        }
    }

    /// Byte-split, compressed elements to elements; `halves` has been sized by the table.
    mutating func unpackStoredToHalves() throws(ByteFormatError) {
        try decompressor.decompress(stored, byteCount: halves.count * 2, into: &split)
        HalfPrecision.byteJoin(split, into: &halves)
    }

    /// Little-endian bytes to elements; both have been sized by the table.
    mutating func copyStoredToHalves() {
        precondition(stored.count == halves.count * 2, "copyStoredToHalves: \(stored.count), \(halves.count)")
        unsafe halves.withUnsafeMutableBytes { unsafe $0.copyBytes(from: stored) }
    }
}

/// The rows of one shard inside a segment of an index.
struct SegmentRowSource: RowSource {
    let segment: IndexSegment
    let shard: Int

    var identity: ShardIdentity { segment.table.shards[shard].identity }
    var rowCount: Int { segment.table.shards[shard].rowCount }

    func record(imageRowCount: Int, captionRowCount: Int) -> IndexedShard { segment.table.shards[shard] }

    func forEachBatch(of kind: VectorKinds, _ body: (StoredRows) throws -> Void) throws {
        var scratch = SegmentScratch()
        let dimension = segment.header.dimension
        for group in segment.groups(ofShard: shard, kind: kind) {
            for part in segment.shards(inGroup: group) where part.shard == shard {
                let rows = try segment.readRows(group: group, scratch: &scratch)
                let ids = try segment.readIDs(group: group, scratch: &scratch)
                try segment.readVectors(group: group, scratch: &scratch)
                try body(
                    StoredRows(
                        rows: Array(rows[part.rows]), ids: Array(ids[part.rows]),
                        halves: Array(
                            scratch.halves[part.rows.lowerBound * dimension..<part.rows.upperBound * dimension])))
            }
        }
    }
}
