/// The steps of a `tokenizer.json` before its model: what happens to the text, and where it is cut.
struct PiecePipeline: Sendable {
    /// A change to the whole text, as the `tokenizers` package does it.
    enum Change: Sendable {
        /// sentencepiece's character map, applied to each grapheme of less than six bytes, else to each character; only the
        /// shortest match counts, and takes the place of the whole.
        case characterMap(CharacterMap)
        case lowercase
        case composed
        case replaced([UInt8], with: [UInt8])
        /// Runs of at least so many characters of a class become one string.
        case replacedRuns(CharacterClass, minimumCount: Int, with: [UInt8])
        case stripped(atStart: Bool, atEnd: Bool)
        case prefixed([UInt8])
    }

    /// Where the text is cut.
    enum Cut: Sendable {
        case atWhiteSpace
        /// A space becomes U+2581, and cuts before it.
        case metaspace(prefix: Prefix, cuts: Bool)
        /// Behind each space.
        case behindSpaces

        /// Which words get a U+2581 in front when they have none.
        enum Prefix: Sendable { case always, first, never }
    }

    var changes: [Change]
    var cuts: [Cut]

    /// Makes a pipeline of these steps.
    init(changes: [Change], cuts: [Cut]) {
        self.changes = changes
        self.cuts = cuts
    }

    /// The normalised text.
    func normalized(_ text: [UInt8]) -> [UInt8] {
        changes.reduce(text) { $1.applied(to: $0) }
    }

    /// The words of normalised text. `isFirst` says whether it stands at the beginning of what was given.
    func words(_ text: [UInt8], isFirst: Bool) -> [[UInt8]] {
        var words = text.isEmpty ? [] : [text]
        for (index, cut) in cuts.enumerated() {
            words = words.enumerated().flatMap { number, word in
                cut.words(word, isFirst: isFirst && index == 0 && number == 0)
            }
        }
        return words.filter { !$0.isEmpty }
    }
}

extension PiecePipeline.Cut {
    fileprivate func words(_ word: [UInt8], isFirst: Bool) -> [[UInt8]] {
        switch self {
        case .atWhiteSpace:
            var words: [[UInt8]] = []
            var start = 0
            var index = 0
            while index < word.count {
                let (scalar, length) = decodeScalar(word.span, at: index)
                if scalar.properties.isWhitespace {
                    if start < index { words.append(Array(word[start..<index])) }
                    start = index + length
                }
                index += length
            }
            if start < word.count { words.append(Array(word[start...])) }
            return words
        case .metaspace(let prefix, let cuts):
            let symbol = SentencePieceNormalizer.spaceSymbol
            var text: [UInt8] = []
            text.reserveCapacity(word.count + 8)
            for byte in word {
                if byte == 0x20 { text += symbol } else { text.append(byte) }
            }
            let isWanted = prefix == .always || prefix == .first && isFirst
            if isWanted && !text.starts(with: symbol) { text = symbol + text }
            guard cuts else { return [text] }
            var words: [[UInt8]] = []
            var start = 0
            for index in text.indices where index > start && text[index...].starts(with: symbol) {
                words.append(Array(text[start..<index]))
                start = index
            }
            words.append(Array(text[start...]))
            return words
        case .behindSpaces:
            var words: [[UInt8]] = []
            var start = 0
            for index in word.indices where word[index] == 0x20 {
                words.append(Array(word[start...index]))
                start = index + 1
            }
            if start < word.count { words.append(Array(word[start...])) }
            return words
        }
    }
}

extension PiecePipeline.Change {
    fileprivate func applied(to text: [UInt8]) -> [UInt8] {
        switch self {
        case .characterMap(let map): return Self.mapped(text, map)
        case .lowercase: return LetterCase.loweredEachCharacter(text.span)
        case .composed:
            var view = String.UnicodeScalarView()
            view.append(
                contentsOf: CanonicalComposition.composed(Array(String(decoding: text, as: UTF8.self).unicodeScalars)))
            return Array(String(view).utf8)
        case .replaced(let old, let new):
            let splitter = StringSplitter([StringSplitter.Entry(bytes: old, id: 0)])
            return splitter.pieces(of: text).flatMap { piece in
                switch piece {
                case .text(let part): part
                case .id: new
                }
            }
        case .replacedRuns(let characters, let minimumCount, let new):
            return Self.replacingRuns(text, of: characters, minimumCount: minimumCount, with: new)
        case .stripped(let atStart, let atEnd):
            var range = 0..<text.count
            while atStart, !range.isEmpty {
                let (scalar, length) = decodeScalar(text.span, at: range.lowerBound)
                guard scalar.properties.isWhitespace else { break }
                range = (range.lowerBound + length)..<range.upperBound
            }
            while atEnd, !range.isEmpty {
                var first = range.upperBound - 1
                while first > range.lowerBound && text[first] & 0xC0 == 0x80 { first -= 1 }
                guard decodeScalar(text.span, at: first).scalar.properties.isWhitespace else { break }
                range = range.lowerBound..<first
            }
            return Array(text[range])
        case .prefixed(let prefix):
            return text.isEmpty ? text : prefix + text
        }
    }

