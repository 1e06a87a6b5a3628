/// What happens to the name of a special token, such as `<|endoftext|>`, in a text.
public enum SpecialStrings: String, Sendable, CaseIterable, Codable {
    /// It is text like any other, so that no caption or query can end itself early.
    case escaped
    /// It becomes the special token, as in the reference libraries. For comparisons with them.
    case recognised
}

/// Cuts a text at strings that stand for one id each.
struct StringSplitter: Sendable {
    /// A string that stands for an id.
    struct Entry: Sendable {
        var bytes: [UInt8]
        var id: Int32
        /// Whether white space before or behind it goes with it.
        var takesSpaceBefore = false
        var takesSpaceBehind = false
    }

    /// A part of the text.
    enum Piece {
        case text([UInt8])
        case id(Int32)
    }

    private let entries: [Entry]
    /// The entries by first byte, the longest first.
    private let candidates: [UInt8: [Int]]

    /// Makes a splitter; empty strings are ignored.
    init(_ entries: [Entry]) {
        let entries = entries.filter { !$0.bytes.isEmpty }
        self.entries = entries
        candidates = Dictionary(grouping: entries.indices) { entries[$0].bytes[0] }
            .mapValues { $0.sorted { entries[$0].bytes.count > entries[$1].bytes.count } }
    }

    /// Whether there is nothing to find.
    var isEmpty: Bool { entries.isEmpty }

    /// The text cut at the strings: leftmost first, then the longest.
    func pieces(of text: [UInt8]) -> [Piece] {
        guard !entries.isEmpty else { return text.isEmpty ? [] : [.text(text)] }
        var pieces: [Piece] = []
        var start = 0
        var index = 0
        while index < text.count {
            guard let entry = match(text, at: index) else {
                index += 1
                continue
            }
            var end = index
            if entry.takesSpaceBefore { end = Self.spaceStart(text, before: index, from: start) }
            if start < end { pieces.append(.text(Array(text[start..<end]))) }
            pieces.append(.id(entry.id))
            index += entry.bytes.count
            if entry.takesSpaceBehind { index = Self.spaceEnd(text, from: index) }
            start = index
        }
        if start < text.count { pieces.append(.text(Array(text[start...]))) }
        return pieces
    }

    /// The longest string that stands at `index`.
    @inline(__always)
    func match(_ text: [UInt8], at index: Int) -> Entry? {
        guard !entries.isEmpty else { return nil }
        return candidates[text[index]]?.first { text[index...].starts(with: entries[$0].bytes) }.map { entries[$0] }
    }

    private static func spaceStart(_ text: [UInt8], before end: Int, from start: Int) -> Int {
        var end = end
        while end > start {
            var first = end - 1
            while first > start && text[first] & 0xC0 == 0x80 { first -= 1 }
            guard LetterCase.isWhiteSpace(decodeScalar(text.span, at: first).scalar) else { break }
            end = first
        }
        return end
    }

    private static func spaceEnd(_ text: [UInt8], from start: Int) -> Int {
        var start = start
        while start < text.count {
            let (scalar, length) = decodeScalar(text.span, at: start)
            guard LetterCase.isWhiteSpace(scalar) else { break }
            start += length
        }
        return start
    }
}
