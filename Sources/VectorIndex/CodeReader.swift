import ByteFormats
import CKernels

/// Gives out the codes of groups, one at a time; what is packed is unpacked into its buffers.
struct CodeReader: ~Copyable {
    /// What is needed of a group.
    enum Need {
        /// Signs and factors.
        case signs
        /// Upper codes and factors.
        case upper
        /// Upper codes and factors, the rest of single rows by `row`.
        case scan
        /// Everything.
        case all
    }

    /// Codes of one row, valid until the reader reads another.
    @unsafe struct Row {
        let high: UnsafePointer<UInt8>
        let low: UnsafePointer<UInt8>?
    }

    private var buffers: [SegmentSection: ByteBuffer] = [:]
    private let quad = ByteBuffer()
    private var stored: [UInt8] = []

    init() {}

    /// The codes of a group of a segment that has codes.
    ///
    /// - Throws: `damaged` if a checksum does not match: of every frame when it is first touched, and again with every
    ///   read where files are not mapped.
    mutating func codes(of segment: IndexSegment, group index: Int, need: Need) throws -> GroupCodes {
        let place = segment.places[index]
        let factors = unsafe try pointer(.factors, segment, index)
        let isUnpacking = place.isPacked && need != .signs
        let hasSigns = need == .signs || need == .all || isUnpacking
        let signs = unsafe hasSigns ? try pointer(.signs, segment, index) : nil
        var high: UnsafePointer<UInt8>?
        if isUnpacking {
            unsafe high = try unpacked(segment, index, signs: signs)
        } else if need != .signs {
            unsafe high = try pointer(.high, segment, index)
        }
        // Of a file that is not mapped single rows cannot be read alone.
        let isLow = unsafe segment.header.profile != .lite && (need == .all || need == .scan && segment.base == nil)
        let low = unsafe isLow ? try pointer(.low, segment, index) : nil
        return unsafe GroupCodes(
            rowCount: place.rowCount, width: segment.header.codeDimension, profile: segment.header.profile,
            signs: signs, high: high, low: low, factors: factors)
    }

    /// A frame that is stored as it is used.
    @unsafe private mutating func pointer(
        _ section: SegmentSection, _ segment: IndexSegment, _ index: Int
    ) throws -> UnsafePointer<UInt8> {
        if let mapped = unsafe try segment.mappedFrame(section, group: index) { return unsafe mapped }
        try segment.readStored(section, group: index, into: &stored)
        let to = unsafe buffer(section).pointer(stored.count)
        unsafe UnsafeMutableRawBufferPointer(start: to, count: stored.count).copyBytes(from: stored)
        return unsafe UnsafePointer(to)
    }

    private mutating func buffer(_ section: SegmentSection) -> ByteBuffer {
        if let known = buffers[section] { return known }
        let buffer = ByteBuffer()
        buffers[section] = buffer
        return buffer
    }

    /// All packed codes of a group, made plain.
    @unsafe private mutating func unpacked(
        _ segment: IndexSegment, _ index: Int, signs: UnsafePointer<UInt8>?
    ) throws -> UnsafePointer<UInt8> {
        let rowCount = segment.places[index].rowCount
        let to = unsafe buffer(.high).pointer(rowCount * segment.header.codeDimension / 2)
        let isMapped = unsafe try segment.mappedFrame(.high, group: index) != nil
        if !isMapped { try segment.readStored(.high, group: index, into: &stored) }
        unsafe try unpack(0..<rowCount, of: segment, group: index, signs: signs, isMapped: isMapped, to: to)
        return unsafe UnsafePointer(to)
    }

    /// Unpacks some rows of a frame that is mapped, or is in `stored`. Whatever its bytes are, none outside is read.
    @unsafe private func unpack(
        _ rows: Range<Int>, of segment: IndexSegment, group index: Int, signs: UnsafePointer<UInt8>?, isMapped: Bool,
        to: UnsafeMutablePointer<UInt8>
    ) throws {
        guard let signs = unsafe signs else { preconditionFailure("codes are unpacked with their signs") }
        let width = segment.header.codeDimension
        let place = segment.places[index]
        let byteCount = segment.table.groups[index].frame(.high).storedByteCount
        // signs: rowCount rows; to: room for the rows asked for; the frame has the bytes that the table says.
        let isSound =
            if isMapped, let base = unsafe segment.base {
                unsafe vlm_unpack_rows(
                    base + place.high, byteCount, place.rowCount, rows.lowerBound, rows.count,
                    signs + rows.lowerBound * width / 8, width, to)
            } else {
                unsafe stored.withUnsafeBufferPointer { frame in
                    guard let from = frame.baseAddress else { return Int32(0) }
                    return unsafe vlm_unpack_rows(
                        from, frame.count, place.rowCount, rows.lowerBound, rows.count,
                        signs + rows.lowerBound * width / 8, width, to)
                }
            }
        guard isSound != 0 else { throw segment.damaged(.high, group: index) }
    }

