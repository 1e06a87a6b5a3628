import ByteFormats
import CKernels
import Synchronization

/// Which frames of a mapped segment have been checked since it was opened.
@safe
final class CheckedFrames: @unchecked Sendable {
    // Invariant: after the initialiser the words are touched by atomic operations alone, until deinit.
    private let words: UnsafeMutableBufferPointer<Atomic<UInt64>>
    private let count: Int

    init(count: Int) {
        self.count = count
        let wordCount = (count + 63) / 64
        unsafe words = .allocate(capacity: wordCount)
        for index in 0..<wordCount { unsafe words.initializeElement(at: index, to: Atomic(0)) }
    }

    deinit {
        unsafe words.deinitialize().deallocate()
    }

    func contains(_ index: Int) -> Bool {
        precondition(index >= 0 && index < count, "frame \(index)")
        let word = unsafe words[index / 64].load(ordering: .relaxed)
        return word >> UInt64(index % 64) & 1 == 1
    }

    func insert(_ index: Int) {
        precondition(index >= 0 && index < count, "frame \(index)")
        unsafe words[index / 64].bitwiseOr(1 << UInt64(index % 64), ordering: .relaxed)
    }
}

/// A mapped file that several owners share.
final class SharedMapping: Sendable {
    let file: MappedFile

    init(path: String) throws(ByteFormatError) {
        file = try MappedFile(path: path)
    }
}

/// The codes of one group in memory: mapped, or in the buffers of the reader that gave them out.
///
/// Pointers are valid until the reader loads the next group, and no longer than the segment.
@safe
struct GroupCodes {
    let rowCount: Int
    /// D.
    let width: Int
    let profile: IndexProfile
    @unsafe let signs: UnsafePointer<UInt8>
    @unsafe let high: UnsafePointer<UInt8>?
    @unsafe let low: UnsafePointer<UInt8>?
    @unsafe let factors: UnsafePointer<UInt8>

    private func float(at offset: Int) -> Float {
        unsafe UnsafeRawPointer(factors).loadUnaligned(fromByteOffset: offset, as: Float.self)
    }

    private func half(_ column: Int, _ row: Int) -> UInt16 {
        // The columns lie behind one another; the frame's size was checked against profile and rows.
        let offset = columnOffset(column) + row * 2
        return unsafe UnsafeRawPointer(factors).loadUnaligned(fromByteOffset: offset, as: UInt16.self)
    }

    /// 0 scale4, 1 error4, 2 scale1, 3 error8.
    private func columnOffset(_ column: Int) -> Int {
        SegmentFormat.factorHeadByteCount + (profile == .lite ? 0 : rowCount * 4) + column * rowCount * 2
    }

    /// The largest length of a 4-bit reading in the group.
    var longest4: Float { float(at: 0) }
    /// The largest length of an 8-bit reading in the group.
    var longest8: Float { float(at: 4) }
    func scale8(_ row: Int) -> Float { float(at: SegmentFormat.factorHeadByteCount + row * 4) }
    func scale4(_ row: Int) -> Float { Float(half: half(0, row)) }
    func error8(_ row: Int) -> Float { Float(half: half(3, row)) }

    /// Widens a column of binary16 numbers into a buffer with room for all rows.
    @unsafe private func widen(_ column: Int, into values: UnsafeMutablePointer<Float>) {
        // The column has rowCount numbers inside the frame.
        unsafe UnsafeRawPointer(factors + columnOffset(column)).withMemoryRebound(to: UInt16.self, capacity: rowCount) {
            unsafe vlm_f16_to_f32($0, values, rowCount)
        }
    }

    /// Asks for the factors, which lie apart from the codes.
    func prefetchFactors() {
        // A hint: addresses are not read.
        unsafe vlm_prefetch_rows(factors, columnOffset(0) + 4 * rowCount, [0], 1)
    }

    /// Asks for the scales of the signs.
    func prefetchScales1() {
        // A hint: addresses are not read.
        unsafe vlm_prefetch_rows(factors + columnOffset(2), 2 * rowCount, [0], 1)
    }

    /// Whether codes and factors are these.
    func isEqual(to codes: RowCodes) -> Bool {
        func equal(_ pointer: UnsafePointer<UInt8>?, _ bytes: [UInt8]) -> Bool {
            guard let pointer = unsafe pointer else { return bytes.isEmpty }
            return unsafe UnsafeBufferPointer(start: pointer, count: bytes.count).elementsEqual(bytes)
        }
        // Each part has the bytes that rows and width ask for, as have those of `codes` if there are as many rows.
        return unsafe codes.factors.count == rowCount && equal(signs, codes.signs) && equal(high, codes.high)
            && equal(low, codes.low) && equal(factors, codes.encodedFactors(profile: profile))
    }

