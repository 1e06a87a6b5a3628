/// Valid UTF-8 text for arbitrary bytes, without loss: how names found in tars and folders are stored.
///
/// Bytes that are not valid UTF-8, and NUL, become `\xHH` (two upper-case hexadecimal digits). A backslash that stands
/// before an `x` becomes `\x5C`. All other text stays as it is, so ordinary names are unchanged and
/// `bytes(ofText:)` gives back exactly what came in.
public enum TextFromBytes {
    /// The text that stands for `bytes`.
    public static func text(ofBytes bytes: some Collection<UInt8>) -> String {
        let plain = Array(bytes)
        // Bytes are looked at one by one: searching a string for a string is ten times as slow.
        let mayNeedEscapes = plain.contains { $0 == 0 || $0 == UInt8(ascii: "\\") }
        if !mayNeedEscapes, let text = String(validating: plain, as: UTF8.self) { return text }
        var result: [UInt8] = []
        var index = 0
        while index < plain.count {
            let length = scalarLength(plain, at: index)
            let byte = plain[index]
            if length == 0 || byte == 0 || isEscapeStart(plain, at: index) {
                result += escape(byte)
                index += 1
            } else {
                result += plain[index..<index + length]
                index += length
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The bytes that `text` stands for.
    public static func bytes(ofText text: String) -> [UInt8] {
        let source = Array(text.utf8)
        guard source.contains(UInt8(ascii: "\\")) else { return source }
        var result: [UInt8] = []
        result.reserveCapacity(source.count)
        var index = 0
        while index < source.count {
            if isEscapeStart(source, at: index), index + 3 < source.count,
                let high = Character(UnicodeScalar(source[index + 2])).hexDigitValue,
                let low = Character(UnicodeScalar(source[index + 3])).hexDigitValue
            {
                result.append(UInt8(high << 4 | low))
                index += 4
            } else {
                result.append(source[index])
                index += 1
            }
        }
        return result
    }

    private static func isEscapeStart(_ bytes: [UInt8], at index: Int) -> Bool {
        bytes[index] == UInt8(ascii: "\\") && index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "x")
    }

    private static func escape(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return [UInt8(ascii: "\\"), UInt8(ascii: "x"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    /// Number of bytes of the well-formed scalar that starts at `index`; 0 if none does.
    private static func scalarLength(_ bytes: [UInt8], at index: Int) -> Int {
        let length: Int
        switch bytes[index] {
        case 0..<0x80: return 1
        case 0xC2..<0xE0: length = 2
        case 0xE0..<0xF0: length = 3
        case 0xF0..<0xF5: length = 4
        default: return 0
        }
        guard index + length <= bytes.count else { return 0 }
        return String(validating: bytes[index..<index + length], as: UTF8.self) == nil ? 0 : length
    }
}
