import ByteFormats
import PipelineEngine
import Samples

/// Writes one immutable segment of an index.
///
/// Images come before captions, each in the order of data set, shard, ordinal and view, in groups of 256 rows: so the
/// bytes are a function of the rows alone (given one version of libzstd), and the file is named by their digest.
/// Memory is one block of 64 groups and one batch of a source, plus the table.
struct IndexSegmentWriter {
    let folder: String
    let header: SegmentHeader
    let storage: SegmentStorage

    init(folder: String, space: SpaceFingerprint, dimension: Int, storage: SegmentStorage) {
        self.folder = folder
        self.storage = storage
        header = SegmentHeader(
            space: space, dimension: dimension, identifiers: storage.identifiers, profile: storage.profile,
            codec: storage.codec, isPartitioned: storage.isPartitioned)
    }

    var scratchPath: String { folder + "/segment" }

    /// Writes the segment of these shards; no two have the same identity.
    func write(_ sources: [any RowSource]) throws -> IndexManifest.Segment {
        let sources = sources.sorted { $0.identity < $1.identity }
        var record: IndexManifest.Segment?
        let path = try translatingErrors(inFile: folder) {
            try AtomicFile.writeNamed(scratchPath: scratchPath) { file in
                var body = try SegmentBody(header: header, codec: storage.codec, file: &file)
                var groups = GroupAssembly(dimension: header.dimension, storage: storage)
                var counts = [[Int]](repeating: [], count: 2)
                for (index, kind) in VectorKinds.storageOrder.enumerated() {
                    for source in sources {
                        var count = 0
                        try source.forEachBatch(of: kind) { rows in
                            count += rows.rows.count
                            try groups.append(rows, kind: kind) { try body.append($0, to: &file) }
                        }
                        counts[index].append(count)
                    }
                    try groups.finish(kind: kind) { try body.append($0, to: &file) }
                }
                let shards = sources.enumerated().map { index, source in
                    source.record(imageRowCount: counts[0][index], captionRowCount: counts[1][index])
                }
                let finished = try body.finish(shards: shards, file: &file)
                record = finished
                return finished.name
            }
        }
        guard let record else { preconditionFailure("\(path) was written without a record") }
        return record
    }

    /// Writes the segment of one shard of images whose groups are made concurrently on `pool`.
    ///
    /// - Parameters:
    ///   - batches: what each group is made of, in order; every group but the last is full.
    ///   - shard: what is known of the shard in the end, given the digest of the groups' content and the row count.
    ///   - group: makes a group.
    func write<Batches: Sequence & Sendable>(
        _ batches: Batches, on pool: ComputePool, shard: (Digest, Int) throws -> IndexedShard,
        group: @Sendable @escaping (Batches.Element) throws -> EncodedGroup
    ) async throws -> IndexManifest.Segment where Batches.Element: Sendable {
        var record: IndexManifest.Segment?
        let header = header
        let path = try await translatingErrors(inFile: folder) {
            try await AtomicFile.writeNamed(scratchPath: scratchPath) { file in
                var body = try SegmentBody(header: header, codec: storage.codec, file: &file)
                var content = DigestHasher()
                var rowCount = 0
                try await pool.orderedMap(batches, window: 4 * pool.threadCount) {
                    try group($0)
                } consume: { encoded in
                    content.update(number: UInt64(encoded.contentChecksum))
                    rowCount += encoded.rowCount
                    try body.append(encoded, to: &file)
                }
                let finished = try body.finish(shards: [shard(content.finalize(), rowCount)], file: &file)
                record = finished
                return finished.name
            }
        }
        guard let record else { preconditionFailure("\(path) was written without a record") }
        return record
    }
}

/// Collects rows until they fill a group.
private struct GroupAssembly: ~Copyable {
    private var encoder: GroupEncoder
    private let dimension: Int
    private let storage: SegmentStorage
    private var pending = StoredRows()

    init(dimension: Int, storage: SegmentStorage) {
        self.dimension = dimension
        self.storage = storage
        encoder = GroupEncoder(dimension: dimension, storage: storage)
    }

