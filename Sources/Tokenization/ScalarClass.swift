/// What the pre-token rule needs to know about a Unicode scalar.
enum ScalarClass: UInt8 {
    case space
    /// A letter of any script that is not one of the four below.
    case letter
    /// Script Han, of any category (so 々, 〇 and the radicals count).
    case han
    case hiragana
    case katakana
    /// U+30FC, the long-vowel mark: continues either kana, and begins a katakana run.
    case kanaExtender
    case hangul
    /// A combining mark, or a zero-width joiner or non-joiner: continues a run of letters.
    case mark
    case number
    case other

    /// The class of a scalar of cleaned text.
    init(_ scalar: Unicode.Scalar) {
        let value = scalar.value
        if value < 0x80 {
            self = ScalarClass(ascii: UInt8(truncatingIfNeeded: value))
        } else if value >= 0x4E00 && value <= 0x9FFF {
            self = .han
        } else if value >= 0xAC00 && value <= 0xD7A3 {
            self = .hangul
        } else {
            self = ScalarClass(rare: scalar)
        }
    }

    /// The class of an ASCII byte.
    @inline(__always)
    init(ascii byte: UInt8) {
        switch byte {
        case 0x61...0x7A, 0x41...0x5A: self = .letter
        case 0x20, 0x09...0x0D: self = .space
        case 0x30...0x39: self = .number
        default: self = .other
        }
    }

    private init(rare scalar: Unicode.Scalar) {
        let value = scalar.value
        if value == 0x200C || value == 0x200D {
            self = .mark
            return
        }
        if value == 0x30FC {
            self = .kanaExtender
            return
        }
        if Self.isHan(value) {
            self = .han
            return
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            self = Self.letterClass(value)
        case .nonspacingMark, .spacingMark, .enclosingMark:
            self = .mark
        case .decimalNumber, .letterNumber, .otherNumber:
            self = .number
        default:
            self = scalar.properties.isWhitespace ? .space : .other
        }
    }

    private static func letterClass(_ value: UInt32) -> ScalarClass {
        switch value {
        case 0x3041...0x3096, 0x309D...0x309F, 0x1B001...0x1B11F, 0x1B132, 0x1B150...0x1B152:
            .hiragana
        case 0x30A1...0x30FA, 0x30FD...0x30FF, 0x31F0...0x31FF, 0xFF66...0xFF6F, 0xFF71...0xFF9D,
            0x1AFF0...0x1AFFE, 0x1B000, 0x1B120...0x1B122, 0x1B155, 0x1B164...0x1B167:
            .katakana
        case 0x1100...0x11FF, 0x3131...0x318E, 0xA960...0xA97C, 0xAC00...0xD7A3, 0xD7B0...0xD7C6, 0xD7CB...0xD7FB,
            0xFFA0...0xFFDC:
            .hangul
        default:
            .letter
        }
    }

    /// Whether the scalar's script is Han (Unicode 16 Scripts.txt; the standard library has no script property).
    static func isHan(_ value: UInt32) -> Bool {
        switch value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x3005, 0x3007, 0x3021...0x3029, 0x3038...0x303B,
            0x2E80...0x2E99, 0x2E9B...0x2EF3, 0x2F00...0x2FD5, 0xF900...0xFA6D, 0xFA70...0xFAD9,
            0x16FE2...0x16FE3, 0x16FF0...0x16FF1, 0x20000...0x2A6DF, 0x2A700...0x2B739, 0x2B740...0x2B81D,
            0x2B820...0x2CEA1, 0x2CEB0...0x2EBE0, 0x2EBF0...0x2EE5D, 0x2F800...0x2FA1D, 0x30000...0x3134A,
            0x31350...0x323AF:
            true
        default:
            false
        }
    }
}
