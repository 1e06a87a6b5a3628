import Foundation

/// Cuts captions and queries into the words of the full-text index.
///
/// SQLite's tokenizer `unicode61` splits at everything that is no letter, digit or mark, folds case and takes off Latin
/// accents. Scripts that are written without spaces would be one word per clause, so their characters are set apart
/// first: Han, kana, Bopomofo, hangul syllables (whose words carry particles), Thai, Lao, Khmer, Myanmar and others of
/// South-East Asia; a mark stays with the character it follows. A query of several such characters becomes a phrase, so
/// that 橙色的猫 finds exactly these four in a row, anywhere. Texts are normalized by NFKC, so that full-width letters
/// and separate jamo find their usual forms.
///
/// The tokenizers of encoders keep other rules (kana runs together, for instance): they are trained on theirs, this one
/// must find substrings.
enum CaptionWords {
    /// The text with a space around each character of a script without spaces.
    static func separated(_ text: String) -> String {
        // Latin text, the common case, is as it should be.
        if text.utf8.allSatisfy({ $0 < 0xCC }) { return text }
        let normal = text.precomposedStringWithCompatibilityMapping
        var result = String.UnicodeScalarView()
        var wasApart = false
        for scalar in normal.unicodeScalars {
            let isMark = scalar.value >= 0x300 && scalar.properties.generalCategory.isMark
            let isApart = isMark ? wasApart : standsApart(scalar.value)
            if !isMark, isApart || wasApart { result.append(" ") }
            result.append(scalar)
            wasApart = isApart
        }
        return String(result)
    }

    /// The condition of a full-text search for a text in which all words must occur, in any order; words in double
    /// quotes must follow each other, and a last `*` stands for any ending. `nil` if there is no letter or digit.
    ///
    /// Nothing in the text acts as an operator of SQLite's query language.
    static func condition(for query: String) -> String? {
        var terms: [String] = []
        for (index, part) in query.split(separator: "\"", omittingEmptySubsequences: false).enumerated() {
            let isQuoted = index % 2 == 1
            for word in isQuoted ? [part] : part.split(whereSeparator: \.isWhitespace) {
                guard
                    word.unicodeScalars.contains(where: {
                        $0.properties.isAlphabetic || $0.properties.numericType != nil
                    })
                else { continue }
                let isPrefix = !isQuoted && word.hasSuffix("*")
                terms.append("\"" + separated(String(word.filter { $0 != "\0" })) + "\"" + (isPrefix ? " *" : ""))
            }
        }
        return terms.isEmpty ? nil : terms.joined(separator: " AND ")
    }

    /// Blocks of scripts without spaces between words (Unicode 16 Blocks.txt).
    private static func standsApart(_ value: UInt32) -> Bool {
        switch value {
        case ..<0x0E00: false
        case 0x0E00...0x0EFF, 0x1000...0x109F, 0x1780...0x17FF, 0x1950...0x19DF, 0x1A20...0x1AAF, 0xA980...0xA9DF,
            0xA9E0...0xA9FF, 0xAA60...0xAA7F, 0xAA80...0xAADF:
            true
        case 0x2E80...0x2FDF, 0x3005...0x3007, 0x3021...0x3029, 0x3031...0x303C, 0x3041...0x31BF, 0x31F0...0x31FF,
            0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFF66...0xFFDC:
            true
        case 0x16FE0...0x18D8F, 0x1AFF0...0x1B2FF, 0x20000...0x323AF: true
        default: false
        }
    }
}

extension Unicode.GeneralCategory {
    fileprivate var isMark: Bool { self == .nonspacingMark || self == .spacingMark || self == .enclosingMark }
}
