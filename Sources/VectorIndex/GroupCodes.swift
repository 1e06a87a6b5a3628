import CKernels

/// The codes of one group in memory: mapped, or in the buffers of the reader that gave them out.
///
/// Pointers are valid until the reader loads the next group, and no longer than the segment.
@safe
struct GroupCodes {
    let rowCount: Int
    /// D.
    let width: Int
    let profile: IndexProfile
    /// What was not asked for is missing.
    @unsafe let signs: UnsafePointer<UInt8>?
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
        Self.columnOffset(column, profile: profile, rowCount: rowCount)
    }

    private static func columnOffset(_ column: Int, profile: IndexProfile, rowCount: Int) -> Int {
        SegmentFormat.factorHeadByteCount + (profile == .lite ? 0 : rowCount * 4) + column * rowCount * 2
    }

    /// Byte offsets in a group's factors of the two that an estimate of a row reads.
    static func estimateOffsets(
        ofRow row: Int, profile: IndexProfile, rowCount: Int
    ) -> (scale: Int, error: Int) {
        let scale =
            profile == .lite
            ? columnOffset(0, profile: profile, rowCount: rowCount) + row * 2
            : SegmentFormat.factorHeadByteCount + row * 4
        guard profile == .full else { return (scale, scale) }
        return (scale, columnOffset(3, profile: profile, rowCount: rowCount) + row * 2)
    }

    /// The largest length of a 4-bit reading in the group.
    var longest4: Float { float(at: 0) }
    /// The largest length of an 8-bit reading in the group.
    var longest8: Float { float(at: 4) }
    func scale8(_ row: Int) -> Float { float(at: SegmentFormat.factorHeadByteCount + row * 4) }
    func scale4(_ row: Int) -> Float { Float(half: half(0, row)) }
    func error8(_ row: Int) -> Float { Float(half: half(3, row)) }

    /// What bounds of 4-bit scores are made of: the error of a row's own 4-bit reading where the true score is wanted, the
    /// distance of the two readings where the reading with 8 bits is, nothing where the 4-bit reading is the final form.
    @unsafe var columns4: vlm_bound_columns {
        // The columns lie inside the frame.
        switch profile {
        case .lite, .plain: unsafe estimateColumns4
        case .std:
            unsafe vlm_bound_columns(
                factors: factors + columnOffset(0), errors: (factors + columnOffset(1), factors + columnOffset(3)))
        case .full:
            unsafe vlm_bound_columns(
                factors: factors + columnOffset(0), errors: (factors + columnOffset(1), nil))
        }
    }

    /// What estimates from signs are made of.
    @unsafe var columns1: vlm_bound_columns {
        unsafe vlm_bound_columns(factors: factors + columnOffset(2), errors: (nil, nil))
    }

    /// Asks for the factors, which lie apart from the codes.
    func prefetchFactors() {
        // A hint: addresses are not read.
        unsafe vlm_prefetch(factors, columnOffset(0) + 4 * rowCount)
    }

    /// What estimates from upper codes are made of.
    @unsafe var estimateColumns4: vlm_bound_columns {
        unsafe vlm_bound_columns(factors: factors + columnOffset(0), errors: (nil, nil))
    }

    /// Asks for the scales of the upper codes or of the signs.
    func prefetchScales(isUpper: Bool) {
        // A hint: addresses are not read.
        unsafe vlm_prefetch(factors + columnOffset(isUpper ? 0 : 2), 2 * rowCount)
    }

    /// The largest scale of the signs; infinity if any is negative or no number.
    var largestScale1: Float {
        // Bits of binary16 numbers from 0 up are in the order of the numbers, those of all others come after them.
        let largest = (0..<rowCount).reduce(UInt16(0)) { max($0, half(2, $1)) }
        return largest < 0x7C00 ? Float(half: largest) : .infinity
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
}
