/// The fields of one JSON object (RFC 8259), read one level deep.
///
/// Nested values are checked for form and passed over; lists keep the texts in them. Nothing recurses, so nesting costs
/// no stack, and it is limited all the same. Bytes that are not UTF-8 become U+FFFD. Of a name that comes twice the last
/// value counts, as in most readers.
struct JSONFields {
    /// The value of a field.
    enum Value: Hashable, Sendable {
        case scalar(SampleTexts.Scalar)
        /// Texts of a list, in order; other items are left out.
        case texts([String])
        /// Null, an object, or anything else that is not kept.
        case other
    }

    /// Why bytes are no object.
    struct Problem: Error {
        let reason: String
        /// Position in the bytes.
        let position: Int
    }

    /// Fields in the order of their first occurrence.
    private(set) var names: [String] = []
    private(set) var values: [String: Value] = [:]

    /// Most fields kept of one object.
    static let maximumFieldCount = 4096
    /// Deepest nesting of values.
    static let maximumDepth = 256

    /// Reads an object with nothing but white space around it.
    init(_ bytes: ArraySlice<UInt8>) throws(Problem) {
        var scanner = JSONScanner(bytes)
        try scanner.skipSpace()
        try scanner.expect(UInt8(ascii: "{"), "an object")
        try scanner.skipSpace()
        if scanner.next != UInt8(ascii: "}") {
            while true {
                try scanner.skipSpace()
                let name = try scanner.string()
                try scanner.skipSpace()
                try scanner.expect(UInt8(ascii: ":"), "':'")
                try scanner.skipSpace()
                let value = try JSONFields.value(&scanner)
                if values[name] == nil {
                    guard names.count < JSONFields.maximumFieldCount else { throw scanner.problem("too many fields") }
                    names.append(name)
                }
                values[name] = value
                try scanner.skipSpace()
                if scanner.next == UInt8(ascii: ",") {
                    scanner.advance()
                } else {
                    break
                }
            }
        }
        try scanner.expect(UInt8(ascii: "}"), "',' or '}'")
        try scanner.skipSpace()
        guard scanner.next == nil else { throw scanner.problem("something follows the object") }
    }

    private static func value(_ scanner: inout JSONScanner) throws(Problem) -> Value {
        switch scanner.next {
        case UInt8(ascii: "\""): return .scalar(.text(try scanner.string()))
        case UInt8(ascii: "["): return .texts(try scanner.texts())
        case UInt8(ascii: "{"):
            try scanner.skipValue()
            return .other
        default:
            let start = scanner.position
            try scanner.skipValue()
            let text = String(decoding: scanner.bytes[start..<scanner.position], as: UTF8.self)
            switch text {
            case "true": return .scalar(.integer(1))
            case "false": return .scalar(.integer(0))
            case "null": return .other
            default:
                if let number = Int64(text) { return .scalar(.integer(number)) }
                guard let number = Double(text), number.isFinite else { return .other }
                return .scalar(.real(number))
            }
        }
    }
}

/// Steps over JSON text.
struct JSONScanner {
    let bytes: ArraySlice<UInt8>
    private(set) var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    mutating func advance() { position += 1 }

    func problem(_ reason: String) -> JSONFields.Problem {
        JSONFields.Problem(reason: reason, position: position - bytes.startIndex)
    }

