import ByteFormats
import CKernels

/// The numbers beside a row's code: how its 1-, 4- and 8-bit readings are scaled, and how wrong the latter two can be.
///
/// With the readings s, w and v of a row's code (`vlm_code_sums`) and the residual r:
/// scale1 = |r|^2 / <r, s> makes scale1 <q, s> an unbiased estimate of <q, r> (RaBitQ); scale4 = <r, w> / <w, w> and
/// scale8 = <r, v> / <v, v> make the error vectors shortest, in the inner product that counts the codec's directions
/// (`QueryDirections`). error4 >= |r - scale4 w| and error8 >= |r - scale8 v| are
/// computed from the stored scales and rounded up, so |<q, r> - scale <q, code>| <= |q| error is certain.
struct RowFactors {
    /// As binary16 bits, like all but `scale8`.
    var scale1: UInt16 = 0
    var scale4: UInt16 = 0
    var error4: UInt16 = 0
    var error8: UInt16 = 0
    var scale8: Float = 0
    /// |scale4 w| and |scale8 v|, rounded up.
    var length4: Float = 0
    var length8: Float = 0

    /// Bytes per row of the columns.
    static func byteCount(of profile: IndexProfile) -> Int { profile == .lite ? 6 : 12 }

    init() {}

    /// The factors of a row whose sums are these; all 0 where the residual is.
    init(_ sums: vlm_code_sums) {
        scale1 = sums.absolute > 0 ? Self.narrowed(sums.squared / sums.absolute) : 0
        scale4 = Self.narrowed(max(0, (sums.product4 + sums.along4) / (sums.norm4 + sums.along_norm4)))
        scale8 = Float(max(0, (sums.product8 + sums.along8) / (sums.norm8 + sums.along_norm8)))
        error4 = Self.narrowedUp(Self.error(sums, Double(half: scale4), sums.product4, sums.norm4))
        error8 = Self.narrowedUp(Self.error(sums, Double(scale8), sums.product8, sums.norm8))
        length4 = Float(Double(half: scale4) * sums.norm4.squareRoot()).nextUp
        length8 = Float(Double(scale8) * sums.norm8.squareRoot()).nextUp
    }

    /// The factors as they are stored beside a code, of which the lengths are recomputed.
    init(scale1: UInt16, scale4: UInt16, error4: UInt16, error8: UInt16, scale8: Float, norm4: Double, norm8: Double) {
        self.scale1 = scale1
        self.scale4 = scale4
        self.error4 = error4
        self.error8 = error8
        self.scale8 = scale8
        length4 = Float(Double(half: scale4) * norm4.squareRoot()).nextUp
        length8 = Float(Double(scale8) * norm8.squareRoot()).nextUp
    }

    /// |r - scale c| with room for the rounding of the sums.
    private static func error(_ sums: vlm_code_sums, _ scale: Double, _ product: Double, _ norm: Double) -> Double {
        let squared = sums.squared - 2 * scale * product + scale * scale * norm
        return max(0, squared + 1e-12 * (sums.squared + scale * scale * norm)).squareRoot()
    }

    private static func narrowed(_ value: Double) -> UInt16 { HalfPrecision.narrow([Float(value)])[0] }

    /// The smallest binary16 number that is not below `value`, which is at least 0 and far below the largest.
    private static func narrowedUp(_ value: Double) -> UInt16 {
        let nearest = narrowed(value)
        return Double(half: nearest) >= value ? nearest : nearest + 1
    }
}

extension Double {
    /// The value of binary16 bits of a finite number that is not negative.
    init(half: UInt16) { self = Double(Float(half: half)) }
}

extension Float {
    /// The value of binary16 bits of a finite number that is not negative.
    init(half: UInt16) {
        // The exponent is moved by a multiplication, which is exact for subnormal numbers too.
        self = Float(bitPattern: UInt32(half & 0x7FFF) << 13) * 0x1p112
    }
}
