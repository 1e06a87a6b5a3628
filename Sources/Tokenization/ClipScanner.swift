/// Cuts cleaned text into pre-tokens by the pattern of CLIP's tokenizers.
///
/// The alternatives, in order: a special string, when there are any; a contraction `'s 't 're 've 'm 'll 'd` that begins at
/// an apostrophe where a pre-token begins; a run of letters (`\p{L}`); one number character (`\p{N}`); a run of anything else
/// that is not white space. Runs have no longest length.
struct ClipScanner {
    /// Strings that are pre-tokens of their own, in UTF-8 and lower case.
    let specials: [[UInt8]]
    let ignoresCase: Bool
    private var position = 0

    init(specials: [[UInt8]], ignoresCase: Bool) {
        self.specials = specials
        self.ignoresCase = ignoresCase
    }

    /// A pre-token: where it stands, and which special string it is, if it is one.
    struct PreToken {
        var range: Range<Int>
        var special: Int?
    }

    private enum Kind { case letter, number, other, space }

    /// The next pre-token of `text`, or nil at its end. `text` must be the same at every call.
    mutating func next(in text: Span<UInt8>) -> PreToken? {
        while position < text.count {
            let start = position
            for (index, special) in specials.enumerated() {
                if let end = Self.end(of: special, in: text, from: start, ignoresCase: ignoresCase) {
                    position = end
                    // Written with ſ it matches, but names no token.
                    let isExact = end - start == special.count
                    return PreToken(range: start..<end, special: isExact ? index : nil)
                }
            }
            if text[start] == 0x27, let end = contractionEnd(text, from: start) {
                position = end
                return PreToken(range: start..<end, special: nil)
            }
            let (kind, length) = kindAndLength(text, at: start)
            var end = start + length
            switch kind {
            case .space:
                position = end
                continue
            case .number:
                break
            case .letter, .other:
                while end < text.count {
                    let (nextKind, nextLength) = kindAndLength(text, at: end)
                    if nextKind != kind { break }
                    end += nextLength
                }
            }
            position = end
            return PreToken(range: start..<end, special: nil)
        }
        return nil
    }

    @inline(__always)
    private func kindAndLength(_ text: Span<UInt8>, at index: Int) -> (Kind, Int) {
        let byte = text[index]
        if byte < 0x80 {
            switch byte {
            case 0x61...0x7A, 0x41...0x5A: return (.letter, 1)
            case 0x20, 0x09...0x0D: return (.space, 1)
            case 0x30...0x39: return (.number, 1)
            default: return (.other, 1)
            }
        }
        let (scalar, length) = decodeScalar(text, at: index)
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            return (.letter, length)
        case .decimalNumber, .letterNumber, .otherNumber: return (.number, length)
        case .nonspacingMark: return (ignoresCase && scalar.value == 0x345 ? .space : .other, length)
        default: return (scalar.properties.isWhitespace ? .space : .other, length)
        }
    }

    /// The end of a contraction that starts with the apostrophe at `start`, if there is one.
    private func contractionEnd(_ text: Span<UInt8>, from start: Int) -> Int? {
        for ending in Self.contractions {
            if let end = Self.end(of: ending, in: text, from: start + 1, ignoresCase: ignoresCase) { return end }
        }
        return nil
    }

    private static let contractions = ["s", "t", "re", "ve", "m", "ll", "d"].map { Array($0.utf8) }

    /// Where `word` ends in `text` if it stands at `start`; `ſ` (two bytes) counts as `s` when case does not matter.
    private static func end(of word: [UInt8], in text: Span<UInt8>, from start: Int, ignoresCase: Bool) -> Int? {
        var index = start
        for byte in word {
            guard index < text.count else { return nil }
            if text[index] == byte {
                index += 1
            } else if ignoresCase, byte == UInt8(ascii: "s"), text[index] == 0xC5, index + 1 < text.count,
                text[index + 1] == 0xBF
            {
                index += 2
            } else {
                return nil
            }
        }
        return index
    }
}
