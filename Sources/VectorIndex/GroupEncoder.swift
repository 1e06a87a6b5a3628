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
    /// Whether rows are stored by partition, each with the number of its shard.
    var isPartitioned = false
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
            isUnpacked: segment.isUnpacked, identifiers: segment.header.identifiers,
            isPartitioned: segment.header.isPartitioned)
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
        var codes = rows.codes
        if codes == nil, let codec = storage.codec {
            // A bound on the error against the stored vectors needs codes of these, not of what they were rounded from.
            let floats = storage.profile == .full ? nil : vectors
            codes = RowCodes(floats ?? HalfPrecision.widen(rows.halves), codec: codec, profile: storage.profile)
        }
        if storage.profile.hasVectors { frames[.vectors] = vectorFrame(rows, codes: codes) }
        frames[.ids] = idFrame(rows.ids)
        frames[.identity] = identityFrame(rows.rows, shards: rows.shards)
        var keys = ByteWriter()
        for row in rows.rows { keys.write(UInt32(row.key.utf8.count)) }
        for row in rows.rows { keys.write(row.key.utf8) }
        frames[.keys] = .init(.keys, compressor.compress(keys.bytes), rawByteCount: keys.count, codec: .zstd)
        if let codes { addFrames(of: codes, to: &frames) }
        return EncodedGroup(kind: kind, rowCount: count, frames: storage.profile.sections.compactMap { frames[$0] })
    }

    private mutating func vectorFrame(_ rows: StoredRows, codes: RowCodes?) -> EncodedGroup.Frame {
        let byteCount = rows.halves.count * 2
        guard !storage.hasRawVectors else {
            var plain = ByteWriter(capacity: byteCount)
            for half in rows.halves { plain.write(half) }
            return .init(.vectors, plain.bytes, rawByteCount: byteCount, codec: .raw)
        }
        var elements = rows.halves
        var stored = SegmentCodec.byteSplitRuns
        if let codes, let codec = storage.codec {
            elements = codec.steps(to: rows.halves, codes: codes)
            stored = rows.fine.isEmpty ? .stepRuns : .fineStepRuns
        }
        let fineByteCount = stored == .fineStepRuns ? FineBits.byteCount(dimension: dimension) : 0
        var runs: [[UInt8]] = []
        for first in stride(from: 0, to: rows.rows.count, by: stored.runRowCount) {
            let end = min(rows.rows.count, first + stored.runRowCount)
            let split = HalfPrecision.byteSplit(elements.span.extracting(first * dimension..<end * dimension))
            let fine = rows.fine[first * fineByteCount..<end * fineByteCount]
            runs.append(compressor.compress(split) + fine)
        }
        return .init(.vectors, Self.frame(runs), rawByteCount: byteCount, codec: stored)
    }

    /// u32 stored size and checksum of each run, then the runs.
    private static func frame(_ runs: [[UInt8]]) -> [UInt8] {
        var writer = ByteWriter(
            capacity: runs.reduce(runs.count * SegmentFormat.runEntryByteCount) { $0 + $1.count })
        for run in runs {
            writer.write(UInt32(run.count))
            writer.write(CRC32C.checksum(of: run))
        }
        for run in runs { writer.write(run) }
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

    private mutating func identityFrame(_ rows: [EmbeddingRow], shards: [UInt32]) -> EncodedGroup.Frame {
        precondition(
            !storage.isPartitioned || shards.count == rows.count, "\(rows.count) rows of \(shards.count) shards")
        var identity = ByteWriter(capacity: rows.count * SegmentFormat.partitionedIdentityByteCount)
        var last: UInt32 = 0
        for row in rows {
            identity.write(row.ordinal &- last)
            last = row.ordinal
        }
        for row in rows { identity.write(row.view.code) }
        for row in rows {
            for number in row.box?.array ?? [0, 0, 0, 0] { identity.write(number) }
        }
        if storage.isPartitioned { for shard in shards { identity.write(shard) } }
        return .init(.identity, compressor.compress(identity.bytes), rawByteCount: identity.count, codec: .zstd)
    }

    private func addFrames(
        of codes: RowCodes, to frames: inout [SegmentSection: EncodedGroup.Frame]
    ) {
        frames[.signs] = .init(.signs, codes.signs, rawByteCount: codes.signs.count, codec: .raw)
        let factors = codes.encodedFactors(profile: storage.profile)
        frames[.factors] = .init(.factors, factors, rawByteCount: factors.count, codec: .raw)
        frames[.high] = highFrame(codes.high, signs: codes.signs, codeDimension: codes.width)
        if storage.profile != .lite {
            frames[.low] = .init(.low, codes.low, rawByteCount: codes.low.count, codec: .raw)
        }
        let checks = codes.encodedChecks(profile: storage.profile)
        frames[.checks] = .init(.checks, checks, rawByteCount: checks.count, codec: .raw)
    }

    func highFrame(_ high: [UInt8], signs: [UInt8], codeDimension: Int) -> EncodedGroup.Frame {
        guard !storage.isUnpacked else { return .init(.high, high, rawByteCount: high.count, codec: .raw) }
        return .init(
            .high, CodePacking.packed(high, signs: signs, codeDimension: codeDimension), rawByteCount: high.count,
            codec: .escaped)
    }
}