    // MARK: Single rows

    /// The codes of one row of a group that was just given out, which takes no more than four rows of a mapped file.
    ///
    /// - Parameter codes: of this group; with `need` `.signs` if the segment is packed.
    @unsafe mutating func row(
        _ row: Int, of segment: IndexSegment, group index: Int, codes: GroupCodes
    ) throws -> Row {
        let place = segment.places[index]
        let half = segment.header.codeDimension / 2
        let isLite = segment.header.profile == .lite
        precondition(row >= 0 && row < place.rowCount, "row \(row) of \(place.rowCount)")
        guard let base = unsafe segment.base else {
            let all = try unsafe codes.high == nil ? self.codes(of: segment, group: index, need: .all) : codes
            guard let high = unsafe all.high else { preconditionFailure("a group without codes") }
            return unsafe Row(high: high + row * half, low: all.low.map { unsafe $0 + row * half })
        }
        let first = row / SegmentFormat.checkRowCount * SegmentFormat.checkRowCount
        let rows = first..<min(place.rowCount, first + SegmentFormat.checkRowCount)
        let high: UnsafePointer<UInt8>
        if let known = unsafe codes.high {
            unsafe high = known + first * half
        } else if place.isPacked {
            let to = unsafe quad.pointer(SegmentFormat.checkRowCount * half)
            unsafe try unpack(rows, of: segment, group: index, signs: codes.signs, isMapped: true, to: to)
            unsafe high = UnsafePointer(to)
        } else {
            unsafe high = base + place.high + first * half
        }
        let low = unsafe isLite ? nil : base + place.low + first * half
        unsafe try segment.check(rows, group: index, high: high, low: low)
        return unsafe Row(high: high + (row - first) * half, low: low.map { unsafe $0 + (row - first) * half })
    }

    /// Where a scan of upper codes begins to ask for what it reads next.
    private static let prefetchedByteCount = 4096

    /// Asks for the first upper codes of a group of a mapped file.
    func prefetchUpperCodes(of segment: IndexSegment, group index: Int) {
        let place = segment.places[index]
        guard let base = unsafe segment.base, !place.isPacked else { return }
        // A hint: addresses are not read.
        unsafe vlm_prefetch(
            base + place.high, min(place.rowCount * segment.header.codeDimension / 2, Self.prefetchedByteCount))
    }

    /// Asks for what `row` and an estimate read of a mapped file: the codes of the row, or of its block where that was not
    /// checked yet, and its factors.
    func prefetchRow(_ row: Int, of segment: IndexSegment, group index: Int) {
        guard let base = unsafe segment.base else { return }
        let place = segment.places[index]
        let half = segment.header.codeDimension / 2
        precondition(row < place.rowCount, "prefetchRow: row \(row) of \(place.rowCount)")
        let first = row / SegmentFormat.checkRowCount * SegmentFormat.checkRowCount
        let isChecked = segment.isChecked(row: row, group: index)
        let rows = isChecked ? row..<row + 1 : first..<min(place.rowCount, first + SegmentFormat.checkRowCount)
        // Hints: addresses are not read.
        if !place.isPacked { unsafe vlm_prefetch(base + place.high + rows.lowerBound * half, rows.count * half) }
        if segment.header.profile != .lite {
            unsafe vlm_prefetch(base + place.low + rows.lowerBound * half, rows.count * half)
        }
        if !isChecked { unsafe vlm_prefetch(base + place.checks + first, 4) }
        let factors = GroupCodes.estimateOffsets(
            ofRow: row, profile: segment.header.profile, rowCount: place.rowCount)
        unsafe vlm_prefetch(base + place.factors + factors.scale, 4)
        unsafe vlm_prefetch(base + place.factors + factors.error, 2)
    }
}
