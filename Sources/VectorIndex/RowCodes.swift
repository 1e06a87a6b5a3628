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
        var scratch = Self.scratch(width: width)
        for row in 0..<vectors.count / codec.dimension {
            codec.residual(of: row, in: vectors, into: &residual)
            encode(residual, as: row, profile: profile, codec.directions, &scratch)
        }
    }

    /// Encodes rows [N, D] that are rotated and without the mean already, as near to them as can be.
    init(residuals: [Float], width: Int, profile: IndexProfile) {
        self.init(rowCount: residuals.count / width, width: width)
        var scratch = Self.scratch(width: width)
        for row in 0..<residuals.count / width {
            encode(Array(residuals[row * width..<(row + 1) * width]), as: row, profile: profile, nil, &scratch)
        }
    }

    private static func scratch(width: Int) -> [Float] {
        [Float](repeating: 0, count: (width * Int(VLM_ENCODE_SCRATCH) + 3) / 4)
    }

    private init(rowCount: Int, width: Int) {
        self.width = width
        signs = [UInt8](repeating: 0, count: rowCount * width / 8)
        high = [UInt8](repeating: 0, count: rowCount * width / 2)
        low = [UInt8](repeating: 0, count: rowCount * width / 2)
        factors.reserveCapacity(rowCount)
    }

    /// Encodes the next row.
    private mutating func encode(
        _ residual: [Float], as row: Int, profile: IndexProfile, _ directions: QueryDirections?,
        _ scratch: inout [Float]
    ) {
        let squared = UnitVectors.squaredLengths(residual, dimension: width)[0]
        guard squared > 1e-12 else {
            // A row that is the mean has no direction: its code is that of zeros, its scales are 0.
            let sums = encodeRow(row, residual, scale: 0, profile, nil, &scratch)
            factors.append(RowFactors(vlm_code_sums.directionless(squared: squared, like: sums)))
            return
        }
        let scales = Self.scales(residual, squared: squared, profile: profile)
        guard var best = scales.first else { preconditionFailure("there is always a scale") }
        if scales.count > 1 {
            var least = UInt16.max
            for scale in scales {
                let error = RowFactors(encodeRow(row, residual, scale: scale, profile, nil, &scratch)).error4
                if error < least { (least, best) = (error, scale) }
            }
        }
        factors.append(RowFactors(encodeRow(row, residual, scale: best, profile, directions, &scratch)))
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

    private mutating func encodeRow(
        _ row: Int, _ residual: [Float], scale: Float, _ profile: IndexProfile, _ directions: QueryDirections?,
        _ scratch: inout [Float]
    ) -> vlm_code_sums {
        var sums = vlm_code_sums()
        let width = residual.count
        precondition(directions.map { $0.width == width } ?? true, "encodeRow: directions of another width")
        // Each buffer has room for row `row` of width elements: they were made for all rows; the scratch is as `scratch` makes it.
        unsafe residual.withUnsafeBufferPointer { residual in
            unsafe signs.withUnsafeMutableBufferPointer { signs in
                unsafe high.withUnsafeMutableBufferPointer { high in
                    unsafe low.withUnsafeMutableBufferPointer { low in
                        unsafe scratch.withUnsafeMutableBufferPointer { scratch in
                            guard let from = residual.baseAddress, let signs = signs.baseAddress,
                                let high = high.baseAddress, let low = low.baseAddress,
                                let scratch = scratch.baseAddress
                            else { return }
                            unsafe QueryDirections.withKernelForm(of: directions, for: profile) { directions in
                                unsafe vlm_encode_row(
                                    from, width, scale, directions, profile.codeForm, scratch,
                                    signs + row * width / 8, high + row * width / 2, low + row * width / 2, &sums)
                            }
                        }
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

extension IndexProfile {
    /// Where vectors are kept, scores come from these in the end, and what counts is that no code is far from its vector.
    fileprivate var codeForm: vlm_code_form {
        switch self {
        case .lite: VLM_UPPER_CODES
        case .full: VLM_NEAREST_CODES
        case .std, .plain: VLM_WEIGHED_CODES
        }
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
            squared: squared, absolute: 0, product8: 0, norm8: sums.norm8, product4: 0, norm4: sums.norm4, along8: 0,
            along_norm8: 0, along4: 0, along_norm4: 0)
    }
}
