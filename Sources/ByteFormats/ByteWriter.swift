/// Builds the bytes of a header, table or frame: little-endian integers, strings and padding, in memory.
public struct ByteWriter: Sendable {
    /// Everything written so far.
    public private(set) var bytes: [UInt8] = []

    /// An empty writer.
    public init(capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    /// Number of bytes written so far.
    public var count: Int { bytes.count }

    /// Appends an integer, least significant byte first.
    public mutating func write<Value: FixedWidthInteger>(_ value: Value) {
        var rest = value
        for _ in 0..<Value.bitWidth / 8 {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest = Value.bitWidth > 8 ? rest >> 8 : 0
        }
    }

    /// Appends bytes as they are.
    public mutating func write(_ more: some Sequence<UInt8>) {
        bytes.append(contentsOf: more)
    }

    /// Appends the UTF-8 bytes of `text`, preceded by their count as four bytes.
    public mutating func write(field text: String) {
        write(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    /// Appends `count` zero bytes.
    public mutating func writeZeros(_ count: Int) {
        bytes.append(contentsOf: repeatElement(0, count: count))
    }

    /// Appends the CRC-32C of everything from `start` on, as four bytes.
    public mutating func writeChecksum(from start: Int = 0) {
        var checksum = CRC32C()
        unsafe checksum.update(bytes.span.bytes.extracting(start..<bytes.count))
        write(checksum.value)
    }
}
