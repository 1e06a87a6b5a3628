import CKernels

/// CRC-32C (Castagnoli), the checksum of every binary file of this program; by hardware where the CPU has it.
///
///     var checksum = CRC32C()
///     checksum.update(header)
///     checksum.update(body)
///     checksum.value
public struct CRC32C: Hashable, Sendable {
    /// The checksum of all bytes so far; 0 for none.
    public private(set) var value: UInt32 = 0

    /// A checksum of no bytes.
    public init() {}

    /// Adds bytes.
    public mutating func update(_ bytes: RawSpan) {
        value = unsafe bytes.withUnsafeBytes { unsafe vlm_crc32c(value, $0.baseAddress, $0.count) }
    }

    /// Adds bytes.
    public mutating func update(_ bytes: [UInt8]) {
        unsafe update(bytes.span.bytes)
    }

    /// The checksum of `bytes`.
    public static func checksum(of bytes: RawSpan) -> UInt32 {
        var checksum = CRC32C()
        checksum.update(bytes)
        return checksum.value
    }

    /// The checksum of `bytes`.
    public static func checksum(of bytes: [UInt8]) -> UInt32 {
        unsafe checksum(of: bytes.span.bytes)
    }
}
