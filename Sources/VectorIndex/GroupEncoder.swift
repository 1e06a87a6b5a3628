import ByteFormats
import CKernels

/// The frames of one group, ready to be written; made on any thread.
struct EncodedGroup: Sendable {
    struct Frame: Sendable {
        let section: SegmentSection
        let stored: [UInt8]
        let rawByteCount: Int
        let codec: SegmentCodec
        let checksum: UInt32

        init(_ section: SegmentSection, _ stored: [UInt8], rawByteCount: Int, codec: SegmentCodec) {
            self.section = section
            self.stored = stored
            self.rawByteCount = rawByteCount
            self.codec = codec
            checksum = CRC32C.checksum(of: stored)
        }
    }

    let kind: VectorKinds
    let rowCount: Int
    /// In the order of the profile's sections.
    let frames: [Frame]
    /// CRC-32C of what was encoded, where that is asked for: the same for every profile.
    var contentChecksum: UInt32 = 0
}

/// How a segment stores what it stores.
struct SegmentStorage: Sendable {
    var profile: IndexProfile
    var codec: VectorCodec?
    /// Whether F16 vectors stay uncompressed.
    var hasRawVectors: Bool
    /// Whether the upper halves of codes stay uncompressed: larger, and searched in place.
    var isUnpacked: Bool
    var identifiers: IdentifierKind
}

extension SegmentStorage {
    /// F16 vectors alone.
    init(plain identifiers: IdentifierKind) {
        self.init(
            profile: .plain, codec: nil, hasRawVectors: false, isUnpacked: false, identifiers: identifiers)
    }

    /// Like a segment of an index with this codec.
    init(of segment: IndexSegment, codec: VectorCodec?) throws {
        guard segment.belongs(to: codec) else {
            throw VectorIndexError(
                .damaged, "the segment belongs to another codec: run vlmpipe index repair, or build again",
                path: segment.path)
        }
        let profile = segment.header.profile
        self.init(
            profile: profile, codec: profile.isCoded ? codec : nil, hasRawVectors: false,
            isUnpacked: segment.isUnpacked, identifiers: segment.header.identifiers)
    }
}

/// Turns rows into the frames of a group.
struct GroupEncoder: ~Copyable {
    let dimension: Int
    let storage: SegmentStorage
    private var compressor = ZstdCompressor(level: SegmentFormat.compressionLevel)

    init(dimension: Int, storage: SegmentStorage) {
        self.dimension = dimension
        self.storage = storage
    }

    /// Encodes 1 to 256 rows.
    ///
    /// - Parameter vectors: [rows, E], from which codes are made; without them codes are made from the F16 values.
    mutating func encode(_ rows: StoredRows, vectors: [Float]? = nil, kind: VectorKinds) -> EncodedGroup {
        let count = rows.rows.count
        precondition(
            (1...SegmentFormat.groupRowCount).contains(count)
                && (rows.codes == nil || rows.codes?.factors.count == count), "a group of \(count) rows")
        var frames: [SegmentSection: EncodedGroup.Frame] = [:]
        if storage.profile.hasVectors { frames[.vectors] = vectorFrame(rows.halves) }
        frames[.ids] = idFrame(rows.ids)
        frames[.identity] = identityFrame(rows.rows)
        var keys = ByteWriter()
        for row in rows.rows { keys.write(UInt32(row.key.utf8.count)) }
        for row in rows.rows { keys.write(row.key.utf8) }
        frames[.keys] = .init(.keys, compressor.compress(keys.bytes), rawByteCount: keys.count, codec: .zstd)
        if let codes = rows.codes {
            addFrames(of: codes, to: &frames)
        } else if let codec = storage.codec {
            // A bound on the error against the stored vectors needs codes of these, not of what they were rounded from.
            let floats = storage.profile == .full ? nil : vectors
            addFrames(
                of: RowCodes(floats ?? HalfPrecision.widen(rows.halves), codec: codec, profile: storage.profile),
                to: &frames)
        }
        return EncodedGroup(kind: kind, rowCount: count, frames: storage.profile.sections.compactMap { frames[$0] })
    }

