import ByteFormats
import CKernels

/// Codes and factors of some rows.
struct RowCodes {
    /// D; 0 for no rows.
    private(set) var width = 0
    private(set) var signs: [UInt8] = []
    private(set) var high: [UInt8] = []
    /// Empty where the profile has none.
    private(set) var low: [UInt8] = []
    private(set) var factors: [RowFactors] = []

    /// No rows.
    init() {}

    /// Rows as they are stored.
    init(width: Int, signs: [UInt8], high: [UInt8], low: [UInt8], factors: [RowFactors]) {
        self.width = width
        self.signs = signs
        self.high = high
        self.low = low
        self.factors = factors
    }

    /// Appends some rows of the same profile and width.
    mutating func append(_ other: RowCodes, _ range: Range<Int>) {
        precondition(width == 0 || width == other.width, "codes of \(width) and \(other.width) elements")
        width = other.width
        func part(_ bytes: [UInt8], _ byteCount: Int) -> ArraySlice<UInt8> {
            bytes.isEmpty ? [] : bytes[range.lowerBound * byteCount..<range.upperBound * byteCount]
        }
        signs.append(contentsOf: part(other.signs, width / 8))
        high.append(contentsOf: part(other.high, width / 2))
        low.append(contentsOf: part(other.low, width / 2))
        factors.append(contentsOf: other.factors[range])
    }

    /// Encodes rows [N, E].
    init(_ vectors: [Float], codec: VectorCodec, profile: IndexProfile) {
        self.init(rowCount: vectors.count / codec.dimension, width: codec.codeDimension)
        var residual = [Float](repeating: 0, count: width)
        for row in 0..<vectors.count / codec.dimension {
            codec.residual(of: row, in: vectors, into: &residual)
            encode(residual, as: row, profile: profile)
        }
    }

    /// Encodes rows [N, D] that are rotated and without the mean already.
    init(residuals: [Float], width: Int, profile: IndexProfile) {
        self.init(rowCount: residuals.count / width, width: width)
        for row in 0..<residuals.count / width {
            encode(Array(residuals[row * width..<(row + 1) * width]), as: row, profile: profile)
        }
    }

    private init(rowCount: Int, width: Int) {
        self.width = width
        signs = [UInt8](repeating: 0, count: rowCount * width / 8)
        high = [UInt8](repeating: 0, count: rowCount * width / 2)
        low = [UInt8](repeating: 0, count: rowCount * width / 2)
        factors.reserveCapacity(rowCount)
    }

    /// Encodes the next row.
    private mutating func encode(_ residual: [Float], as row: Int, profile: IndexProfile) {
        let squared = UnitVectors.squaredLengths(residual, dimension: width)[0]
        guard squared > 1e-12 else {
            // A row that is the mean has no direction: its code is that of zeros, its scales are 0.
            let sums = encodeRow(row, residual, scale: 0)
            factors.append(RowFactors(vlm_code_sums.directionless(squared: squared, like: sums)))
            return
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
        // Scores of lite never read all 8 bits.
        writer.write((profile == .lite ? 0 : factors.map(\.length8).max() ?? 0).bitPattern)
        writer.writeZeros(SegmentFormat.factorHeadByteCount - writer.count)
        if profile != .lite { for row in factors { writer.write(row.scale8.bitPattern) } }
        for row in factors { writer.write(row.scale4) }
        for row in factors { writer.write(row.error4) }
        for row in factors { writer.write(row.scale1) }
        if profile != .lite { for row in factors { writer.write(row.error8) } }
        return writer.bytes
    }
}

extension RowCodes {
    /// CRC-32C of the upper, then the lower codes of four rows each.
    func encodedChecks(profile: IndexProfile) -> [UInt8] {
        var writer = ByteWriter(capacity: factors.count)
        for first in stride(from: 0, to: factors.count, by: SegmentFormat.checkRowCount) {
            let end = min(factors.count, first + SegmentFormat.checkRowCount)
            var checksum = CRC32C()
            checksum.update(Array(high[first * width / 2..<end * width / 2]))
            if profile != .lite { checksum.update(Array(low[first * width / 2..<end * width / 2])) }
            writer.write(checksum.value)
        }
        return writer.bytes
    }
}

extension vlm_code_sums {
    /// The sums of a row without a direction.
    fileprivate static func directionless(squared: Double, like sums: vlm_code_sums) -> vlm_code_sums {
        vlm_code_sums(
            squared: squared, absolute: 0, product8: 0, norm8: sums.norm8, product4: 0, norm4: sums.norm4)
    }
}
