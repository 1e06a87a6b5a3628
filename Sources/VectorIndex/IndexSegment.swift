import ByteFormats
import CKernels
import Samples
import Synchronization

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
    /// Where the codes of each group are.
    let places: [CodePlace]
    /// What is known of the partitions where rows are stored by partition.
    let partitions: PartitionTable?
    private let file: RandomAccessFile
    private let mapping: SharedMapping?
    /// Frames, then blocks of rows.
    private let checked: CheckedParts
    /// Of the scales of the signs of each group.
    private let largestScales1: FoundNumbers
    private let expectsScan = Atomic<Bool>(false)

    init(folder: String, name: String, access: FileReading = .pread, deleted: DeletedRows? = nil) throws {
        let path = folder + "/" + name
        let file = try translatingErrors(inFile: path) { try RandomAccessFile(path: path) }
        let (header, table, footer) = try translatingErrors(inFile: path) { try Self.parse(file) }
        partitions = try translatingErrors(inFile: path) { try Self.partitions(file, header, table, footer) }
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
        checked = CheckedParts(count: table.groups.count * Self.partCount)
        places = header.profile.isCoded ? table.groups.map(CodePlace.init) : []
        largestScales1 = FoundNumbers(count: places.count)
        if let mapping, mapping.file.byteCount != byteCount {
            throw VectorIndexError(.damaged, "the segment changed its size while it was opened; try again", path: path)
        }
    }

    var path: String { file.path }
    /// The mapped file.
    @unsafe var base: UnsafePointer<UInt8>? { unsafe mapping?.base }

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

    private static func partitions(
        _ file: borrowing RandomAccessFile, _ header: SegmentHeader, _ table: SegmentTable, _ footer: SegmentFooter
    ) throws(ByteFormatError) -> PartitionTable? {
        guard header.isPartitioned == (footer.partitionByteCount > 0) else {
            throw ByteFormatError(
                .malformed, "header and footer do not agree about partitions", path: file.path,
                byteOffset: footer.partitionByteOffset)
        }
        guard header.isPartitioned else { return nil }
        let bytes = try file.read(byteOffset: footer.partitionByteOffset, byteCount: footer.partitionByteCount)
        guard CRC32C.checksum(of: bytes) == footer.partitionChecksum else {
            throw ByteFormatError(
                .checksumMismatch, "the table of partitions is damaged: delete the index and build it again",
                path: file.path, byteOffset: footer.partitionByteOffset)
        }
        return try PartitionTable(
            bytes, width: header.codeDimension, groups: table.groups, path: file.path,
            byteOffset: footer.partitionByteOffset)
    }

    // MARK: Rows

    /// The shards whose rows a group holds, with the range of its rows (0 is the group's first) that are theirs; for
    /// segments whose rows are in the order of their shards.
    func shards(inGroup index: Int) -> [(shard: Int, rows: Range<Int>)] {
        precondition(isOrderedByShard, "shards(inGroup:) of rows stored by partition")
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
        precondition(isOrderedByShard || deleted == nil, "liveRowCount(ofShard:) of rows stored by partition")
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
        precondition(isOrderedByShard, "groups(ofShard:) of rows stored by partition")
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

    /// Parts of a group that are checked apart: its frames, and its rows in blocks of four.
    private static let partCount =
        SegmentSection.allCases.count + SegmentFormat.groupRowCount / SegmentFormat.checkRowCount

    /// A frame in the mapped file, checked when it is first touched; `nil` if files are not mapped.
    @unsafe func mappedFrame(_ section: SegmentSection, group index: Int) throws -> UnsafePointer<UInt8>? {
        guard let base = unsafe mapping?.base else { return nil }
        let position = index * Self.partCount + Int(section.rawValue) - 1
        if checked.contains(position), let offset = places[index].offset(of: section) { return unsafe base + offset }
        let frame = table.groups[index].frame(section)
        // The table was checked against the size of the file, which is the size of the mapping.
        let start = unsafe base + Int(frame.byteOffset)
        if !checked.contains(position) {
            guard unsafe vlm_crc32c(0, start, frame.storedByteCount) == frame.checksum else {
                throw damaged(section, group: index)
            }
            checked.insert(position)
        }
        return unsafe start
    }

    /// Ranges of a mapping that are asked for apart, at most: the system allows some 65,000 for a process.
    private static let maximumRangeCount = 8192

    /// Says that the upper codes of all groups are about to be read: a mapped file is then read in pages of 2 MiB, where the
    /// system has such, and mapped whole by the next process too.
    func expectScan() {
        guard let mapping, header.profile.isCoded, !expectsScan.exchange(true, ordering: .relaxed) else { return }
        var ranges: [Range<Int>] = []
        for group in table.groups {
            let frame = group.frame(.high)
            let range = Int(frame.byteOffset)..<Int(frame.byteOffset) + frame.storedByteCount
            if let last = ranges.last, range.lowerBound - last.upperBound < SegmentFormat.alignment {
                ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
            } else {
                ranges.append(range)
            }
        }
        for range in ranges.prefix(Self.maximumRangeCount) { mapping.preferLargePages(range) }
    }

    /// The largest scale of the signs of a group of a mapped file, or infinity if any is negative or no number.
    func largestScale1(ofGroup index: Int, _ codes: GroupCodes) -> Float {
        largestScales1.number(index) { codes.largestScale1 }
    }

    /// Whether the codes of a row were checked.
    func isChecked(row: Int, group index: Int) -> Bool {
        checked.contains(checkPosition(ofBlock: row / SegmentFormat.checkRowCount, group: index))
    }

    private func checkPosition(ofBlock block: Int, group index: Int) -> Int {
        index * Self.partCount + SegmentSection.allCases.count + block
    }

    /// Checks the codes of a block of four rows of a mapped file when they are first touched.
    ///
    /// - Parameters:
    ///   - high: their upper codes, unpacked.
    ///   - low: their lower codes, if there are any.
    @unsafe func check(
        _ rows: Range<Int>, group index: Int, high: UnsafePointer<UInt8>, low: UnsafePointer<UInt8>?
    ) throws {
        let block = rows.lowerBound / SegmentFormat.checkRowCount
        let position = checkPosition(ofBlock: block, group: index)
        guard !checked.contains(position) else { return }
        guard let checks = unsafe try mappedFrame(.checks, group: index) else { return }
        let byteCount = rows.count * header.codeDimension / 2
        // The frame has a number for every block; the caller gives as many bytes as the rows have.
        var checksum = unsafe vlm_crc32c(0, high, byteCount)
        if let low = unsafe low { checksum = unsafe vlm_crc32c(checksum, low, byteCount) }
        let expected = unsafe UnsafeRawPointer(checks).loadUnaligned(fromByteOffset: block * 4, as: UInt32.self)
        guard checksum == UInt32(littleEndian: expected) else { throw damaged(.checks, group: index) }
        checked.insert(position)
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
        try readChecked(section, group: index, into: &scratch.stored)
        guard frame.codec != .raw else { return scratch.stored }
        return try translatingErrors(inFile: path) {
            try scratch.decompressor.decompress(scratch.stored, byteCount: frame.rawByteCount)
        }
    }

    /// Reads the vectors of a group into `scratch.halves`, and their fine bits, if there are any, into `scratch.fine`.
    func readVectors(group index: Int, scratch: inout SegmentScratch) throws {
        let rowCount = table.groups[index].rowCount
        try readStored(.vectors, group: index, into: &scratch.stored)
        scratch.resizeHalves(rowCount * header.dimension)
        let storedAs = table.groups[index].frame(.vectors).codec
        scratch.fine.removeAll(keepingCapacity: true)
        guard storedAs != .raw else { return scratch.copyStoredToHalves() }
        let runs = try runRanges(.vectors, group: index, stored: scratch.stored)
        for (run, range) in runs.enumerated() {
            let first = run * storedAs.runRowCount
            let count = min(storedAs.runRowCount, rowCount - first)
            let split = try splitRun(range, rowCount: count, storedAs: storedAs, group: index)
            try translatingErrors(inFile: path) {
                try scratch.unpackStored(
                    split.elements, toHalvesAt: first * header.dimension, count: count * header.dimension)
            }
            scratch.fine += scratch.stored[split.fine]
        }
        guard storedAs != .byteSplitRuns, let codec = table.codec else { return }
        let codes = try scratch.codeReader.codes(of: self, group: index, need: .all)
        for row in 0..<rowCount {
            codec.restore(&scratch.halves, row: row, from: codes, codeRow: row, prediction: &scratch.prediction)
        }
    }

    /// The parts of a run of vectors: its zstd frame, and the fine bits of its rows.
    func splitRun(
        _ range: Range<Int>, rowCount: Int, storedAs: SegmentCodec, group index: Int
    ) throws -> (elements: Range<Int>, fine: Range<Int>) {
        let fineByteCount = storedAs == .fineStepRuns ? rowCount * FineBits.byteCount(dimension: header.dimension) : 0
        guard range.count >= fineByteCount else { throw damaged(.vectors, group: index) }
        let end = range.upperBound - fineByteCount
        return (range.lowerBound..<end, end..<range.upperBound)
    }

    private func runCount(_ section: SegmentSection, _ index: Int) -> Int {
        let length = table.groups[index].frame(section).codec.runRowCount
        return (table.groups[index].rowCount + length - 1) / length
    }

    /// Where the runs of a frame are in its stored bytes, whose checksum was checked.
    private func runRanges(_ section: SegmentSection, group index: Int, stored: [UInt8]) throws -> [Range<Int>] {
        let runCount = runCount(section, index)
        guard stored.count >= runCount * SegmentFormat.runEntryByteCount else { throw damaged(section, group: index) }
        let entries = LittleEndianColumn.read(UInt32.self, stored, count: runCount * 2)
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(runCount)
        var next = runCount * SegmentFormat.runEntryByteCount
        for run in 0..<runCount {
            let count = Int(entries[2 * run])
            guard count <= stored.count - next else { throw damaged(section, group: index) }
            ranges.append(next..<next + count)
            next += count
        }
        guard next == stored.count else { throw damaged(section, group: index) }
        return ranges
    }

    /// Hands out one run of a frame, as stored; of a mapped file nothing else is touched.
    func withRun<Result>(
        _ section: SegmentSection, group index: Int, run: Int, buffer: inout [UInt8],
        _ body: (RawSpan) throws -> Result
    ) throws -> Result {
        let frame = table.groups[index].frame(section)
        guard let base = unsafe mapping?.base else {
            try readStored(section, group: index, into: &buffer)
            let range = try runRanges(section, group: index, stored: buffer)[run]
            return unsafe try body(buffer.span.bytes.extracting(range))
        }
        let runCount = runCount(section, index)
        precondition(run < runCount, "withRun: run \(run) of \(runCount)")
        // The frame lies in the mapping; what its entries say is checked against it, and the run against its entry.
        let stored = unsafe RawSpan(
            _unsafeStart: UnsafeRawPointer(base + Int(frame.byteOffset)), byteCount: frame.storedByteCount)
        func entry(_ position: Int) -> Int {
            Int(UInt32(littleEndian: unsafe stored.unsafeLoadUnaligned(fromByteOffset: position * 4, as: UInt32.self)))
        }
        guard stored.byteCount >= runCount * SegmentFormat.runEntryByteCount else {
            throw damaged(section, group: index)
        }
        let start = (0..<run).reduce(runCount * SegmentFormat.runEntryByteCount) { $0 + entry(2 * $1) }
        let count = entry(2 * run)
        guard start <= stored.byteCount, count <= stored.byteCount - start else {
            throw damaged(section, group: index)
        }
        let bytes = stored.extracting(start..<start + count)
        guard Int(CRC32C.checksum(of: bytes)) == entry(2 * run + 1) else { throw damaged(section, group: index) }
        return try body(bytes)
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

    /// The id of one row.
    func readID(_ row: Int, group index: Int, scratch: inout SegmentScratch) throws -> UInt64 {
        precondition(row >= 0 && row < table.groups[index].rowCount, "readID: row \(row)")
        guard !places.isEmpty, places[index].hasPlainIDs, let ids = unsafe try mappedFrame(.ids, group: index) else {
            return try scratch.ids(of: self, group: index)[row]
        }
        // The frame has eight bytes for every row of the group.
        return UInt64(
            littleEndian: unsafe UnsafeRawPointer(ids).loadUnaligned(fromByteOffset: row * 8, as: UInt64.self))
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
