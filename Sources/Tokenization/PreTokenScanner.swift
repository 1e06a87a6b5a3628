/// Cuts cleaned text into pre-tokens, the units that merges never cross.
///
/// CLIP's rule with the faults that show in captions mended. The alternatives, in order:
/// 1. a contraction `'s 't 're 've 'm 'll 'd` directly between a letter and something that is not a letter;
/// 2. one Han character;
/// 3. a run of letters of one kind: hiragana, katakana, hangul, or all other scripts together, with their combining marks;
/// 4. one number character;
/// 5. a run of anything else that is not white space (punctuation, symbols, emoji).
///
/// Runs end after 64 scalars, so that no pre-token is longer than 256 bytes.
/// Han characters stand alone, rather than in groups of up to four, because a group's cuts depend on where a clause starts:
/// 橙色的猫 must give the same tokens in every sentence.
struct PreTokenScanner {
    /// The longest run, in scalars.
    static let maximumScalarCount = 64

    private var position = 0
    private var followsLetter = false

    init() {}

    /// The byte range of the next pre-token of `text`, or nil at its end. `text` must be the same at every call.
    mutating func next(in text: Span<UInt8>) -> Range<Int>? {
        while position < text.count && text[position] == 0x20 {
            position += 1
            followsLetter = false
        }
        guard position < text.count else { return nil }
        let start = position
        if followsLetter && text[start] == 0x27, let end = Self.contractionEnd(text, from: start) {
            position = end
            followsLetter = true
            return start..<end
        }
        let (firstClass, firstLength) = Self.classAndLength(text, at: start)
        var end = start + firstLength
        var scalarCount = 1
        var runClass = firstClass
        switch firstClass {
        case .han, .number, .space:
            break  // Cleaned text has no white space but U+0020, which was skipped above.
        case .letter, .hiragana, .katakana, .hangul, .kanaExtender:
            if runClass == .kanaExtender { runClass = .katakana }
            while end < text.count && scalarCount < Self.maximumScalarCount {
                let (nextClass, length) = Self.classAndLength(text, at: end)
                let continues =
                    nextClass == runClass || nextClass == .mark
                    || (nextClass == .kanaExtender && (runClass == .hiragana || runClass == .katakana))
                if !continues { break }
                end += length
                scalarCount += 1
            }
        case .mark, .other:
            while end < text.count && scalarCount < Self.maximumScalarCount {
                let (nextClass, length) = Self.classAndLength(text, at: end)
                if nextClass != .mark && nextClass != .other { break }
                end += length
                scalarCount += 1
            }
        }
        position = end
        followsLetter = runClass == .letter
        return start..<end
    }

    @inline(__always)
    private static func classAndLength(_ text: Span<UInt8>, at index: Int) -> (ScalarClass, Int) {
        let byte = text[index]
        if byte < 0x80 { return (ScalarClass(ascii: byte), 1) }
        let (scalar, length) = decodeScalar(text, at: index)
        return (ScalarClass(scalar), length)
    }

    /// The end of a contraction that starts with the apostrophe at `start`, if there is one and no letter follows it.
    private static func contractionEnd(_ text: Span<UInt8>, from start: Int) -> Int? {
        guard start + 1 < text.count else { return nil }
        let second = start + 2 < text.count ? text[start + 2] : 0
        let end: Int
        switch (text[start + 1], second) {
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            end = start + 3
        case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _):
            end = start + 2
        default:
            return nil
        }
        guard end < text.count else { return end }
        switch classAndLength(text, at: end).0 {
        case .letter, .mark: return nil
        default: return end
        }
    }
}
