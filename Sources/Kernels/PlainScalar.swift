import Glibc

/// A floating-point type the plain twins compute in: Float for like-for-like comparison, Double as the truth.
public protocol PlainScalar: BinaryFloatingPoint, Sendable {
    /// eˣ.
    static func exponential(_ x: Self) -> Self
    /// The natural logarithm.
    static func logarithm(_ x: Self) -> Self
    /// The complementary error function, 2/√π ∫ₓ^∞ e^(−t²) dt.
    static func complementaryError(_ x: Self) -> Self
}

extension Float: PlainScalar {
    /// eˣ.
    public static func exponential(_ x: Float) -> Float { expf(x) }
    /// The natural logarithm.
    public static func logarithm(_ x: Float) -> Float { logf(x) }
    /// The complementary error function.
    public static func complementaryError(_ x: Float) -> Float { erfcf(x) }
}

extension Double: PlainScalar {
    /// eˣ.
    public static func exponential(_ x: Double) -> Double { exp(x) }
    /// The natural logarithm.
    public static func logarithm(_ x: Double) -> Double { log(x) }
    /// The complementary error function.
    public static func complementaryError(_ x: Double) -> Double { erfc(x) }
}
