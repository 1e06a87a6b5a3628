/// Reads JSON (RFC 8259) from bytes, value by value, without building a tree of what is large.
///
/// A tokenizer file holds megabytes of two shapes; this reads 34 MB of them in the time a general decoder needs for two.
/// Never reads outside the bytes, nests at most ``maximumDepth`` deep, and allocates no more than the strings it is asked
/// for. Duplicate keys are refused in ``value()``; large objects check their own.
struct JSONScanner {
    /// Why the bytes are not the JSON that was expected, and where.
    struct Problem: Error, CustomStringConvertible {
        var reason: String
        var offset: Int
        var description: String { "\(reason) at byte \(offset)" }
    }

    /// The deepest nesting that is read.
    static let maximumDepth = 64

    let bytes: [UInt8]
    private(set) var position = 0

    /// Makes a scanner at the beginning. The bytes must be UTF-8.
    init(_ bytes: [UInt8]) throws(Problem) {
        do {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            throw Problem(reason: "the text is not UTF-8", offset: 0)
        }
        self.bytes = bytes
    }

    /// Goes on at a position that ``position`` gave before.
    mutating func move(to position: Int) { self.position = position }

    func problem(_ reason: String) -> Problem { Problem(reason: reason, offset: position) }

    /// The next byte that is not white space, not consumed.
    mutating func peek() throws(Problem) -> UInt8 {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            position += 1
        }
        throw problem("the file ends early")
    }

    /// Consumes one structural byte.
    mutating func expect(_ byte: UInt8) throws(Problem) {
        guard try peek() == byte else { throw problem("a “\(Character(Unicode.Scalar(byte)))” is missing") }
        position += 1
    }

    /// Whether nothing but white space follows.
    mutating func isAtEnd() -> Bool {
        while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
        return position == bytes.count
    }

    /// Steps to the next element of an array or object that was opened with ``expect(_:)``: consumes the comma before it, or
    /// the closing byte, in which case it is false.
    mutating func next(isFirst: inout Bool, until close: UInt8) throws(Problem) -> Bool {
        let byte = try peek()
        if byte == close {
            position += 1
            return false
        }
        if isFirst {
            isFirst = false
            return true
        }
        guard byte == 0x2C else { throw problem("a comma is missing") }
        position += 1
        guard try peek() != close else { throw problem("a value is missing behind a comma") }
        return true
    }

    /// A string that is consumed but not copied.
    struct RawString {
        var range: Range<Int>
        var hasEscapes: Bool
    }

    /// Consumes a string and says where its characters are.
    mutating func rawString() throws(Problem) -> RawString {
        try expect(0x22)
        let start = position
        var hasEscapes = false
        var index = position
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x22 {
                position = index + 1
                return RawString(range: start..<index, hasEscapes: hasEscapes)
            }
            if byte == 0x5C {
                hasEscapes = true
                index += 1
            } else if byte < 0x20 {
                position = index
                throw problem("a control character stands in a string")
            }
            index += 1
        }
        position = bytes.count
        throw problem("a string does not end")
    }

    /// Appends the characters of a string that has escapes.
    func unescape(_ string: RawString, into result: inout [UInt8]) throws(Problem) {
        func failure(_ reason: String, _ offset: Int) -> Problem { Problem(reason: reason, offset: offset) }
        func unit(at index: Int) throws(Problem) -> UInt32 {
            guard index + 4 <= string.range.upperBound else { throw failure("an escape is cut short", index) }
            var value: UInt32 = 0
            for position in index..<(index + 4) {
                guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                    throw failure("an escape has no four hexadecimal digits", index)
                }
                value = value << 4 | UInt32(digit)
            }
            return value
        }
        var index = string.range.lowerBound
        while index < string.range.upperBound {
            guard bytes[index] == 0x5C else {
                result.append(bytes[index])
                index += 1
                continue
            }
            index += 1
            guard index < string.range.upperBound else { throw failure("an escape is cut short", index) }
            switch bytes[index] {
            case 0x22, 0x5C, 0x2F: result.append(bytes[index])
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "u"):
                var value = try unit(at: index + 1)
                index += 4
                if value >= 0xD800 && value < 0xDC00, index + 6 < string.range.upperBound, bytes[index + 1] == 0x5C,
                    bytes[index + 2] == UInt8(ascii: "u")
                {
                    let low = try unit(at: index + 3)
                    if low >= 0xDC00 && low < 0xE000 {
                        value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
                        index += 6
                    }
                }
                guard let scalar = Unicode.Scalar(value) else { throw failure("an escape is half a character", index) }
                result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.EncodedScalar())
            default: throw failure("an escape is unknown", index)
            }
            index += 1
        }
    }

    /// Consumes a string.
    mutating func string() throws(Problem) -> String {
        let raw = try rawString()
        guard raw.hasEscapes else { return String(decoding: bytes[raw.range], as: UTF8.self) }
        var characters: [UInt8] = []
        try unescape(raw, into: &characters)
        return String(decoding: characters, as: UTF8.self)
    }

    /// Consumes a key of an object and its colon.
    mutating func key() throws(Problem) -> String {
        let key = try string()
        try expect(0x3A)
        return key
    }

    /// Consumes a number that is an id.
    mutating func id() throws(Problem) -> Int32 {
        let start = position
        guard let id = Int32(exactly: try number()) else {
            position = start
            throw problem("a number is not a 32-bit whole number")
        }
        return id
    }

    /// Consumes a number: the nearest Float64, or, when `roundsTwice`, the one that Rust's `serde_json` gives, whose digits
    /// become a Float64 before they are divided by a power of ten.
    mutating func number(roundsTwice: Bool = false) throws(Problem) -> Double {
        _ = try peek()
        let start = position
        var (digits, digitCount, scale) = (UInt64(0), 0, 0)
        var isPlain = true
        var isBehindPoint = false
        let isNegative = bytes[position] == 0x2D
        if isNegative { position += 1 }
        let first = position
        loop: while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case 0x30...0x39:
                digits = digits &* 10 &+ UInt64(byte - 0x30)
                digitCount += 1
                if isBehindPoint { scale += 1 }
            case 0x2E where !isBehindPoint && position > first: isBehindPoint = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"), 0x2B, 0x2D, 0x2E: isPlain = false
            default: break loop
            }
            position += 1
        }
        guard position > first, digitCount > 0, !isBehindPoint || scale > 0 || !isPlain else {
            throw problem("a number is missing")
        }
        if isPlain, digitCount <= 19, digits < 1 << 53 || roundsTwice, scale <= 22 {
            // When both are exact in Float64 the quotient is the nearest one.
            let value = Double(digits) / Self.powersOfTen[scale]
            return isNegative ? -value : value
        }
        guard let value = Double(String(decoding: bytes[start..<position], as: UTF8.self)), value.isFinite else {
            throw problem("a number is not one")
        }
        return value
    }

    private static let powersOfTen: [Double] = (0...22).map { exponent in
        (0..<exponent).reduce(1.0) { power, _ in power * 10 }
    }

    /// Consumes any value as a tree.
    mutating func value(depth: Int = 0) throws(Problem) -> JSONValue {
        guard depth < Self.maximumDepth else { throw problem("the values nest too deep") }
        switch try peek() {
        case UInt8(ascii: "{"):
            position += 1
            var members: [String: JSONValue] = [:]
            var isFirst = true
            while try next(isFirst: &isFirst, until: UInt8(ascii: "}")) {
                let name = try key()
                guard members.updateValue(try value(depth: depth + 1), forKey: name) == nil else {
                    throw problem("the key “\(name.prefix(64))” is there twice")
                }
            }
            return .object(members)
        case UInt8(ascii: "["):
            position += 1
            var items: [JSONValue] = []
            var isFirst = true
            while try next(isFirst: &isFirst, until: UInt8(ascii: "]")) { items.append(try value(depth: depth + 1)) }
            return .array(items)
        case 0x22: return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(try number())
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(Problem) -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else { throw problem("a value is unknown") }
        position += word.utf8.count
        return value
    }

    /// Consumes any value without keeping it.
    mutating func skip(depth: Int = 0) throws(Problem) {
        guard depth < Self.maximumDepth else { throw problem("the values nest too deep") }
        let byte = try peek()
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            position += 1
            var isFirst = true
            while try next(isFirst: &isFirst, until: byte + 2) {
                if byte == UInt8(ascii: "{") {
                    _ = try rawString()
                    try expect(0x3A)
                }
                try skip(depth: depth + 1)
            }
        case 0x22: _ = try rawString()
        default: _ = try value(depth: depth)
        }
    }
}
