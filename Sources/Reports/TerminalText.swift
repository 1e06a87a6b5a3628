/// Text on a terminal: made harmless, measured in columns, cut to fit.
public enum TerminalText {
    /// `text` on one line and without anything a terminal might obey or reorder.
    ///
    /// White space becomes single spaces, none at the ends; control characters (so also escape sequences' first byte),
    /// bidirectional and other format characters and non-characters are removed; runs of more than eight combining marks
    /// are cut. The joiners U+200C and U+200D stay. Linear in the length.
    public static func sanitized(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var isSpacePending = false
        var markRun = 0
        for scalar in text.unicodeScalars {
            if scalar.properties.isWhitespace {
                isSpacePending = true
                continue
            }
            if scalar.isUnsafeToShow { continue }
            markRun = scalar.isCombiningMark ? markRun + 1 : 0
            if markRun > 8 { continue }
            if isSpacePending && !result.isEmpty { result.append(" ") }
            isSpacePending = false
            result.append(scalar)
        }
        return String(result)
    }

    /// The columns that `text` takes: 2 for wide East Asian characters and emoji, 0 for combining marks, else 1.
    public static func width(_ text: String) -> Int {
        text.reduce(0) { $0 + width($1) }
    }

    /// The columns of one character as readers see it (a grapheme cluster).
    static func width(_ character: Character) -> Int {
        // Emoji sequences and syllables take the place of one wide character; other clusters (กำ, क्ष) one column per base.
        var sum = 0
        for scalar in character.unicodeScalars {
            let width = width(scalar)
            if width == 2 || scalar.value == 0xFE0F { return 2 }
            sum += width
        }
        return sum
    }

    private static func width(_ scalar: Unicode.Scalar) -> Int {
        let value = scalar.value
        if value < 0x300 { return value < 0x20 || (value >= 0x7F && value < 0xA0) ? 0 : 1 }
        // Hangul vowels and finals are drawn into the syllable their initial began.
        if value >= 0x1160 && value <= 0x11FF { return 0 }
        if scalar.isCombiningMark || scalar.properties.generalCategory == .format { return 0 }
        return isWide(value) || scalar.properties.isEmojiPresentation ? 2 : 1
    }

    /// East Asian Width W or F (Unicode 16 EastAsianWidth.txt, joined where the gaps are unassigned), emoji excepted.
    private static func isWide(_ value: UInt32) -> Bool {
        switch value {
        case 0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0xA4CF,
            0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF01...0xFF60,
            0xFFE0...0xFFE6, 0x16FE0...0x18CFF, 0x1AFF0...0x1B2FB, 0x1F200...0x1F265, 0x20000...0x3FFFD:
            true
        default:
            false
        }
    }

    /// The start of `text` that fits into `width` columns; something cut off is marked by an ellipsis.
    public static func truncated(_ text: String, toWidth width: Int) -> String {
        var used = 0
        var fitting = text.startIndex
        var index = text.startIndex
        while index < text.endIndex {
            used += self.width(text[index])
            if used > width {
                return width < 1 ? "" : text[..<fitting] + "…"
            }
            index = text.index(after: index)
            if used < width { fitting = index }
        }
        return text
    }

    /// `text` filled up with spaces to `width` columns.
    public static func padded(_ text: String, toWidth width: Int, alignsRight: Bool = false) -> String {
        let fill = String(repeating: " ", count: max(0, width - self.width(text)))
        return alignsRight ? fill + text : text + fill
    }
}
