import CKernels

/// Bulk conversion between IEEE binary16 (kept as bits), bfloat16 and Float32.
///
/// Widening is exact. Narrowing rounds to nearest, ties to even; what is too large for binary16 becomes infinity.
/// Results are the same on every CPU.
public enum HalfPrecision {
    /// Binary16 bits to floats. Both spans have the same count.
    public static func widen(_ halves: Span<UInt16>, into floats: inout MutableSpan<Float>) {
        precondition(halves.count == floats.count, "widen: \(halves.count) halves into \(floats.count) floats")
        unsafe halves.withUnsafeBufferPointer { source in
            unsafe floats.withUnsafeMutableBufferPointer { destination in
                guard let from = source.baseAddress, let to = destination.baseAddress else { return }
                unsafe vlm_f16_to_f32(from, to, source.count)
            }
        }
    }

    /// Floats to binary16 bits. Both spans have the same count.
    public static func narrow(_ floats: Span<Float>, into halves: inout MutableSpan<UInt16>) {
        precondition(halves.count == floats.count, "narrow: \(floats.count) floats into \(halves.count) halves")
        unsafe floats.withUnsafeBufferPointer { source in
            unsafe halves.withUnsafeMutableBufferPointer { destination in
                guard let from = source.baseAddress, let to = destination.baseAddress else { return }
                unsafe vlm_f32_to_f16(from, to, source.count)
            }
        }
    }

    /// bfloat16 bits to floats. Both spans have the same count.
    public static func widenBrain(_ halves: Span<UInt16>, into floats: inout MutableSpan<Float>) {
        precondition(halves.count == floats.count, "widenBrain: \(halves.count) into \(floats.count) floats")
        unsafe halves.withUnsafeBufferPointer { source in
            unsafe floats.withUnsafeMutableBufferPointer { destination in
                guard let from = source.baseAddress, let to = destination.baseAddress else { return }
                unsafe vlm_bf16_to_f32(from, to, source.count)
            }
        }
    }

    /// Floats to bfloat16 bits. Both spans have the same count.
    public static func narrowBrain(_ floats: Span<Float>, into halves: inout MutableSpan<UInt16>) {
        precondition(halves.count == floats.count, "narrowBrain: \(floats.count) floats into \(halves.count)")
        unsafe floats.withUnsafeBufferPointer { source in
            unsafe halves.withUnsafeMutableBufferPointer { destination in
                guard let from = source.baseAddress, let to = destination.baseAddress else { return }
                unsafe vlm_f32_to_bf16(from, to, source.count)
            }
        }
    }

    /// Binary16 bits to floats.
    public static func widen(_ halves: [UInt16]) -> [Float] {
        var floats = [Float](repeating: 0, count: halves.count)
        var destination = floats.mutableSpan
        widen(halves.span, into: &destination)
        return floats
    }

    /// Floats to binary16 bits.
    public static func narrow(_ floats: [Float]) -> [UInt16] {
        var halves = [UInt16](repeating: 0, count: floats.count)
        var destination = halves.mutableSpan
        narrow(floats.span, into: &destination)
        return halves
    }

    /// Byte split: all low bytes, then all high bytes. Compresses better, because high bytes resemble one another.
    public static func byteSplit(_ halves: Span<UInt16>) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: halves.count * 2) { destination, count in
            count = halves.count * 2
            unsafe halves.withUnsafeBufferPointer { source in
                guard let from = source.baseAddress, let to = destination.baseAddress else { return }
                unsafe vlm_byte_split_16(from, to, source.count)
            }
        }
    }

    /// The inverse of `byteSplit`: `bytes` has twice as many bytes as `halves` has elements.
    public static func byteJoin(_ bytes: [UInt8], into halves: inout [UInt16]) {
        var destination = halves.mutableSpan
        unsafe byteJoin(bytes.span.bytes, into: &destination)
    }

    /// The inverse of `byteSplit`: `bytes` has twice as many bytes as `halves` has elements.
    public static func byteJoin(_ bytes: RawSpan, into halves: inout MutableSpan<UInt16>) {
        precondition(bytes.byteCount == halves.count * 2, "byteJoin: \(bytes.byteCount) bytes, \(halves.count) halves")
        unsafe bytes.withUnsafeBytes { source in
            unsafe halves.withUnsafeMutableBufferPointer { destination in
                guard let from = source.baseAddress, let to = destination.baseAddress else { return }
                unsafe vlm_byte_join_16(from.assumingMemoryBound(to: UInt8.self), to, destination.count)
            }
        }
    }
}