    private mutating func vectorFrame(_ halves: [UInt16]) -> EncodedGroup.Frame {
        let byteCount = halves.count * 2
        guard !storage.hasRawVectors else {
            var plain = ByteWriter(capacity: byteCount)
            for half in halves { plain.write(half) }
            return .init(.vectors, plain.bytes, rawByteCount: byteCount, codec: .raw)
        }
        let runs = stride(from: 0, to: halves.count, by: SegmentFormat.runRowCount * dimension).map { start in
            let end = min(halves.count, start + SegmentFormat.runRowCount * dimension)
            return HalfPrecision.byteSplit(halves.span.extracting(start..<end))
        }
        return .init(.vectors, compressedRuns(runs), rawByteCount: byteCount, codec: .byteSplitRuns)
    }

    /// u32 stored sizes of the runs, then the runs.
    private mutating func compressedRuns(_ runs: [[UInt8]]) -> [UInt8] {
        let stored = runs.map { compressor.compress($0) }
        var writer = ByteWriter(capacity: stored.reduce(stored.count * 4) { $0 + $1.count })
        for run in stored { writer.write(UInt32(run.count)) }
        for run in stored { writer.write(run) }
        return writer.bytes
    }

    private mutating func idFrame(_ ids: [UInt64]) -> EncodedGroup.Frame {
        var plain = ByteWriter(capacity: ids.count * 8)
        for id in ids { plain.write(id) }
        // Ids derived from identities are digests, which do not shrink.
        if storage.identifiers == .assigned {
            var differences = ByteWriter(capacity: ids.count * 8)
            var last: UInt64 = 0
            for id in ids {
                differences.write(id &- last)
                last = id
            }
            let stored = compressor.compress(differences.bytes)
            if stored.count < plain.count * 3 / 4 {
                return .init(.ids, stored, rawByteCount: plain.count, codec: .differenceZstd)
            }
        }
        return .init(.ids, plain.bytes, rawByteCount: plain.count, codec: .raw)
    }

    private mutating func identityFrame(_ rows: [EmbeddingRow]) -> EncodedGroup.Frame {
        var identity = ByteWriter(capacity: rows.count * SegmentFormat.identityByteCount)
        var last: UInt32 = 0
        for row in rows {
            identity.write(row.ordinal &- last)
            last = row.ordinal
        }
        for row in rows { identity.write(row.view.code) }
        for row in rows {
            for number in row.box?.array ?? [0, 0, 0, 0] { identity.write(number) }
        }
        return .init(.identity, compressor.compress(identity.bytes), rawByteCount: identity.count, codec: .zstd)
    }

    private mutating func addFrames(
        of codes: RowCodes, to frames: inout [SegmentSection: EncodedGroup.Frame]
    ) {
        frames[.signs] = .init(.signs, codes.signs, rawByteCount: codes.signs.count, codec: .raw)
        let factors = codes.encodedFactors(profile: storage.profile)
        frames[.factors] = .init(.factors, factors, rawByteCount: factors.count, codec: .raw)
        frames[.high] = highFrame(codes.high, signs: codes.signs, codeDimension: codes.width)
        if storage.profile != .lite {
            frames[.low] = .init(.low, codes.low, rawByteCount: codes.low.count, codec: .raw)
        }
    }

    mutating func highFrame(_ high: [UInt8], signs: [UInt8], codeDimension: Int) -> EncodedGroup.Frame {
        guard !storage.isUnpacked else { return .init(.high, high, rawByteCount: high.count, codec: .raw) }
        let folded = CodeFolding.folded(high, signs: signs, codeDimension: codeDimension)
        let runByteCount = SegmentFormat.runRowCount * codeDimension / 2
        let runs = stride(from: 0, to: folded.count, by: runByteCount).map {
            Array(folded[$0..<min(folded.count, $0 + runByteCount)])
        }
        return .init(.high, compressedRuns(runs), rawByteCount: high.count, codec: .foldedRuns)
    }
}
