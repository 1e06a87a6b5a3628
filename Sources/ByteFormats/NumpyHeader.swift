/// The header of a `.npy` file: magic, version, length, and a Python dictionary of three known keys.
struct NumpyHeader {
    /// Headers are a hundred bytes; numpy itself refuses more than this.
    static let maximumByteCount = 10_000 + 12

    private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    let element: NumpyFile.Element
    let shape: [Int]
    /// Length of everything before the data.
    let byteCount: Int

    init(prefix: [UInt8]) throws(ByteFormatError) {
        var reader = ByteReader(prefix)
        guard prefix.starts(with: NumpyHeader.magic) else {
            throw ByteFormatError(.malformed, "this is not a .npy file; save one with numpy.save", byteOffset: 0)
        }
        try reader.expect(NumpyHeader.magic, "the magic")
        let major = try reader.read(UInt8.self, "the version")
        let minor = try reader.read(UInt8.self, "the version")
        guard (1...3).contains(major), minor == 0 else {
            throw ByteFormatError(.unsupported, ".npy version \(major).\(minor) is not known; 1.0 to 3.0 are read")
        }
        let length =
            major == 1
            ? Int(try reader.read(UInt16.self, "the header length"))
            : Int(try reader.read(UInt32.self, "the header length"))
        let start = reader.position
        guard length <= NumpyHeader.maximumByteCount - 12 else {
            throw ByteFormatError(.limitExceeded, "the header claims \(length) bytes", byteOffset: 8)
        }
        let text = try reader.readBytes(length, "the header")
        var parser = NumpyDictionaryParser(text, byteOffset: start)
        try parser.parse()
        guard let descriptor = parser.descriptor, let isColumnMajor = parser.isColumnMajor, let shape = parser.shape
        else {
            throw ByteFormatError(
                .malformed, "the header needs descr, fortran_order and shape", byteOffset: UInt64(start))
        }
        let byteOrders = ["=": "<", "|": "|", "<": "<"]
        let order = byteOrders[String(descriptor.prefix(1))] ?? String(descriptor.prefix(1))
        guard let element = NumpyFile.Element(rawValue: order + descriptor.dropFirst()) else {
            throw ByteFormatError(
                .unsupported,
                "elements are '\(descriptor)'; save little-endian numbers (numpy.save(path, x.astype('<f4')))",
                byteOffset: UInt64(start))
        }
        // With at most one dimension above 1 both orders are the same bytes.
        guard !isColumnMajor || shape.filter({ $0 != 1 }).count <= 1 else {
            throw ByteFormatError(
                .unsupported, "the array is column-major; save it with numpy.ascontiguousarray",
                byteOffset: UInt64(start))
        }
        self.element = element
        self.shape = shape
        byteCount = reader.position
    }

    /// The header numpy itself writes: version 1.0, padded so that the data starts at a multiple of 64.
    static func bytes(element: NumpyFile.Element, shape: [Int]) -> [UInt8] {
        let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var text = Array("{'descr': '\(element.rawValue)', 'fortran_order': False, 'shape': (\(sizes)), }".utf8)
        text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 63 - (10 + text.count) % 64))
        text.append(UInt8(ascii: "\n"))
        var writer = ByteWriter()
        writer.write(magic)
        writer.write(UInt8(1))
        writer.write(UInt8(0))
        writer.write(UInt16(text.count))
        writer.write(text)
        return writer.bytes
    }
}

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }` and nothing else.
private struct NumpyDictionaryParser {
    private let text: [UInt8]
    private let byteOffset: Int
    private var position = 0
    var descriptor: String?
    var isColumnMajor: Bool?
    var shape: [Int]?

    init(_ text: [UInt8], byteOffset: Int) {
        self.text = text
        self.byteOffset = byteOffset
    }

    mutating func parse() throws(ByteFormatError) {
        try expect("{")
        while !take("}") {
            let key = try quoted()
            try expect(":")
            switch key {
            case "descr" where descriptor == nil: descriptor = try quoted()
            case "fortran_order" where isColumnMajor == nil: isColumnMajor = try boolean()
            case "shape" where shape == nil: shape = try tuple()
            default: throw malformed("'\(key)' is unknown or there twice")
            }
            if !take(",") {
                try expect("}")
                break
            }
        }
        skipSpace()
        guard position == text.count else { throw malformed("something follows the dictionary") }
    }

    private mutating func quoted() throws(ByteFormatError) -> String {
        let quote: Unicode.Scalar = take("\"") ? "\"" : "'"
        if quote == "'" { try expectQuote() }
        let start = position
        while position < text.count, text[position] != UInt8(ascii: quote) { position += 1 }
        guard position < text.count, let word = String(validating: text[start..<position], as: UTF8.self) else {
            throw malformed("a text does not end")
        }
        position += 1
        return word
    }

    private mutating func expectQuote() throws(ByteFormatError) {
        // A structured type starts with a list here.
        guard take("'") else {
            throw ByteFormatError(
                .unsupported, "the elements are structures; save an array of plain numbers",
                byteOffset: UInt64(byteOffset + position))
        }
    }

    private mutating func boolean() throws(ByteFormatError) -> Bool {
        skipSpace()
        for (word, value) in [("True", true), ("False", false)] where text[position...].starts(with: word.utf8) {
            position += word.utf8.count
            return value
        }
        throw malformed("True or False is due here")
    }

    private mutating func tuple() throws(ByteFormatError) -> [Int] {
        try expect("(")
        var numbers: [Int] = []
        while !take(")") {
            skipSpace()
            let start = position
            while position < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[position]) {
                position += 1
            }
            guard let number = Int(String(decoding: text[start..<position], as: UTF8.self)) else {
                throw malformed("a dimension is due here")
            }
            numbers.append(number)
            guard numbers.count <= NumpyFile.maximumRank else {
                throw ByteFormatError(.limitExceeded, "the array has more than \(NumpyFile.maximumRank) dimensions")
            }
            if !take(",") {
                try expect(")")
                break
            }
        }
        return numbers
    }

    private mutating func skipSpace() {
        while position < text.count, text[position] == 0x20 || text[position] == 0x0A { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < text.count, text[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(ByteFormatError) {
        guard take(character) else { throw malformed("'\(character)' is due here") }
    }

    private func malformed(_ message: String) -> ByteFormatError {
        ByteFormatError(.malformed, ".npy header: \(message)", byteOffset: UInt64(byteOffset + position))
    }
}
