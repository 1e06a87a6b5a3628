import Foundation

/// Cleans text into a reusable UTF-8 buffer: the one normal form that training and encoding share.
///
/// In order, for every scalar: line and other white space (and U+200B) becomes a single space, none at the ends;
/// control and format characters, byte order marks, bidirectional controls and variation selectors go
/// (U+200C and U+200D stay: Persian, Indic scripts and emoji need them); full-width and half-width forms, Latin ligatures
/// and curly quotes become their plain forms; letters become lower case (each scalar by itself, as the `tokenizers`
/// package does, so without the final-sigma rule); then canonical composition (NFC).
/// More than 30 combining marks in a row are dropped (the bound of Unicode's stream-safe form), so that the work stays
/// linear in the length of the text whatever it holds.
struct TextCleaner {
    /// The cleaned text after ``clean(_:)``: valid UTF-8.
    private(set) var bytes: [UInt8] = []
    private var isSpacePending = false
    private var lastScalarStart = 0
    /// Where the scalars begin that still need composition, or nil.
    private var openStart: Int?
    private var markRun = 0

    /// The longest run of combining marks that is kept: Unicode Standard Annex 15, stream-safe text format.
    static let maximumMarkRun = 30

    /// Replaces `bytes` by the cleaned form of `text`. Linear in its length.
    mutating func clean(_ text: String) {
        bytes.removeAll(keepingCapacity: true)
        isSpacePending = false
        lastScalarStart = 0
        openStart = nil
        markRun = 0
        let source = text.utf8Span.span
        bytes.reserveCapacity(source.count)
        var index = 0
        while index < source.count {
            let byte = source[index]
            if byte < 0x80 {
                appendASCII(byte)
                index += 1
            } else {
                let (scalar, length) = decodeScalar(source, at: index)
                appendFolded(scalar)
                index += length
            }
        }
        compose()
    }

