/// Lower case as the reference libraries understand it.
enum LetterCase {
    /// Which mapping is applied.
    enum Style {
        /// None.
        case unchanged
        /// The full mapping of each character by itself (Rust's `char::to_lowercase`).
        case eachCharacter
        /// The full mapping with the rule for the final sigma (Python's `str.lower`).
        case python
    }

    /// `text` in lower case, with single U+0020 for white space and none at the ends unless `collapsesSpaces` is false.
    static func lowered(_ text: [Unicode.Scalar], style: Style, collapsesSpaces: Bool = true) -> String {
        var result = String.UnicodeScalarView()
        var isSpacePending = false
        for (index, scalar) in text.enumerated() {
            if collapsesSpaces {
                if style == .eachCharacter ? scalar.properties.isWhitespace : isWhiteSpace(scalar) {
                    isSpacePending = !result.isEmpty
                    continue
                }
                if isSpacePending {
                    result.append(" ")
                    isSpacePending = false
                }
            }
            if style == .unchanged {
                result.append(scalar)
            } else if style == .python && scalar.value == 0x3A3 {
                result.append(isFinalSigma(text, at: index) ? "\u{3C2}" : "\u{3C3}")
            } else if scalar.properties.changesWhenLowercased {
                result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    /// UTF-8 text with each character lowered by itself and all else as it is.
    static func loweredEachCharacter(_ text: Span<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte < 0x80 {
                result.append(byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte)
                index += 1
                continue
            }
            let (scalar, length) = decodeScalar(text, at: index)
            if scalar.properties.changesWhenLowercased {
                result.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
            } else {
                for position in index..<(index + length) { result.append(text[position]) }
            }
            index += length
        }
        return result
    }

    /// White space in Python's sense, which is Unicode's and the four separators of ASCII.
    static func isWhiteSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || scalar.value >= 0x1C && scalar.value <= 0x1F
    }

    /// The Final_Sigma condition of the Unicode Standard, section 3.13: a cased letter before and none behind, whatever
    /// case-ignorable characters stand between.
    private static func isFinalSigma(_ text: [Unicode.Scalar], at index: Int) -> Bool {
        let before = text[..<index].last { !$0.properties.isCaseIgnorable }
        guard let before, before.properties.isCased else { return false }
        let after = text[(index + 1)...].first { !$0.properties.isCaseIgnorable }
        return !(after?.properties.isCased ?? false)
    }
}
