import ByteFormats
import Samples

/// The table of contents of a segment: its shards, and where the frames of each group are.
struct SegmentTable: Sendable, Equatable {
    let profile: IndexProfile
    /// The codec of `full`, without which its vectors could not be read.
    let codec: VectorCodec?
    var shards: [IndexedShard] = []
    var groups: [SegmentGroup] = []

    var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 64 + groups.count * 104 + shards.count * 200)
        writer.write(UInt32(shards.count))
        writer.write(UInt32(groups.count))
        writer.write(UInt32(profile.sections.count))
        for section in profile.sections { writer.write(section.rawValue) }
        for shard in shards {
            writer.write(field: shard.identity.dataset)
            writer.write(field: shard.identity.shard)
            writer.write(shard.recipe.bytes)
            writer.write(shard.shardDigest.bytes)
            writer.write(shard.embeddingDigest.bytes)
            for count in [shard.sampleCount, shard.failedCount, shard.imageRowCount, shard.captionRowCount] {
                writer.write(UInt64(count))
            }
        }
        for group in groups {
            writer.write(UInt32(group.rowCount))
            writer.write(UInt32(group.kind.rawValue))
            for frame in group.frames {
                writer.write(frame.byteOffset)
                writer.write(UInt32(frame.storedByteCount))
                writer.write(UInt32(frame.rawByteCount))
                writer.write(frame.checksum)
                writer.write(frame.codec.rawValue)
            }
        }
        if let codec {
            writer.write(UInt32(codec.encoded.count))
            writer.write(codec.encoded)
        }
        return writer.bytes
    }

    /// A table without rows.
    ///
    /// - Parameter codec: of the segment; kept where vectors are stored beside codes.
    init(profile: IndexProfile, codec: VectorCodec?) {
        self.profile = profile
        self.codec = profile == .full ? codec : nil
    }

    /// Parses a table whose checksum has been checked, and checks everything it says against the file.
    init(
        _ bytes: [UInt8], header: SegmentHeader, footer: SegmentFooter, path: String
    ) throws {
        profile = header.profile
        var reader = ByteReader(bytes, path: path, fileByteOffset: footer.tableByteOffset)
        let shardCount = try reader.read(UInt32.self, "the shard count")
        let groupCount = try reader.read(UInt32.self, "the group count")
        try Self.readSections(&reader, of: profile)
        for _ in 0..<shardCount { shards.append(try Self.readShard(&reader)) }
        for _ in 0..<groupCount { groups.append(try Self.readGroup(&reader, of: profile)) }
        codec = profile == .full ? try Self.readCodec(&reader, header: header, path: path) : nil
        try reader.expectEnd()
        try check(header: header, footer: footer, reader: reader)
    }

    private static func readSections(
        _ reader: inout ByteReader, of profile: IndexProfile
    ) throws(ByteFormatError) {
        let position = reader.position
        let sectionCount = try reader.read(UInt32.self, "the section count")
        guard sectionCount == UInt32(profile.sections.count) else {
            throw reader.error(.malformed, "\(sectionCount) sections are not possible", at: position)
        }
        for section in profile.sections {
            let position = reader.position
            guard try reader.read(UInt32.self, "a section") == section.rawValue else {
                throw reader.error(.malformed, "the sections are not the known ones", at: position)
            }
        }
    }

    private static func readCodec(
        _ reader: inout ByteReader, header: SegmentHeader, path: String
    ) throws -> VectorCodec {
        let position = reader.position
        let byteCount = Int(try reader.read(UInt32.self, "the size of the codec"))
        guard byteCount <= VectorCodec.maximumByteCount else {
            throw reader.error(.limitExceeded, "a codec cannot have \(byteCount) bytes", at: position)
        }
        let codec = try VectorCodec(try reader.readBytes(byteCount, "the codec"), path: path)
        guard Array(codec.digest.bytes.prefix(16)) == header.codec, codec.dimension == header.dimension else {
            throw reader.error(.malformed, "the codec is not the one of the header", at: position)
        }
        return codec
    }

    private static func readShard(_ reader: inout ByteReader) throws(ByteFormatError) -> IndexedShard {
        let limit = EmbeddingHeader.maximumNameByteCount
        let dataset = try reader.readField("a data set", maximumByteCount: limit)
        let shard = try reader.readField("a shard", maximumByteCount: limit)
        var digests: [Digest] = []
        for _ in 0..<3 {
            guard let digest = Digest(bytes: try reader.readBytes(32, "a digest")) else {
                preconditionFailure("32 bytes are a digest")
            }
            digests.append(digest)
        }
        var counts: [Int] = []
        for _ in 0..<4 {
            let position = reader.position
            let count = try reader.read(UInt64.self, "a count")
            guard count <= UInt64(UInt32.max) else {
                throw reader.error(.malformed, "a count of \(count) is not possible", at: position)
            }
            counts.append(Int(count))
        }
        return IndexedShard(
            identity: ShardIdentity(dataset: dataset, shard: shard), recipe: digests[0], shardDigest: digests[1],
            embeddingDigest: digests[2], sampleCount: counts[0], failedCount: counts[1], imageRowCount: counts[2],
            captionRowCount: counts[3])
    }

    private static func readGroup(
        _ reader: inout ByteReader, of profile: IndexProfile
    ) throws(ByteFormatError) -> SegmentGroup {
        let position = reader.position
        let rowCount = Int(try reader.read(UInt32.self, "a row count"))
        let kind = try reader.read(UInt32.self, "a kind")
        guard kind == 1 || kind == 2, (1...SegmentFormat.groupRowCount).contains(rowCount) else {
            throw reader.error(.malformed, "a group is not possible", at: position)
        }
        let start = reader.position
        let entries = try reader.readBytes(profile.sections.count * SegmentFrame.entryByteCount, "the frames")
        let words = LittleEndianColumn.read(UInt32.self, entries, count: entries.count / 4)
        var frames: [SegmentFrame] = []
        frames.reserveCapacity(profile.sections.count)
        for section in profile.sections.indices {
            let entry = words[section * 6..<section * 6 + 6]
            let first = entry.startIndex
            guard let codec = SegmentCodec(rawValue: entry[first + 5]) else {
                throw reader.error(
                    .malformed, "a frame's codec is unknown",
                    at: start + (section + 1) * SegmentFrame.entryByteCount - 4)
            }
            frames.append(
                SegmentFrame(
                    byteOffset: UInt64(entry[first]) | UInt64(entry[first + 1]) << 32,
                    storedByteCount: Int(entry[first + 2]), rawByteCount: Int(entry[first + 3]),
                    checksum: entry[first + 4], codec: codec))
        }
        return SegmentGroup(
            rowCount: rowCount, kind: VectorKinds(rawValue: UInt8(kind)), profile: profile, frames: frames)
    }

    /// Frames fill the file from header to table in the order of blocks and sections, each on the next multiple of 64;
    /// they have the sizes their rows need, and the groups of each kind hold as many rows as the shards.
    private func check(
        header: SegmentHeader, footer: SegmentFooter, reader: ByteReader
    ) throws(ByteFormatError) {
        func malformed(_ message: String) -> ByteFormatError { reader.error(.malformed, message, at: 0) }
        var next = UInt64(SegmentFormat.headerByteCount)
        let order = SegmentSection.fileOrder.filter(profile.sections.contains)
        for block in stride(from: 0, to: groups.count, by: SegmentFormat.blockGroupCount) {
            for section in order {
                for index in block..<min(groups.count, block + SegmentFormat.blockGroupCount) {
                    let frame = groups[index].frame(section)
                    let start = SegmentFormat.aligned(next)
                    guard frame.byteOffset == start,
                        frame.isPossible(as: section, rowCount: groups[index].rowCount, header: header)
                    else { throw malformed("the \(section.name) frame of group \(index) is not possible") }
                    next = start + UInt64(frame.storedByteCount)
                }
            }
        }
        guard SegmentFormat.aligned(next) == footer.partitionByteOffset else {
            throw malformed("the frames do not end where the table starts")
        }
        for kind in VectorKinds.storageOrder {
            let rows = groups.filter { $0.kind == kind }.reduce(0) { $0 + $1.rowCount }
            let expected = shards.reduce(0) { $0 + (kind == .images ? $1.imageRowCount : $1.captionRowCount) }
            guard rows == expected else { throw malformed("the groups do not hold the rows of the shards") }
        }
        let firstCaption = groups.firstIndex { $0.kind == .captions } ?? groups.count
        guard groups[firstCaption...].allSatisfy({ $0.kind == .captions }) else {
            throw malformed("images come after captions")
        }
        guard UInt64(groups.reduce(0) { $0 + $1.rowCount }) == footer.rowCount else {
            throw malformed("the groups do not hold the rows of the footer")
        }
        for pair in zip(shards, shards.dropFirst()) where pair.0.identity >= pair.1.identity {
            throw malformed("shards are out of order")
        }
    }
}