    @inline(__always)
    private mutating func appendASCII(_ byte: UInt8) {
        if byte > 0x20 && byte != 0x7F {
            let isUpper = byte >= 0x41 && byte <= 0x5A
            beginScalar(isStable: true)
            bytes.append(isUpper ? byte | 0x20 : byte)
        } else if byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) || (byte >= 0x1C && byte <= 0x1F) {
            isSpacePending = true
        }
    }

    private mutating func appendFolded(_ scalar: Unicode.Scalar) {
        let value = scalar.value
        if (value >= 0x4E00 && value <= 0x9FFF) || (value >= 0xAC00 && value <= 0xD7A3) {
            append(scalar)
            return
        }
        switch value {
        case 0x2018...0x201B, 0x02BC:
            appendASCII(0x27)
        case 0x201C...0x201F:
            appendASCII(0x22)
        case 0xFF01...0xFF5E:
            appendASCII(UInt8(truncatingIfNeeded: value - 0xFEE0))
        case 0xFB00...0xFB06, 0xFF5F...0xFFEF:
            for folded in String(scalar).precomposedStringWithCompatibilityMapping.unicodeScalars {
                appendLowercased(folded)
            }
        case 0xFE00...0xFE0F, 0xE0100...0xE01EF, 0x180B...0x180D, 0x180F:
            break  // Variation selectors choose a look, not a meaning.
        case 0x200C, 0x200D:
            append(scalar)
        case 0x200B:
            isSpacePending = true
        default:
            let properties = scalar.properties
            if properties.isWhitespace {
                isSpacePending = true
                return
            }
            switch properties.generalCategory {
            case .control, .format:
                break
            default:
                appendLowercased(scalar)
            }
        }
    }

    private mutating func appendLowercased(_ scalar: Unicode.Scalar) {
        if scalar.value < 0x80 {
            appendASCII(UInt8(truncatingIfNeeded: scalar.value))
        } else if scalar.properties.changesWhenLowercased {
            for lower in scalar.properties.lowercaseMapping.unicodeScalars { append(lower) }
        } else {
            append(scalar)
        }
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        let value = scalar.value
        let isStable = Self.isStable(value)
        if !isStable && scalar.properties.canonicalCombiningClass != .notReordered {
            markRun += 1
            if markRun > Self.maximumMarkRun { return }
        } else {
            markRun = 0
        }
        if let start = openStart, bytes.count - start > Self.longOpenByteCount, Self.neverCombinesBackwards(scalar) {
            compose()
            lastScalarStart = bytes.count
        }
        beginScalar(isStable: isStable)
        if value < 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value))
        } else if value < 0x800 {
            bytes.append(UInt8(truncatingIfNeeded: 0xC0 | value >> 6))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
        } else if value < 0x10000 {
            bytes.append(UInt8(truncatingIfNeeded: 0xE0 | value >> 12))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | value >> 6 & 0x3F))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
        } else {
            bytes.append(UInt8(truncatingIfNeeded: 0xF0 | value >> 18))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | value >> 12 & 0x3F))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | value >> 6 & 0x3F))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
        }
    }

    /// Writes a pending space, opens or closes the part that needs composition, and notes where the scalar starts.
    @inline(__always)
    private mutating func beginScalar(isStable: Bool) {
        if isSpacePending {
            compose()
            if !bytes.isEmpty { bytes.append(0x20) }
            isSpacePending = false
            lastScalarStart = bytes.count
        }
        if isStable {
            if openStart != nil { compose() }
            markRun = 0
        } else if openStart == nil {
            // The scalar before may be the base that this one combines with.
            openStart = lastScalarStart
        }
        lastScalarStart = bytes.count
    }

    /// An open part this long is composed at the next scalar that allows it: composition of one very long string takes
    /// quadratic time in some libraries.
    private static let longOpenByteCount = 256

    private static func neverCombinesBackwards(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value >= 0x1160 && scalar.value <= 0x11FF { return false }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: return false
        default: return true
        }
    }

    private mutating func compose() {
        guard let start = openStart else { return }
        openStart = nil
        guard start < bytes.count else { return }
        let composed = String(decoding: bytes[start...], as: UTF8.self).precomposedStringWithCanonicalMapping
        bytes.replaceSubrange(start..., with: composed.utf8)
    }

    /// Whether the scalar is its own NFC form, starts a new combining sequence, and never combines with what precedes it.
    /// True only for the blocks listed here, which is most captions; false only costs time.
    @inline(__always)
    private static func isStable(_ value: UInt32) -> Bool {
        switch value {
        case 0x00...0x2FF, 0x388...0x482, 0x48A...0x52F, 0x2010...0x2027, 0x2030...0x205E, 0x20A0...0x20CF,
            0x3001...0x3029, 0x3041...0x3096, 0x309D...0x30FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xAC00...0xD7A3,
            0x1F300...0x1FAFF:
            true
        default:
            false
        }
    }
}

/// The scalar that starts at `index` of valid UTF-8, and its length in bytes.
@inline(__always)
func decodeScalar(_ text: Span<UInt8>, at index: Int) -> (scalar: Unicode.Scalar, length: Int) {
    let first = UInt32(text[index])
    let value: UInt32
    let length: Int
    if first < 0x80 {
        (value, length) = (first, 1)
    } else if first < 0xE0 {
        (value, length) = ((first & 0x1F) << 6 | UInt32(text[index + 1] & 0x3F), 2)
    } else if first < 0xF0 {
        let tail = UInt32(text[index + 1] & 0x3F) << 6 | UInt32(text[index + 2] & 0x3F)
        (value, length) = ((first & 0x0F) << 12 | tail, 3)
    } else {
        let tail = UInt32(text[index + 2] & 0x3F) << 6 | UInt32(text[index + 3] & 0x3F)
        (value, length) = ((first & 0x07) << 18 | UInt32(text[index + 1] & 0x3F) << 12 | tail, 4)
    }
    return (Unicode.Scalar(value) ?? "\u{FFFD}", length)
}
