/// Reads the one JSON shape a safetensors header may have: an object of tensors and `__metadata__`.
///
/// There is no recursion and nothing general, so there is no depth to limit; whatever does not fit is an error with the
/// offset in the file.
struct SafetensorsHeaderParser {
    private let bytes: [UInt8]
    private var position = 0
    private(set) var entries: [SafetensorsHeader.Entry] = []
    private(set) var metadata: [String: String] = [:]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func parse() throws(ByteFormatError) {
        guard bytes.first == UInt8(ascii: "{") else { throw malformed("the header must start with '{'") }
        var names: Set<String> = []
        try parseObject { parser, name, start throws(ByteFormatError) in
            guard names.insert(name).inserted else { throw parser.malformed("'\(name)' is there twice", at: start) }
            guard name.utf8.count <= SafetensorsHeader.maximumNameByteCount else {
                throw parser.error(
                    .limitExceeded,
                    "a tensor name has more than \(SafetensorsHeader.maximumNameByteCount) bytes", at: start)
            }
            if name == "__metadata__" {
                try parser.parseMetadata()
            } else {
                parser.entries.append(try parser.parseEntry(named: name))
            }
        }
        skipSpace()
        guard position == bytes.count else { throw malformed("something follows the header's object") }
    }

    private mutating func parseMetadata() throws(ByteFormatError) {
        var texts: [String: String] = [:]
        try parseObject { parser, key, start throws(ByteFormatError) in
            let value = try parser.parseText()
            guard texts.updateValue(value, forKey: key) == nil else {
                throw parser.malformed("'\(key)' is in __metadata__ twice", at: start)
            }
        }
        metadata = texts
    }

    private mutating func parseEntry(named name: String) throws(ByteFormatError) -> SafetensorsHeader.Entry {
        let start = position
        var element: SafetensorsElement?
        var shape: [Int]?
        var offsets: [Int]?
        try parseObject { parser, field, fieldStart throws(ByteFormatError) in
            switch field {
            case "dtype" where element == nil:
                let word = try parser.parseText()
                guard let known = SafetensorsElement(rawValue: word) else {
                    throw parser.error(
                        .unsupported, "tensor '\(name)' has the unknown type '\(word)'", at: fieldStart)
                }
                element = known
            case "shape" where shape == nil:
                shape = try parser.parseNumbers(maximumCount: SafetensorsHeader.maximumRank, of: name)
            case "data_offsets" where offsets == nil:
                offsets = try parser.parseNumbers(maximumCount: 2, of: name)
            default:
                throw parser.malformed("tensor '\(name)' has '\(field)' twice or unexpectedly", at: fieldStart)
            }
        }
        guard let element, let shape, let offsets, offsets.count == 2 else {
            throw malformed("tensor '\(name)' needs dtype, shape and two data_offsets", at: start)
        }
        guard offsets[0] <= offsets[1] else {
            throw malformed("tensor '\(name)' ends before it starts", at: start)
        }
        var bitCount = element.bitCount
        // A zero anywhere makes the product 0, but its other factors must not overflow either.
        for dimension in shape {
            let (product, overflow) = bitCount.multipliedReportingOverflow(by: dimension)
            guard !overflow else {
                throw error(.limitExceeded, "tensor '\(name)' of shape \(shape) is too large", at: start)
            }
            bitCount = product
        }
        guard bitCount % 8 == 0, bitCount / 8 == offsets[1] - offsets[0] else {
            throw malformed(
                "tensor '\(name)' of type \(element.rawValue) and shape \(shape) needs \(bitCount) bits, "
                    + "its data_offsets span \(offsets[1] - offsets[0]) bytes", at: start)
        }
        return SafetensorsHeader.Entry(
            name: name, element: element, shape: shape, byteRange: offsets[0]..<offsets[1])
    }

    // MARK: JSON

    private mutating func parseObject(
        _ member: (inout SafetensorsHeaderParser, String, Int) throws(ByteFormatError) -> Void
    ) throws(ByteFormatError) {
        try expect("{")
        if take("}") { return }
        repeat {
            skipSpace()
            let start = position
            let key = try parseText()
            try expect(":")
            try member(&self, key, start)
        } while take(",")
        try expect("}")
    }

    private mutating func parseNumbers(maximumCount: Int, of name: String) throws(ByteFormatError) -> [Int] {
        try expect("[")
        var numbers: [Int] = []
        if take("]") { return numbers }
        repeat {
            guard numbers.count < maximumCount else {
                throw error(
                    .limitExceeded, "tensor '\(name)' has a list of more than \(maximumCount) numbers", at: position)
            }
            numbers.append(try parseNumber())
        } while take(",")
        try expect("]")
        return numbers
    }

    private mutating func parseNumber() throws(ByteFormatError) -> Int {
        skipSpace()
        let start = position
        var value = 0
        while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int(bytes[position] - UInt8(ascii: "0")))
            guard !overflow, !carry else { throw error(.limitExceeded, "a number is too large", at: start) }
            value = sum
            position += 1
        }
        guard position > start, position - start == 1 || bytes[start] != UInt8(ascii: "0") else {
            throw malformed("a whole number of at least 0 is due here", at: start)
        }
        // A sign, fraction or exponent is left for the caller, who expects a comma or bracket and refuses it.
        return value
    }

    private mutating func parseText() throws(ByteFormatError) -> String {
        try expect("\"")
        let start = position
        var text: [UInt8] = []
        while true {
            guard position < bytes.count else { throw malformed("a text does not end", at: start) }
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let valid = String(validating: text, as: UTF8.self) else {
                    throw malformed("a text is not UTF-8", at: start)
                }
                return valid
            case UInt8(ascii: "\\"):
                text.append(contentsOf: String(try parseEscape()).utf8)
            case 0..<0x20:
                throw malformed("a text holds a control character", at: position - 1)
            default:
                text.append(byte)
            }
        }
    }

    private mutating func parseEscape() throws(ByteFormatError) -> Unicode.Scalar {
        guard position < bytes.count else { throw malformed("a text does not end") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let first = try parseHexadecimal()
            if let scalar = Unicode.Scalar(first) { return scalar }
            guard (0xD800..<0xDC00).contains(first), position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            else { throw malformed("a text holds half a surrogate pair") }
            position += 2
            let second = try parseHexadecimal()
            guard (0xDC00..<0xE000).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            else { throw malformed("a text holds half a surrogate pair") }
            return scalar
        default: throw malformed("a text holds an unknown escape", at: position - 1)
        }
    }

    private mutating func parseHexadecimal() throws(ByteFormatError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue
            else { throw malformed("four hexadecimal digits are due here") }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(ByteFormatError) {
        guard take(character) else { throw malformed("'\(character)' is due here") }
    }

    private func malformed(_ message: String, at position: Int? = nil) -> ByteFormatError {
        error(.malformed, message, at: position ?? self.position)
    }

    private func error(_ code: ByteFormatError.Code, _ message: String, at position: Int) -> ByteFormatError {
        ByteFormatError(code, "safetensors header: \(message)", byteOffset: 8 + UInt64(position))
    }
}
