import ByteFormats
import CKernels
import Samples

/// An open segment of an index: header, table and footer have been checked, frames are checked as they are read.
final class IndexSegment: Sendable {
    let name: String
    let header: SegmentHeader
    let table: SegmentTable
    /// Deleted rows included.
    let rowCount: Int
    let byteCount: Int
    /// Rows that must not be found.
    let deleted: DeletedRows?
    /// For images and captions: the first row of each shard among the rows of that kind, and the end of the last.
    private let starts: [[Int]]
    /// For each group, the position of its first row among the rows of its kind.
    let groupStarts: [Int]
    private let file: RandomAccessFile
    private let mapping: SharedMapping?
    private let checked: CheckedFrames

    init(folder: String, name: String, access: FileReading = .pread, deleted: DeletedRows? = nil) throws {
        let path = folder + "/" + name
        let file = try translatingErrors(inFile: path) { try RandomAccessFile(path: path) }
        let (header, table, footer) = try translatingErrors(inFile: path) { try Self.parse(file) }
        self.name = name
        self.deleted = deleted
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
        // Only codes are read where they are mapped.
        mapping =
            access == .mapped && header.profile.isCoded
            ? try translatingErrors(inFile: path) { try SharedMapping(path: path) } : nil
        checked = CheckedFrames(count: table.groups.count * SegmentSection.allCases.count)
        if let mapping, mapping.file.byteCount != byteCount {
            throw VectorIndexError(.damaged, "the segment changed its size while it was opened; try again", path: path)
        }
    }

    var path: String { file.path }

    /// Whether its codes, if it has any, were made with this codec.
    func belongs(to codec: VectorCodec?) -> Bool {
        guard header.profile.isCoded else { return true }
        return codec.map { Array($0.digest.bytes.prefix(16)) == header.codec } ?? false
    }

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

    /// Position of a group's first row in the segment.
    func firstRow(ofGroup index: Int) -> Int {
        groupStarts[index] + (table.groups[index].kind == .images ? 0 : starts[0][starts[0].count - 1])
    }

    /// The deleted rows of a group, ascending, 0 being its first.
    func deletedRows(inGroup index: Int) -> [Int] {
        guard let deleted else { return [] }
        let first = firstRow(ofGroup: index)
        return deleted.rows(in: first..<first + table.groups[index].rowCount).map { Int($0) - first }
    }

    /// How many rows of a shard are not deleted.
    func liveRowCount(ofShard shard: Int, kind: VectorKinds) -> Int {
        let starts = self.starts[kind == .images ? 0 : 1]
        let before = kind == .images ? 0 : self.starts[0][self.starts[0].count - 1]
        let rows = before + starts[shard]..<before + starts[shard + 1]
        return rows.count - (deleted?.rows(in: rows).count ?? 0)
    }

    /// Whether codes are stored as they are searched.
    var isUnpacked: Bool {
        header.profile.isCoded && !table.groups.isEmpty
            && table.groups.allSatisfy { $0.frame(.high).codec == .raw }
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
        guard CRC32C.checksum(of: bytes) == frame.checksum else { throw damaged(section, group: index) }
    }

    /// A frame in the mapped file, checked when it is first touched; `nil` if files are not mapped.
    @unsafe func mappedFrame(_ section: SegmentSection, group index: Int) throws -> UnsafePointer<UInt8>? {
        guard let mapping else { return nil }
        let frame = table.groups[index].frame(section)
        let position = index * SegmentSection.allCases.count + Int(section.rawValue) - 1
        let isChecked = checked.contains(position)
        let (base, isSound) = unsafe mapping.file.withBytes { bytes in
            unsafe bytes.withUnsafeBytes { bytes -> (UnsafePointer<UInt8>?, Bool) in
                guard let base = bytes.baseAddress else { return (nil, false) }
                // The table was checked against the size of the file, which is the size of the mapping.
                let start = unsafe base + Int(frame.byteOffset)
                let isSound =
                    unsafe isChecked || vlm_crc32c(0, start, frame.storedByteCount) == frame.checksum
                return unsafe (start.assumingMemoryBound(to: UInt8.self), isSound)
            }
        }
        guard isSound, let base = unsafe base else { throw damaged(section, group: index) }
        if !isChecked { checked.insert(position) }
        return unsafe base
    }

