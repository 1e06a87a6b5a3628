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
        precondition((1...SegmentFormat.groupRowCount).contains(count), "a group of \(count) rows")
        var frames: [SegmentSection: EncodedGroup.Frame] = [:]
        if storage.profile.hasVectors { frames[.vectors] = vectorFrame(rows.halves) }
        frames[.ids] = idFrame(rows.ids)
        frames[.identity] = identityFrame(rows.rows)
        var keys = ByteWriter()
        for row in rows.rows { keys.write(UInt32(row.key.utf8.count)) }
        for row in rows.rows { keys.write(row.key.utf8) }
        frames[.keys] = .init(.keys, compressor.compress(keys.bytes), rawByteCount: keys.count, codec: .zstd)
        if let codec = storage.codec {
            // A bound on the error against the stored vectors needs codes of these, not of what they were rounded from.
            let floats = storage.profile == .full ? nil : vectors
            encodeCodes(floats ?? HalfPrecision.widen(rows.halves), codec: codec, into: &frames)
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

    private mutating func encodeCodes(
        _ vectors: [Float], codec: VectorCodec, into frames: inout [SegmentSection: EncodedGroup.Frame]
    ) {
        let codes = RowCodes(vectors, codec: codec, profile: storage.profile)
        frames[.signs] = .init(.signs, codes.signs, rawByteCount: codes.signs.count, codec: .raw)
        let factors = codes.encodedFactors(profile: storage.profile)
        frames[.factors] = .init(.factors, factors, rawByteCount: factors.count, codec: .raw)
        frames[.high] = highFrame(codes.high, signs: codes.signs, codeDimension: codec.codeDimension)
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

/// Codes and factors of some rows.
struct RowCodes {
    private(set) var signs: [UInt8]
    private(set) var high: [UInt8]
    private(set) var low: [UInt8]
    private(set) var factors: [RowFactors] = []

    /// Encodes rows [N, E].
    init(_ vectors: [Float], codec: VectorCodec, profile: IndexProfile) {
        let width = codec.codeDimension
        let rowCount = vectors.count / codec.dimension
        signs = [UInt8](repeating: 0, count: rowCount * width / 8)
        high = [UInt8](repeating: 0, count: rowCount * width / 2)
        low = [UInt8](repeating: 0, count: rowCount * width / 2)
        factors.reserveCapacity(rowCount)
        var residual = [Float](repeating: 0, count: width)
        for row in 0..<rowCount {
            codec.residual(of: row, in: vectors, into: &residual)
            let squared = UnitVectors.squaredLengths(residual, dimension: width)[0]
            guard squared > 1e-12 else {
                // A row that is the mean has no direction: its code is that of zeros, its scales are 0.
                let sums = encodeRow(row, residual, scale: 0)
                factors.append(RowFactors(vlm_code_sums.directionless(squared: squared, like: sums)))
                continue
            }
            var best: (scale: Float, factors: RowFactors)?
            for scale in Self.scales(residual, squared: squared, profile: profile) {
                let candidate = RowFactors(encodeRow(row, residual, scale: scale))
                if best.map({ candidate.error4 < $0.factors.error4 }) ?? true { best = (scale, candidate) }
            }
            guard let best else { preconditionFailure("there is always a scale") }
            if profile == .lite { _ = encodeRow(row, residual, scale: best.scale) }
            factors.append(best.factors)
        }
    }

    /// Steps per unit worth trying. With 8 bits a clipped element costs more than wider steps, so the largest element
    /// decides; with 4 bits the best is between that and the value for a normal distribution without outliers (study,
    /// section 4.2: 16 * 67 / sqrt(512) per standard deviation).
    private static func scales(_ residual: [Float], squared: Double, profile: IndexProfile) -> [Float] {
        let largest = residual.reduce(Float(0)) { max($0, abs($1)) }
        let whole = 127.99 / largest
        guard profile == .lite else { return [whole] }
        let normal = Float(47.4 / (squared / Double(residual.count)).squareRoot())
        return normal <= whole ? [whole] : [whole, (whole * normal).squareRoot(), normal]
    }

    private mutating func encodeRow(_ row: Int, _ residual: [Float], scale: Float) -> vlm_code_sums {
        var sums = vlm_code_sums()
        let width = residual.count
        // Each buffer has room for row `row` of width elements: they were made for all rows.
        unsafe residual.withUnsafeBufferPointer { residual in
            unsafe signs.withUnsafeMutableBufferPointer { signs in
                unsafe high.withUnsafeMutableBufferPointer { high in
                    unsafe low.withUnsafeMutableBufferPointer { low in
                        guard let from = residual.baseAddress, let signs = signs.baseAddress,
                            let high = high.baseAddress, let low = low.baseAddress
                        else { return }
                        unsafe vlm_encode_row(
                            from, width, scale, signs + row * width / 8, high + row * width / 2, low + row * width / 2,
                            &sums)
                    }
                }
            }
        }
        return sums
    }

    /// The frame of factors: the largest lengths of 4- and 8-bit readings, then column by column.
    func encodedFactors(profile: IndexProfile) -> [UInt8] {
        var writer = ByteWriter(
            capacity: SegmentFormat.factorHeadByteCount + factors.count * RowFactors.byteCount(of: profile))
        writer.write((factors.map(\.length4).max() ?? 0).bitPattern)
        writer.write((factors.map(\.length8).max() ?? 0).bitPattern)
        writer.writeZeros(SegmentFormat.factorHeadByteCount - writer.count)
        if profile != .lite { for row in factors { writer.write(row.scale8.bitPattern) } }
        for row in factors { writer.write(row.scale4) }
        for row in factors { writer.write(row.error4) }
        for row in factors { writer.write(row.scale1) }
        if profile != .lite { for row in factors { writer.write(row.error8) } }
        return writer.bytes
    }
}

/// The exchange of plain and folded codes.
enum CodeFolding {
    /// Plain codes folded, or folded ones made plain: the exchange is its own inverse.
    static func folded(_ high: [UInt8], signs: [UInt8], codeDimension: Int) -> [UInt8] {
        var result = high
        unsafe signs.withUnsafeBufferPointer { signs in
            unsafe result.withUnsafeMutableBufferPointer { result in
                guard let from = signs.baseAddress, let to = result.baseAddress else { return }
                unsafe fold(to, signs: from, rowCount: result.count * 2 / codeDimension, codeDimension: codeDimension)
            }
        }
        return result
    }

    @unsafe static func fold(
        _ high: UnsafeMutablePointer<UInt8>, signs: UnsafePointer<UInt8>, rowCount: Int, codeDimension: Int
    ) {
        unsafe vlm_fold_high(signs, high, rowCount, codeDimension)
    }
}

extension vlm_code_sums {
    /// The sums of a row without a direction.
    fileprivate static func directionless(squared: Double, like sums: vlm_code_sums) -> vlm_code_sums {
        vlm_code_sums(
            squared: squared, absolute: 0, product8: 0, norm8: sums.norm8, product4: 0, norm4: sums.norm4)
    }
}