    /// Some rows in memory of their own, so that they outlive the reader's buffers.
    func copy(_ rows: Range<Int>) -> RowCodes {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount, "copy: rows \(rows) of \(rowCount)")
        func bytes(_ pointer: UnsafePointer<UInt8>?, _ byteCount: Int) -> [UInt8] {
            guard let pointer = unsafe pointer else { return [] }
            return unsafe Array(
                UnsafeBufferPointer(start: pointer + rows.lowerBound * byteCount, count: rows.count * byteCount))
        }
        let isLite = profile == .lite
        // Each part has the bytes that rows and width ask for, as the table was checked to say.
        let factors = rows.map { row in
            var norms = (eight: 0.0, four: 0.0)
            let offset = row * width / 2
            if let high = unsafe high {
                unsafe vlm_code_norms(
                    high + offset, low.map { unsafe $0 + offset }, width, &norms.eight, &norms.four)
            }
            return RowFactors(
                scale1: half(2, row), scale4: half(0, row), error4: half(1, row), error8: isLite ? 0 : half(3, row),
                scale8: isLite ? 0 : scale8(row), norm4: norms.four, norm8: norms.eight)
        }
        return unsafe RowCodes(
            width: width, signs: bytes(signs, width / 8), high: bytes(high, width / 2), low: bytes(low, width / 2),
            factors: factors)
    }

    @unsafe func widenScales4(into values: UnsafeMutablePointer<Float>) { unsafe widen(0, into: values) }
    @unsafe func widenErrors4(into values: UnsafeMutablePointer<Float>) { unsafe widen(1, into: values) }
    @unsafe func widenScales1(into values: UnsafeMutablePointer<Float>) { unsafe widen(2, into: values) }
    @unsafe func widenErrors8(into values: UnsafeMutablePointer<Float>) { unsafe widen(3, into: values) }
}

/// Gives out the codes of groups, one at a time; what is compressed is unpacked into its buffers.
struct CodeReader: ~Copyable {
    /// What a scan needs of a group.
    enum Need {
        case signs
        case codes
    }

    private var buffers: [SegmentSection: Buffer] = [:]
    private var stored: [UInt8] = []
    private var decompressor = ZstdDecompressor()

    /// Memory that stays where it is.
    @safe private final class Buffer {
        private(set) var bytes: UnsafeMutableBufferPointer<UInt8>

        init() { unsafe bytes = UnsafeMutableBufferPointer(start: nil, count: 0) }
        deinit { unsafe bytes.deallocate() }

        func pointer(_ byteCount: Int) -> UnsafeMutablePointer<UInt8>? {
            if unsafe bytes.count < byteCount {
                unsafe bytes.deallocate()
                unsafe bytes = .allocate(capacity: byteCount)
            }
            return unsafe bytes.baseAddress
        }
    }

    /// The codes of a group of a segment that has codes.
    ///
    /// - Throws: `damaged` if a checksum does not match: of every frame when it is first touched, and again with every
    ///   read where files are not mapped.
    mutating func codes(of segment: IndexSegment, group index: Int, need: Need) throws -> GroupCodes {
        let rowCount = segment.table.groups[index].rowCount
        let width = segment.header.codeDimension
        let profile = segment.header.profile
        let isFolded = segment.table.groups[index].frame(.high).codec == .foldedRuns
        let signs = unsafe try pointer(.signs, segment, index)
        let factors = unsafe try pointer(.factors, segment, index)
        guard need == .codes else {
            return unsafe GroupCodes(
                rowCount: rowCount, width: width, profile: profile, signs: signs, high: nil, low: nil, factors: factors)
        }
        let high =
            isFolded
            ? unsafe try unfolded(segment, index, signs: signs) : unsafe try pointer(.high, segment, index)
        let low = profile == .lite ? nil : unsafe try pointer(.low, segment, index)
        return unsafe GroupCodes(
            rowCount: rowCount, width: width, profile: profile, signs: signs, high: high, low: low, factors: factors)
    }

    /// A frame that is stored as it is used.
    @unsafe private mutating func pointer(
        _ section: SegmentSection, _ segment: IndexSegment, _ index: Int
    ) throws -> UnsafePointer<UInt8> {
        let frame = segment.table.groups[index].frame(section)
        if let mapped = unsafe try segment.mappedFrame(section, group: index) { return unsafe mapped }
        try segment.readStored(section, group: index, into: &stored)
        let buffer = buffers[section] ?? Buffer()
        buffers[section] = buffer
        guard let to = unsafe buffer.pointer(max(1, frame.storedByteCount)) else {
            throw segment.damaged(section, group: index)
        }
        unsafe UnsafeMutableRawBufferPointer(start: to, count: frame.storedByteCount).copyBytes(from: stored)
        return unsafe UnsafePointer(to)
    }