    /// Reads a frame as stored; its checksum is checked when it is first touched, or always if files are not mapped.
    func readChecked(_ section: SegmentSection, group index: Int, into bytes: inout [UInt8]) throws {
        guard let mapped = unsafe try mappedFrame(section, group: index) else {
            return try readStored(section, group: index, into: &bytes)
        }
        let count = table.groups[index].frame(section).storedByteCount
        unsafe bytes = Array(UnsafeBufferPointer(start: mapped, count: count))
    }

    func damaged(_ section: SegmentSection, group index: Int) -> VectorIndexError {
        VectorIndexError(
            .damaged,
            "the \(section.name) of group \(index) are damaged: run vlmpipe index verify, then delete the index "
                + "and build it again", path: path, byteOffset: table.groups[index].frame(section).byteOffset)
    }

    /// Reads a frame of ids, identity or keys, decompressed.
    func read(_ section: SegmentSection, group index: Int, scratch: inout SegmentScratch) throws -> [UInt8] {
        let frame = table.groups[index].frame(section)
        try readStored(section, group: index, into: &scratch.stored)
        guard frame.codec != .raw else { return scratch.stored }
        return try translatingErrors(inFile: path) {
            try scratch.decompressor.decompress(scratch.stored, byteCount: frame.rawByteCount)
        }
    }

    /// Reads the vectors of a group into `scratch.halves`.
    func readVectors(group index: Int, scratch: inout SegmentScratch) throws {
        let rowCount = table.groups[index].rowCount
        try readStored(.vectors, group: index, into: &scratch.stored)
        scratch.resizeHalves(rowCount * header.dimension)
        guard table.groups[index].frame(.vectors).codec != .raw else { return scratch.copyStoredToHalves() }
        let runs = try runRanges(.vectors, group: index, stored: scratch.stored)
        let runCount = SegmentFormat.runRowCount * header.dimension
        try translatingErrors(inFile: path) {
            for (run, range) in runs.enumerated() {
                let count = min(runCount, scratch.halves.count - run * runCount)
                try scratch.unpackStored(range, toHalvesAt: run * runCount, count: count)
            }
        }
    }

    /// Where the runs of a frame are in its stored bytes.
    func runRanges(_ section: SegmentSection, group index: Int, stored: [UInt8]) throws -> [Range<Int>] {
        let runCount = (table.groups[index].rowCount + SegmentFormat.runRowCount - 1) / SegmentFormat.runRowCount
        guard stored.count >= runCount * 4 else { throw damaged(section, group: index) }
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(runCount)
        var next = runCount * 4
        for run in 0..<runCount {
            let count = (0..<4).reduce(0) { $0 | Int(stored[run * 4 + $1]) << (8 * $1) }
            guard next + count <= stored.count else { throw damaged(section, group: index) }
            ranges.append(next..<next + count)
            next += count
        }
        guard next == stored.count else { throw damaged(section, group: index) }
        return ranges
    }