    private static func replacingRuns(
        _ text: [UInt8], of characters: CharacterClass, minimumCount: Int, with new: [UInt8]
    ) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            var end = index
            var count = 0
            while end < text.count {
                let (scalar, length) = decodeScalar(text.span, at: end)
                guard characters.contains(scalar) else { break }
                end += length
                count += 1
            }
            if count > 0 {
                if count >= minimumCount { result += new } else { result += text[index..<end] }
                index = end
            } else {
                let length = characterByteCount(text[index])
                result += text[index..<(index + length)]
                index += length
            }
        }
        return result
    }

    /// Graphemes of this many bytes or more are mapped character by character.
    private static let longGraphemeByteCount = 6

    private static func mapped(_ text: [UInt8], _ map: CharacterMap) -> [UInt8] {
        if text.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) && map.keepsPrintableASCII { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        let span = text.span
        func append(_ range: Range<Int>) -> Bool {
            guard let match = map.match(in: span, range, takesShortest: true) else { return false }
            result += map.bytes(match.replacement)
            return true
        }
        var start = 0
        for grapheme in String(decoding: text, as: UTF8.self) {
            let end = start + grapheme.utf8.count
            if end - start >= longGraphemeByteCount || !append(start..<end) {
                var index = start
                while index < end {
                    let next = index + characterByteCount(text[index])
                    if !append(index..<next) { result += text[index..<next] }
                    index = next
                }
            }
            start = end
        }
        return result
    }
}

/// A set of characters as the few patterns of tokenizer files name it.
struct CharacterClass: Sendable, Equatable {
    /// All white space of Unicode.
    static let whiteSpace = CharacterClass(ascii: [], isWhiteSpace: true)

    /// ASCII characters.
    var ascii: Set<UInt8>
    var isWhiteSpace = false

    /// Whether the character is one of them.
    func contains(_ scalar: Unicode.Scalar) -> Bool {
        isWhiteSpace ? scalar.properties.isWhitespace : scalar.isASCII && ascii.contains(UInt8(scalar.value))
    }

    /// Reads a bracket expression of single ASCII characters and ranges of them, such as `[!-/]`; nil for anything else.
    init?(pattern: String) {
        var bytes = Array(pattern.utf8)
        guard bytes.count > 2, bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]"),
            bytes.allSatisfy({ $0 < 0x80 }), bytes[1] != UInt8(ascii: "^")
        else { return nil }
        bytes = Array(bytes.dropFirst().dropLast())
        var members: [(byte: UInt8, isEscaped: Bool)] = []
        var index = 0
        while index < bytes.count {
            let isEscaped = bytes[index] == UInt8(ascii: "\\")
            if isEscaped { index += 1 }
            guard index < bytes.count else { return nil }
            let byte = bytes[index]
            let isAlphanumeric = Unicode.Scalar(byte).properties.isAlphabetic || (0x30...0x39).contains(byte)
            // An escaped letter names a class; an open bracket or a doubled ampersand begins an operation on classes.
            if isEscaped && isAlphanumeric { return nil }
            if !isEscaped, byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]") { return nil }
            if !isEscaped, byte == UInt8(ascii: "&"), members.last?.byte == byte { return nil }
            members.append((byte, isEscaped))
            index += 1
        }
        ascii = []
        index = 0
        while index < members.count {
            let hyphen = index + 1 < members.count ? members[index + 1] : nil
            if let hyphen, hyphen.byte == UInt8(ascii: "-"), !hyphen.isEscaped, index + 2 < members.count {
                guard members[index].byte <= members[index + 2].byte else { return nil }
                ascii.formUnion(members[index].byte...members[index + 2].byte)
                index += 3
            } else {
                ascii.insert(members[index].byte)
                index += 1
            }
        }
    }

    private init(ascii: Set<UInt8>, isWhiteSpace: Bool) {
        self.ascii = ascii
        self.isWhiteSpace = isWhiteSpace
    }

    /// Only the space.
    static let space = CharacterClass(ascii: [0x20], isWhiteSpace: false)
}