extension SegmentFormat {
    /// The next multiple of 64.
    static func aligned(_ byteOffset: UInt64) -> UInt64 {
        let (sum, overflow) = byteOffset.addingReportingOverflow(UInt64(alignment - 1))
        return overflow ? .max : sum / UInt64(alignment) * UInt64(alignment)
    }
}

extension SegmentFrame {
    /// Whether sizes and codec are those of a section with this many rows.
    fileprivate func isPossible(as section: SegmentSection, rowCount: Int, header: SegmentHeader) -> Bool {
        guard codec != .raw || storedByteCount == rawByteCount, storedByteCount <= Int(Int32.max) else { return false }
        let codeDimension = header.codeDimension
        switch section {
        case .vectors:
            return rawByteCount == rowCount * header.dimension * 2
                && (header.profile.isCoded
                    ? codec == .stepRuns || codec == .fineStepRuns : codec == .raw || codec == .byteSplitRuns)
        case .ids: return rawByteCount == rowCount * 8 && (codec == .raw || codec == .differenceZstd)
        case .identity:
            return rawByteCount == rowCount * header.identityByteCount && codec == .zstd
        case .keys:
            return rawByteCount >= rowCount * 4 && rawByteCount <= SegmentFormat.maximumKeyFrameByteCount
                && codec == .zstd
        case .signs: return rawByteCount == rowCount * codeDimension / 8 && codec == .raw
        case .factors:
            let columns = RowFactors.byteCount(of: header.profile)
            return rawByteCount == SegmentFormat.factorHeadByteCount + rowCount * columns && codec == .raw
        case .high: return rawByteCount == rowCount * codeDimension / 2 && (codec == .raw || codec == .escaped)
        case .low: return rawByteCount == rowCount * codeDimension / 2 && codec == .raw
        case .checks:
            let blockCount = (rowCount + SegmentFormat.checkRowCount - 1) / SegmentFormat.checkRowCount
            return rawByteCount == blockCount * 4 && codec == .raw
        }
    }
}