    mutating func skipSpace() throws(JSONFields.Problem) {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    mutating func expect(_ byte: UInt8, _ what: String) throws(JSONFields.Problem) {
        guard next == byte else { throw problem(next == nil ? "it ends before \(what)" : "\(what) is expected") }
        position += 1
    }

    /// A string with its escapes resolved.
    mutating func string() throws(JSONFields.Problem) -> String {
        let start = position
        let isPlain = try skipString()
        let content = bytes[(start + 1)..<(position - 1)]
        if isPlain { return String(decoding: content, as: UTF8.self) }
        return JSONScanner.unescaped(content)
    }

    /// Moves past a string; whether it has no escapes.
    private mutating func skipString() throws(JSONFields.Problem) -> Bool {
        try expect(UInt8(ascii: "\""), "a text in quotes")
        var isPlain = true
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return isPlain
            case UInt8(ascii: "\\"):
                isPlain = false
                position += 1
                try skipEscape()
            case 0..<0x20: throw problem("a control character stands in a text")
            default: position += 1
            }
        }
        throw problem("a text has no end")
    }

    private mutating func skipEscape() throws(JSONFields.Problem) {
        guard let byte = next else { throw problem("a text has no end") }
        guard byte == UInt8(ascii: "u") else {
            guard "\"\\/bfnrt".utf8.contains(byte) else { throw problem("there is no such escape") }
            position += 1
            return
        }
        guard bytes.endIndex - position > 4,
            bytes[(position + 1)...(position + 4)].allSatisfy({ Character(UnicodeScalar($0)).isHexDigit })
        else { throw problem("an escape needs four hexadecimal digits") }
        position += 5
    }

    private static func unescaped(_ content: ArraySlice<UInt8>) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(content.count)
        var index = content.startIndex
        while index < content.endIndex {
            guard content[index] == UInt8(ascii: "\\") else {
                result.append(content[index])
                index += 1
                continue
            }
            let kind = content[index + 1]
            index += 2
            guard kind == UInt8(ascii: "u") else {
                let plain: [UInt8: UInt8] = [0x62: 8, 0x66: 12, 0x6E: 10, 0x72: 13, 0x74: 9]
                result.append(plain[kind] ?? kind)
                continue
            }
            var unit = hexadecimal(content[index..<index + 4])
            index += 4
            if unit >> 10 == 0x36, content[index...].starts(with: [0x5C, 0x75]), content.endIndex - index >= 6 {
                let low = hexadecimal(content[(index + 2)..<(index + 6)])
                if low >> 10 == 0x37 {
                    unit = 0x10000 + (unit & 0x3FF) << 10 + (low & 0x3FF)
                    index += 6
                }
            }
            result += Array(String(UnicodeScalar(unit) ?? "\u{FFFD}").utf8)
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt32 {
        digits.reduce(0) { $0 << 4 | UInt32(Character(UnicodeScalar($1)).hexDigitValue ?? 0) }
    }

    /// The texts of a list, other items passed over.
    mutating func texts() throws(JSONFields.Problem) -> [String] {
        try expect(UInt8(ascii: "["), "a list")
        var texts: [String] = []
        try skipSpace()
        if next == UInt8(ascii: "]") {
            position += 1
            return []
        }
        while true {
            try skipSpace()
            if next == UInt8(ascii: "\"") {
                let text = try string()
                if texts.count < SampleTexts.maximumCaptionCount { texts.append(text) }
            } else {
                try skipValue()
            }
            try skipSpace()
            guard next == UInt8(ascii: ",") else { break }
            position += 1
        }
        try expect(UInt8(ascii: "]"), "',' or ']'")
        return texts
    }

    /// Moves past one value of any kind. What may follow is decided by the kinds of the brackets that are open.
    mutating func skipValue() throws(JSONFields.Problem) {
        var open: [UInt8] = []
        repeat {
            try skipSpace()
            switch next {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard let bracket = next, open.count < JSONFields.maximumDepth else {
                    throw problem("values are nested deeper than \(JSONFields.maximumDepth)")
                }
                position += 1
                try skipSpace()
                if next == bracket + 2 {
                    position += 1
                    break
                }
                open.append(bracket)
                if bracket == UInt8(ascii: "{") { try skipName() }
                continue
            case UInt8(ascii: "\""): _ = try skipString()
            default: try skipAtom()
            }
            try closeOrGoOn(&open)
        } while !open.isEmpty
    }

    /// After a value: a comma before the next, or the brackets that end.
    private mutating func closeOrGoOn(_ open: inout [UInt8]) throws(JSONFields.Problem) {
        while let bracket = open.last {
            try skipSpace()
            if next == UInt8(ascii: ",") {
                position += 1
                if bracket == UInt8(ascii: "{") { try skipName() }
                return
            }
            try expect(bracket + 2, "',' or the end of a list or object")
            open.removeLast()
        }
    }

    private mutating func skipName() throws(JSONFields.Problem) {
        try skipSpace()
        _ = try skipString()
        try skipSpace()
        try expect(UInt8(ascii: ":"), "':'")
    }

    private mutating func skipAtom() throws(JSONFields.Problem) {
        for word in ["true", "false", "null"] where bytes[position...].starts(with: word.utf8) {
            position += word.utf8.count
            return
        }
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        let first = next
        let whole = skipDigits()
        guard whole > 0, whole == 1 || first != UInt8(ascii: "0") else {
            position = start
            throw problem("a value is expected")
        }
        if next == UInt8(ascii: ".") {
            position += 1
            guard skipDigits() > 0 else { throw problem("digits are expected after the point") }
        }
        if let byte = next, byte | 0x20 == UInt8(ascii: "e") {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            guard skipDigits() > 0 else { throw problem("digits are expected in the exponent") }
        }
    }

    private mutating func skipDigits() -> Int {
        let start = position
        while let byte = next, byte >= 0x30, byte <= 0x39 { position += 1 }
        return position - start
    }
}