    /// All runs of a group's folded codes, made plain.
    @unsafe private mutating func unfolded(
        _ segment: IndexSegment, _ index: Int, signs: UnsafePointer<UInt8>
    ) throws -> UnsafePointer<UInt8> {
        let group = segment.table.groups[index]
        let width = segment.header.codeDimension
        try segment.readChecked(.high, group: index, into: &stored)
        let buffer = buffers[.high] ?? Buffer()
        buffers[.high] = buffer
        guard let to = unsafe buffer.pointer(group.rowCount * width / 2) else {
            throw segment.damaged(.high, group: index)
        }
        let runs = try segment.runRanges(.high, group: index, stored: stored)
        for (run, range) in runs.enumerated() {
            let rows = min(SegmentFormat.runRowCount, group.rowCount - run * SegmentFormat.runRowCount)
            let frame = stored
            unsafe try unfold(
                frame.span.bytes.extracting(range), rowCount: rows, width: width,
                signs: signs + run * SegmentFormat.runRowCount * width / 8,
                to: to + run * SegmentFormat.runRowCount * width / 2, path: segment.path)
        }
        return unsafe UnsafePointer(to)
    }

    @unsafe private mutating func unfold(
        _ frame: RawSpan, rowCount: Int, width: Int, signs: UnsafePointer<UInt8>,
        to: UnsafeMutablePointer<UInt8>, path: String
    ) throws {
        let byteCount = rowCount * width / 2
        let bytes = try translatingErrors(inFile: path) {
            try decompressor.decompress(frame, byteCount: byteCount)
        }
        unsafe UnsafeMutableRawBufferPointer(start: to, count: byteCount).copyBytes(from: bytes)
        unsafe CodeFolding.fold(to, signs: signs, rowCount: rowCount, codeDimension: width)
    }

    /// The high codes of one row, which unpacks only the run it is in.
    @unsafe mutating func highRow(
        _ row: Int, of segment: IndexSegment, group index: Int, signs: UnsafePointer<UInt8>
    ) throws -> UnsafePointer<UInt8> {
        let group = segment.table.groups[index]
        let width = segment.header.codeDimension
        guard group.frame(.high).codec == .foldedRuns else {
            return unsafe try pointer(.high, segment, index) + row * width / 2
        }
        let run = row / SegmentFormat.runRowCount
        let first = run * SegmentFormat.runRowCount
        let buffer = buffers[.high] ?? Buffer()
        buffers[.high] = buffer
        let rows = min(SegmentFormat.runRowCount, group.rowCount - first)
        guard let to = unsafe buffer.pointer(rows * width / 2) else { throw segment.damaged(.high, group: index) }
        try segment.readRun(.high, group: index, run: run, into: &stored)
        let frame = stored
        unsafe try unfold(
            frame.span.bytes, rowCount: rows, width: width, signs: signs + first * width / 8, to: to, path: segment.path
        )
        return unsafe UnsafePointer(to + (row - first) * width / 2)
    }

    /// Asks for the codes of a row that are read where they are mapped.
    func prefetchRow(_ row: Int, of segment: IndexSegment, group index: Int) throws {
        let group = segment.table.groups[index]
        let byteCount = segment.header.codeDimension / 2
        precondition(row < group.rowCount, "prefetchRow: row \(row) of \(group.rowCount)")
        for section in [SegmentSection.high, .low]
        where section != .low || segment.header.profile != .lite {
            guard group.frame(section).codec == .raw,
                let mapped = unsafe try segment.mappedFrame(section, group: index)
            else { continue }
            // A hint: addresses are not read.
            unsafe vlm_prefetch_rows(mapped, byteCount, [UInt32(row)], 1)
        }
    }

    /// Signs, factors and low codes of a group, for `highRow`.
    mutating func rowCodes(of segment: IndexSegment, group index: Int) throws -> GroupCodes {
        let signs = unsafe try pointer(.signs, segment, index)
        let factors = unsafe try pointer(.factors, segment, index)
        let low = segment.header.profile == .lite ? nil : unsafe try pointer(.low, segment, index)
        return unsafe GroupCodes(
            rowCount: segment.table.groups[index].rowCount, width: segment.header.codeDimension,
            profile: segment.header.profile, signs: signs, high: nil, low: low, factors: factors)
    }
}
