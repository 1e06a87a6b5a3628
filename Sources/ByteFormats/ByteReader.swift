/// Reads little-endian integers, strings and runs of bytes from memory, checking every step against what is left.
///
/// Nothing is allocated before the bytes it would hold are known to be there. Errors name the field and the offset in
/// the file.
public struct ByteReader: Sendable {
    private let bytes: [UInt8]
    private let path: String?
    private let fileByteOffset: UInt64
    /// Position of the next byte to read.
    public private(set) var position = 0

    /// Reads `bytes`, which stand at `fileByteOffset` of the file `path`; both are used in errors only.
    public init(_ bytes: [UInt8], path: String? = nil, fileByteOffset: UInt64 = 0) {
        self.bytes = bytes
        self.path = path
        self.fileByteOffset = fileByteOffset
    }

    /// Number of bytes not read yet.
    public var remainingByteCount: Int { bytes.count - position }

    /// The next integer, least significant byte first.
    public mutating func read<Value: FixedWidthInteger>(
        _ type: Value.Type, _ field: StaticString
    ) throws(ByteFormatError) -> Value {
        let width = Value.bitWidth / 8
        try require(width, field)
        var value: Value = 0
        for index in 0..<width {
            value |= Value(truncatingIfNeeded: bytes[position + index]) << Value(truncatingIfNeeded: index * 8)
        }
        position += width
        return value
    }

    /// The next `count` bytes.
    public mutating func readBytes(_ count: Int, _ field: StaticString) throws(ByteFormatError) -> [UInt8] {
        try require(count, field)
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    /// The next `count` bytes as text; bytes that are not UTF-8 are an error.
    public mutating func readText(_ count: Int, _ field: StaticString) throws(ByteFormatError) -> String {
        let start = position
        guard let text = String(validating: try readBytes(count, field), as: UTF8.self) else {
            throw error(.malformed, "\(field) is not UTF-8", at: start)
        }
        return text
    }

    /// Text preceded by its byte count as four bytes.
    public mutating func readField(
        _ field: StaticString, maximumByteCount: Int
    ) throws(ByteFormatError) -> String {
        let start = position
        let count = Int(try read(UInt32.self, field))
        guard count <= maximumByteCount else {
            throw error(.limitExceeded, "\(field) has \(count) bytes; at most \(maximumByteCount) are read", at: start)
        }
        return try readText(count, field)
    }

    /// Requires the next bytes to be exactly these.
    public mutating func expect(_ expected: [UInt8], _ field: StaticString) throws(ByteFormatError) {
        let start = position
        guard try readBytes(expected.count, field) == expected else {
            throw error(.malformed, "\(field) is not what this format has here", at: start)
        }
    }

    /// Requires the next `count` bytes to be zero.
    public mutating func expectZeros(_ count: Int, _ field: StaticString) throws(ByteFormatError) {
        let start = position
        guard try readBytes(count, field).allSatisfy({ $0 == 0 }) else {
            throw error(.malformed, "\(field) must be zero", at: start)
        }
    }

    /// Requires the next four bytes to be the CRC-32C of everything from `start` up to here.
    public mutating func expectChecksum(from start: Int = 0, _ field: StaticString) throws(ByteFormatError) {
        let end = position
        let stored = try read(UInt32.self, field)
        let actual = unsafe CRC32C.checksum(of: bytes.span.bytes.extracting(start..<end))
        guard stored == actual else {
            throw error(.checksumMismatch, "\(field) is damaged (CRC-32C \(stored), expected \(actual))", at: start)
        }
    }

    /// Requires that everything has been read.
    public func expectEnd() throws(ByteFormatError) {
        guard remainingByteCount == 0 else {
            throw error(.malformed, "\(remainingByteCount) bytes are left over", at: position)
        }
    }

    /// An error at a position in these bytes, turned into a place in the file.
    public func error(_ code: ByteFormatError.Code, _ message: String, at position: Int) -> ByteFormatError {
        ByteFormatError(code, message, path: path, byteOffset: fileByteOffset + UInt64(position))
    }

    private func require(_ count: Int, _ field: StaticString) throws(ByteFormatError) {
        guard count >= 0, count <= remainingByteCount else {
            throw error(
                .truncated, "\(field) needs \(count) bytes where \(remainingByteCount) are left", at: position)
        }
    }
}