    /// Reads one run of a frame, as stored.
    func readRun(_ section: SegmentSection, group index: Int, run: Int, into bytes: inout [UInt8]) throws {
        let frame = table.groups[index].frame(section)
        guard let mapped = unsafe try mappedFrame(section, group: index) else {
            try readStored(section, group: index, into: &bytes)
            bytes = Array(bytes[try runRanges(section, group: index, stored: bytes)[run]])
            return
        }
        let runCount = (table.groups[index].rowCount + SegmentFormat.runRowCount - 1) / SegmentFormat.runRowCount
        precondition(run < runCount, "readRun: run \(run) of \(runCount)")
        // The frame lies in the mapping; what the sizes say is checked against the frame.
        let frameBytes = unsafe UnsafeRawBufferPointer(start: mapped, count: frame.storedByteCount)
        guard frameBytes.count >= runCount * 4 else { throw damaged(section, group: index) }
        let sizes = (0...run).map { Int(unsafe frameBytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)) }
        let start = sizes.dropLast().reduce(runCount * 4, +)
        guard start + sizes[run] <= frameBytes.count else { throw damaged(section, group: index) }
        unsafe bytes = Array(frameBytes[start..<start + sizes[run]])
    }

    /// The ids of a group's rows.
    func readIDs(group index: Int, scratch: inout SegmentScratch) throws -> [UInt64] {
        let bytes = try read(.ids, group: index, scratch: &scratch)
        var ids = LittleEndianColumn.read(UInt64.self, bytes, count: table.groups[index].rowCount)
        if table.groups[index].frame(.ids).codec == .differenceZstd {
            for row in ids.indices.dropFirst() { ids[row] = ids[row] &+ ids[row - 1] }
        }
        return ids
    }

    /// The identities of a group's rows, with keys.
    func readRows(group index: Int, scratch: inout SegmentScratch) throws -> [EmbeddingRow] {
        try readRows(Array(0..<table.groups[index].rowCount), group: index, scratch: &scratch)
    }

    /// The identities of some rows of a group, with keys, in the order given.
    func readRows(_ wanted: [Int], group index: Int, scratch: inout SegmentScratch) throws -> [EmbeddingRow] {
        let rowCount = table.groups[index].rowCount
        let identity = try read(.identity, group: index, scratch: &scratch)
        let keys = try read(.keys, group: index, scratch: &scratch)
        let lengths = LittleEndianColumn.read(UInt32.self, keys, count: rowCount)
        var starts = [rowCount * 4]
        for length in lengths { starts.append(starts[starts.count - 1] + Int(length)) }
        guard starts[rowCount] == keys.count else { throw damaged(.keys, group: index) }
        let ordinals = ordinals(identity, rowCount: rowCount)
        return try wanted.map { row in
            guard let key = String(validating: keys[starts[row]..<starts[row + 1]], as: UTF8.self) else {
                throw damaged(.keys, group: index)
            }
            let code = LittleEndianColumn.read(UInt32.self, identity, byteOffset: (rowCount + row) * 4, count: 1)[0]
            guard let view = SampleView(code: code) else { throw damaged(.identity, group: index) }
            var reader = ByteReader(
                Array(identity[rowCount * 8 + row * 16..<rowCount * 8 + (row + 1) * 16]), path: path,
                fileByteOffset: table.groups[index].frame(.identity).byteOffset)
            let box = try translatingErrors(inFile: path) { try PixelBox.decode(from: &reader) }
            return EmbeddingRow(ordinal: ordinals[row], view: view, key: key, box: box)
        }
    }

    /// The ordinals of a group's rows.
    func readOrdinals(group index: Int, scratch: inout SegmentScratch) throws -> [UInt32] {
        ordinals(try read(.identity, group: index, scratch: &scratch), rowCount: table.groups[index].rowCount)
    }

    private func ordinals(_ identity: [UInt8], rowCount: Int) -> [UInt32] {
        var ordinals = LittleEndianColumn.read(UInt32.self, identity, count: rowCount)
        for row in ordinals.indices.dropFirst() { ordinals[row] = ordinals[row] &+ ordinals[row - 1] }
        return ordinals
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

    /// Byte-split, compressed elements, which are a run of the stored bytes, to some of the elements.
    mutating func unpackStored(_ range: Range<Int>, toHalvesAt start: Int, count: Int) throws(ByteFormatError) {
        let frame = stored
        unsafe try decompressor.decompress(frame.span.bytes.extracting(range), byteCount: count * 2, into: &split)
        precondition(start + count <= halves.count && split.count == count * 2, "unpackStored: \(range)")
        let bytes = split
        // The sizes of both sides were just checked.
        unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe halves.withUnsafeMutableBufferPointer { halves in
                guard let from = bytes.baseAddress, let to = halves.baseAddress else { return }
                unsafe vlm_byte_join_16(from, to + start, count)
            }
        }
    }

    /// Little-endian bytes to elements; both have been sized by the table.
    mutating func copyStoredToHalves() {
        precondition(stored.count == halves.count * 2, "copyStoredToHalves: \(stored.count), \(halves.count)")
        unsafe halves.withUnsafeMutableBytes { unsafe $0.copyBytes(from: stored) }
    }
}
