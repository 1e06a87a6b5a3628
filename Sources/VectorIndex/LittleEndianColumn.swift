/// Columns of little-endian numbers in bytes whose count was checked.
///
/// A reader that checks every step takes a hundred times as long, which a search would feel.
enum LittleEndianColumn {
    /// `count` numbers from `byteOffset` on; traps if they are not all there.
    static func read<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, _ bytes: [UInt8], byteOffset: Int = 0, count: Int
    ) -> [Value] {
        let width = Value.bitWidth / 8
        precondition(
            byteOffset >= 0 && count >= 0 && byteOffset + count * width <= bytes.count,
            "a column of \(count) numbers at \(byteOffset) of \(bytes.count) bytes")
        // Any bit pattern is a number, and the bytes are there as just checked.
        return unsafe bytes.withUnsafeBytes { bytes in
            (0..<count).map {
                Value(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: byteOffset + $0 * width, as: Value.self))
            }
        }
    }
}