    mutating func append(_ rows: StoredRows, kind: VectorKinds, emit: (EncodedGroup) throws -> Void) throws {
        var rows = rows
        if let codec = storage.codec, rows.codes == nil {
            rows.codes = RowCodes(HalfPrecision.widen(rows.halves), codec: codec, profile: storage.profile)
        }
        var taken = 0
        while taken < rows.rows.count {
            let count = min(SegmentFormat.groupRowCount - pending.rows.count, rows.rows.count - taken)
            pending.append(rows, taken..<taken + count, dimension: dimension)
            taken += count
            if pending.rows.count == SegmentFormat.groupRowCount { try finish(kind: kind, emit: emit) }
        }
    }

    /// Ends the group, so that the next kind starts a new one.
    mutating func finish(kind: VectorKinds, emit: (EncodedGroup) throws -> Void) throws {
        guard !pending.rows.isEmpty else { return }
        let rows = pending
        pending = StoredRows()
        try emit(encoder.encode(rows, kind: kind))
    }
}

/// The state of a segment while it is written.
struct SegmentBody: ~Copyable {
    private let header: SegmentHeader
    private var table: SegmentTable
    private var rowCount = 0
    private var byteOffset: UInt64 = 0
    private var block: [EncodedGroup] = []
    private var hasher = DigestHasher()

    /// Begins the file with its header.
    init(header: SegmentHeader, codec: VectorCodec?, file: inout AtomicFile.Writer) throws {
        self.header = header
        table = SegmentTable(profile: header.profile, codec: codec)
        try emit(header.encoded, to: &file)
    }

    private mutating func emit(_ bytes: [UInt8], to file: inout AtomicFile.Writer) throws {
        hasher.update(bytes)
        unsafe try file.write(bytes.span.bytes)
        byteOffset += UInt64(bytes.count)
    }

    private mutating func align(_ file: inout AtomicFile.Writer) throws {
        let gap = Int(SegmentFormat.aligned(byteOffset) - byteOffset)
        if gap > 0 { try emit([UInt8](repeating: 0, count: gap), to: &file) }
    }

    /// Adds a group; its frames are written when the block is full.
    mutating func append(_ group: EncodedGroup, to file: inout AtomicFile.Writer) throws {
        block.append(group)
        rowCount += group.rowCount
        if block.count == SegmentFormat.blockGroupCount { try flushBlock(to: &file) }
    }

    private mutating func flushBlock(to file: inout AtomicFile.Writer) throws {
        let sections = header.profile.sections
        var places = block.map { [SegmentFrame?](repeating: nil, count: $0.frames.count) }
        for section in SegmentSection.fileOrder {
            guard let position = sections.firstIndex(of: section) else { continue }
            for (index, group) in block.enumerated() {
                try align(&file)
                let frame = group.frames[position]
                places[index][position] = SegmentFrame(
                    byteOffset: byteOffset, storedByteCount: frame.stored.count, rawByteCount: frame.rawByteCount,
                    checksum: frame.checksum, codec: frame.codec)
                try emit(frame.stored, to: &file)
            }
        }
        for (index, group) in block.enumerated() {
            table.groups.append(
                SegmentGroup(
                    rowCount: group.rowCount, kind: group.kind, profile: header.profile,
                    frames: places[index].compactMap(\.self)))
        }
        block.removeAll(keepingCapacity: true)
    }

    /// Writes what is left, the table and the footer.
    ///
    /// - Parameter partitions: the table of partitions; empty for none.
    mutating func finish(
        shards: [IndexedShard], partitions: [UInt8] = [], file: inout AtomicFile.Writer
    ) throws -> IndexManifest.Segment {
        try flushBlock(to: &file)
        try align(&file)
        if !partitions.isEmpty {
            try emit(partitions, to: &file)
            try align(&file)
        }
        table.shards = shards
        let encoded = table.encoded
        guard encoded.count <= SegmentFormat.maximumTableByteCount else {
            throw VectorIndexError(.invalidRows, "a segment of \(rowCount) rows is too large; build several indexes")
        }
        let footer = SegmentFooter(
            tableByteOffset: byteOffset, table: encoded, rowCount: rowCount, partitions: partitions)
        try emit(encoded, to: &file)
        try emit(footer.encoded, to: &file)
        let digest = hasher.finalize()
        return IndexManifest.Segment(
            name: SegmentFormat.fileName(digest), byteCount: file.byteCount, rowCount: rowCount, digest: digest,
            shards: shards)
    }
}
