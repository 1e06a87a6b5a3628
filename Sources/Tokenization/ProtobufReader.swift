/// Reads fields of the Protocol Buffers wire format (proto2 encoding rules) from a part of some bytes, and never outside it.
struct ProtobufReader {
    /// Why the bytes are not a message, and where.
    struct Problem: Error, CustomStringConvertible {
        var reason: String
        var offset: Int
        var description: String { "\(reason) at byte \(offset)" }
    }

    /// What a field holds.
    enum Value {
        case varint(UInt64)
        case fixed32(UInt32)
        case fixed64(UInt64)
        /// Bytes, text or an embedded message: where they are.
        case bytes(Range<Int>)
    }

    struct Field {
        var number: Int
        var value: Value
        /// Where the field begins, for messages about it.
        var offset: Int
    }

    private var position: Int
    private let end: Int

    /// Makes a reader of `range`.
    init(_ range: Range<Int>) {
        position = range.lowerBound
        end = range.upperBound
    }

    /// The next field, or nil at the end. `bytes` must be the same at every call.
    mutating func next(in bytes: Span<UInt8>) throws(Problem) -> Field? {
        guard position < end else { return nil }
        let offset = position
        let tag = try varint(in: bytes)
        let number = Int(truncatingIfNeeded: tag >> 3)
        guard tag >> 3 > 0, tag >> 3 < 1 << 29 else {
            throw Problem(reason: "a field number is out of range", offset: offset)
        }
        switch tag & 7 {
        case 0: return Field(number: number, value: .varint(try varint(in: bytes)), offset: offset)
        case 1:
            return Field(number: number, value: .fixed64(try fixed(8, in: bytes)), offset: offset)
        case 5:
            return Field(
                number: number, value: .fixed32(UInt32(truncatingIfNeeded: try fixed(4, in: bytes))), offset: offset)
        case 2:
            let length = try varint(in: bytes)
            guard length <= UInt64(end - position) else {
                throw Problem(reason: "a field is longer than what is left of the file", offset: offset)
            }
            let range = position..<(position + Int(length))
            position = range.upperBound
            return Field(number: number, value: .bytes(range), offset: offset)
        default:
            throw Problem(reason: "a field has an unknown wire type", offset: offset)
        }
    }

    private mutating func varint(in bytes: Span<UInt8>) throws(Problem) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard position < end else { throw Problem(reason: "the file ends inside a number", offset: position) }
            let byte = bytes[position]
            position += 1
            guard shift < 63 || byte < 2 else { break }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw Problem(reason: "a number has more than 64 bits", offset: position)
    }

    private mutating func fixed(_ count: Int, in bytes: Span<UInt8>) throws(Problem) -> UInt64 {
        guard end - position >= count else { throw Problem(reason: "the file ends inside a number", offset: position) }
        var value: UInt64 = 0
        for index in (0..<count).reversed() { value = value << 8 | UInt64(bytes[position + index]) }
        position += count
        return value
    }
}
