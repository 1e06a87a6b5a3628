import CKernels

/// What panel products may use, each including those before it.
public enum ProductLevel: Int32, CaseIterable, Comparable, Sendable {
    /// Plain loops.
    case plain
    /// AVX2 and fused multiply-add.
    case avx2
    /// AVX-512 F, BW, CD, DQ and VL.
    case avx512
    /// AVX-512 with VNNI.
    case vnni

    /// The highest level of this machine.
    public static let best = ProductLevel(rawValue: vlm_product_level()) ?? .plain

    /// The levels that this machine can run.
    public static var available: [ProductLevel] { allCases.filter { $0 <= best } }

    /// By what they include.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
