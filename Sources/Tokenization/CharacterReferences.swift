/// Decodes HTML character references in text, as browsers do and as Python's `html.unescape` does.
struct CharacterReferences: Sendable {
    /// The table, read once.
    static let standard = CharacterReferences()

    private struct Entry {
        var value: [Unicode.Scalar]
        /// Whether the name also stands without its semicolon.
        var isLegacy: Bool
    }

    private let entries: [String: Entry]
    /// The longest run that is looked at behind an ampersand.
    private static let maximumNameLength = 32

    private init() {
        var entries: [String: Entry] = [:]
        entries.reserveCapacity(2300)
        for field in CharacterReferenceTable.entries.utf8.split(whereSeparator: { $0 == 0x20 || $0 == 0x0A }) {
            guard let mark = field.firstIndex(where: { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "!") }) else {
                preconditionFailure("the table of character references is damaged")
            }
            let value = field[field.index(after: mark)...].split(separator: UInt8(ascii: "+")).compactMap {
                UInt32(String(Substring($0)), radix: 16).flatMap(Unicode.Scalar.init)
            }
            entries[String(Substring(field[..<mark]))] = Entry(value: value, isLegacy: field[mark] == UInt8(ascii: "!"))
        }
        self.entries = entries
    }

    /// Replaces every reference, also those that lack their semicolon.
    func decoded(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard var index = text.firstIndex(of: "&") else { return text }
        var result = Array(text[..<index])
        result.reserveCapacity(text.count)
        while index < text.count {
            if text[index] == "&", let (value, end) = reference(text, at: index) {
                result += value
                index = end
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    /// Replaces only references that are certainly meant as such: complete ones with their semicolon, and upper-case forms
    /// of lower-case names (`&EACUTE;`).
    func decodedWhenCertain(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard var index = text.firstIndex(of: "&") else { return text }
        var result = Array(text[..<index])
        while index < text.count {
            if text[index] == "&", let (value, end) = certainReference(text, at: index) {
                result += value
                index = end
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    /// What the reference at an ampersand stands for and where it ends, or nil when it stays as it is.
    private func reference(_ text: [Unicode.Scalar], at start: Int) -> (value: [Unicode.Scalar], end: Int)? {
        var index = start + 1
        guard index < text.count else { return nil }
        if text[index] == "#" {
            index += 1
            guard index < text.count else { return nil }
            let isHexadecimal = text[index] == "x" || text[index] == "X"
            if isHexadecimal { index += 1 }
            let radix: UInt32 = isHexadecimal ? 16 : 10
            var number: UInt32 = 0
            let digitsStart = index
            while index < text.count, let digit = Self.digit(text[index], radix: radix) {
                // Anything above the last code point is the same to what follows.
                number = min(number * radix + digit, 0x11_0000)
                index += 1
            }
            guard index > digitsStart else { return nil }
            if index < text.count && text[index] == ";" { index += 1 }
            return (Self.numericValue(number), index)
        }
        var name = ""
        var limit = start + 1
        while limit < text.count, limit - start <= Self.maximumNameLength, Self.isNameScalar(text[limit]) {
            name.unicodeScalars.append(text[limit])
            limit += 1
        }
        let hasSemicolon = limit < text.count && text[limit] == ";"
        if hasSemicolon, let entry = entries[name] { return (entry.value, limit + 1) }
        while name.utf8.count >= 2 {
            if let entry = entries[name], entry.isLegacy { return (entry.value, limit) }
            name.unicodeScalars.removeLast()
            limit -= 1
        }
        return nil
    }

    private func certainReference(_ text: [Unicode.Scalar], at start: Int) -> (value: [Unicode.Scalar], end: Int)? {
        var end = start + 1
        let isNumeric = end < text.count && text[end] == "#"
        if isNumeric { end += 1 }
        let nameStart = end
        while end < text.count, end - nameStart < 24, Self.isNameScalar(text[end]) { end += 1 }
        guard end > nameStart, end < text.count, text[end] == ";" else { return nil }
        if isNumeric {
            guard let (value, valueEnd) = reference(text, at: start), valueEnd == end + 1, !value.contains(";") else {
                return nil
            }
            return (value, valueEnd)
        }
        var name = ""
        name.unicodeScalars.append(contentsOf: text[nameStart..<end])
        if let entry = entries[name] { return (entry.value, end + 1) }
        // An upper-case name that means nothing by itself, and of which no beginning does either.
        guard name == name.uppercased(), let entry = entries[name.lowercased()], reference(text, at: start) == nil
        else {
            return nil
        }
        return (entry.value.flatMap { Array($0.properties.uppercaseMapping.unicodeScalars) }, end + 1)
    }

    private static func isNameScalar(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "0"..."9", "A"..."Z", "a"..."z": true
        default: false
        }
    }

    private static func digit(_ scalar: Unicode.Scalar, radix: UInt32) -> UInt32? {
        switch scalar {
        case "0"..."9": scalar.value - 0x30
        case "a"..."f" where radix == 16: scalar.value - 0x61 + 10
        case "A"..."F" where radix == 16: scalar.value - 0x41 + 10
        default: nil
        }
    }

    /// The value of a numeric reference: windows-1252 for 0x80–0x9F, nothing for what text may not hold.
    private static func numericValue(_ number: UInt32) -> [Unicode.Scalar] {
        switch number {
        case 0x00: return ["\u{FFFD}"]
        case 0x80...0x9F: return Unicode.Scalar(number).map { [Windows1252.scalar($0)] } ?? []
        case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0xFDD0...0xFDEF: return []
        default:
            guard let scalar = Unicode.Scalar(number) else { return ["\u{FFFD}"] }
            return number & 0xFFFE == 0xFFFE ? [] : [scalar]
        }
    }
}

/// The meaning that windows-1252 gives to the C1 control characters.
enum Windows1252 {
    private static let table: [UInt32] = [
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,
        0x017D,
        0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153,
        0x9D,
        0x017E, 0x0178,
    ]

    /// The scalar that a C1 control was meant to be; others, and the five that mean nothing, stay as they are.
    static func scalar(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        guard scalar.value >= 0x80, scalar.value <= 0x9F else { return scalar }
        return Unicode.Scalar(table[Int(scalar.value - 0x80)]) ?? scalar
    }
}
