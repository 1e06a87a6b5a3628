import Foundation

/// The repairs of ftfy 6 that open_clip applies to every text, all but the detection of wrongly decoded text (mojibake).
///
/// Per line, until nothing changes: certain HTML references (unless a `<` came before), C1 controls as windows-1252, Latin
/// ligatures, full-width and half-width forms, curly quotes, line breaks, terminal escapes, control characters, NFC.
enum TextRepair {
    /// Longest line that is treated as one.
    private static let maximumLineCount = 1_000_000
    /// Most rounds over one line; nested references (`&amp;amp;…`) use one each.
    private static let maximumRoundCount = 100

    /// The repaired text.
    static func repaired(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        var decodesReferences = true
        var start = 0
        while start < text.count {
            var end = start
            var isMarkup = false
            while end < text.count, end - start < maximumLineCount {
                let scalar = text[end]
                end += 1
                if scalar == "<" { isMarkup = true }
                if scalar == "\n" { break }
            }
            if isMarkup { decodesReferences = false }
            result += repairedLine(Array(text[start..<end]), decodesReferences: decodesReferences)
            start = end
        }
        return result
    }

    private static func repairedLine(_ line: [Unicode.Scalar], decodesReferences: Bool) -> [Unicode.Scalar] {
        var text = line
        for _ in 0..<maximumRoundCount {
            let before = text
            if decodesReferences { text = CharacterReferences.standard.decodedWhenCertain(text) }
            text = withPlainForms(text)
            text = withoutTerminalEscapes(text)
            text.removeAll(where: isUnwantedControl)
            text = CanonicalComposition.composed(text)
            if text == before { break }
        }
        return text
    }

    private static func withPlainForms(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard text.contains(where: { $0.value >= 0x80 || $0 == "\r" }) else { return text }
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        for (index, scalar) in text.enumerated() {
            if scalar.value < 0x80 {
                if scalar == "\r" {
                    if index + 1 == text.count || text[index + 1] != "\n" { result.append("\n") }
                } else {
                    result.append(scalar)
                }
                continue
            }
            let meant = Windows1252.scalar(scalar)
            if let letters = ligature(meant) {
                for letter in letters.unicodeScalars { result.append(plainQuoteOrBreak(letter)) }
            } else if meant.value == 0x3000 {
                result.append(" ")
            } else if meant.value >= 0xFF01 && meant.value <= 0xFFEF {
                for folded in String(meant).precomposedStringWithCompatibilityMapping.unicodeScalars {
                    result.append(plainQuoteOrBreak(folded))
                }
            } else {
                result.append(plainQuoteOrBreak(meant))
            }
        }
        return result
    }

    private static func plainQuoteOrBreak(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.value {
        case 0x02BC, 0x2018...0x201B: "'"
        case 0x201C...0x201F: "\""
        case 0x2028, 0x2029: "\n"
        default: scalar
        }
    }

    /// The letters of a ligature or digraph of Latin letters.
    private static func ligature(_ scalar: Unicode.Scalar) -> String? {
        switch scalar.value {
        case 0x0132: "IJ"
        case 0x0133: "ij"
        case 0x0149: "\u{02BC}n"
        case 0x01F1: "DZ"
        case 0x01F2: "Dz"
        case 0x01F3: "dz"
        case 0x01C4: "D\u{017D}"
        case 0x01C5: "D\u{017E}"
        case 0x01C6: "d\u{017E}"
        case 0x01C7: "LJ"
        case 0x01C8: "Lj"
        case 0x01C9: "lj"
        case 0x01CA: "NJ"
        case 0x01CB: "Nj"
        case 0x01CC: "nj"
        case 0xFB00: "ff"
        case 0xFB01: "fi"
        case 0xFB02: "fl"
        case 0xFB03: "ffi"
        case 0xFB04: "ffl"
        case 0xFB05: "\u{017F}t"
        case 0xFB06: "st"
        default: nil
        }
    }

    /// Removes `ESC [ numbers letter`, which colours text on a terminal.
    private static func withoutTerminalEscapes(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard var index = text.firstIndex(of: "\u{1B}") else { return text }
        var result = Array(text[..<index])
        while index < text.count {
            if text[index] == "\u{1B}", index + 1 < text.count, text[index + 1] == "[" {
                var end = index + 2
                while end < text.count, text[end] == ";" || text[end].properties.generalCategory == .decimalNumber {
                    end += 1
                }
                if end < text.count, text[end].isASCII, text[end].properties.isAlphabetic {
                    index = end + 1
                    continue
                }
            }
            result.append(text[index])
            index += 1
        }
        return result
    }

    private static func isUnwantedControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x206A...0x206F, 0xFEFF, 0xFFF9...0xFFFC: true
        default: false
        }
    }
}
