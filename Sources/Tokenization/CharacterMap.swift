/// The `precompiled_charsmap` of a sentencepiece model: strings and what replaces them, as a double-array trie.
///
/// Format: the byte count of the trie (little-endian 32 bits), the trie's units (Darts-clone's, 32 bits each), then the
/// replacements, each ended by a zero byte; a leaf of the trie is the offset of its replacement. Every step of a search is
/// checked against the trie's size and consumes a byte of the text, so that a damaged or cyclic trie cannot loop or read
/// outside.
struct CharacterMap: Sendable {
    /// Why the bytes are not such a map: one sentence.
    struct Refusal: Error, CustomStringConvertible {
        var description: String
    }

    private let units: [UInt32]
    private let replacements: [UInt8]
    /// Whether no printable ASCII character is replaced.
    private(set) var keepsPrintableASCII: Bool

    /// Reads a map.
    init(_ bytes: ArraySlice<UInt8>) throws(Refusal) {
        func word(_ index: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[bytes.startIndex + index + $1]) << UInt32(8 * $1) }
        }
        keepsPrintableASCII = true
        guard bytes.count > 4 else { throw Refusal(description: "the character map is cut short") }
        let trieByteCount = Int(word(0))
        guard trieByteCount % 4 == 0, trieByteCount >= 4, trieByteCount < bytes.count - 4 else {
            throw Refusal(description: "the trie of the character map is larger than the map")
        }
        units = (0..<(trieByteCount / 4)).map { word(4 + 4 * $0) }
        replacements = Array(bytes[(bytes.startIndex + 4 + trieByteCount)...])
        guard replacements.last == 0 else { throw Refusal(description: "the last replacement does not end") }
        do {
            _ = try UTF8Span(validating: replacements.span)
        } catch {
            throw Refusal(description: "the replacements are not UTF-8")
        }
        // A leaf is a unit with the highest bit; its value is an offset.
        for unit in units where unit >> 31 == 1 && Int(unit & 0x7FFF_FFFF) >= replacements.count {
            throw Refusal(description: "a replacement is outside the map")
        }
        for byte in UInt8(0x20)..<0x7F where match(in: [byte].span, 0..<1, takesShortest: true) != nil {
            keepsPrintableASCII = false
        }
    }

    /// A string at the beginning of a text that has a replacement.
    struct Match: Equatable {
        var byteCount: Int
        var replacement: Range<Int>
    }

    /// The match at `text[start]`: the longest that ends before `end`, or the shortest.
    @inline(__always)
    func match(in text: Span<UInt8>, _ range: Range<Int>, takesShortest: Bool) -> Match? {
        var node = 0
        var unit = units[0]
        node ^= Self.offset(unit)
        var found: Match?
        for index in range {
            let label = text[index]
            // Zero bytes end the trie's strings.
            guard label != 0 else { break }
            node ^= Int(label)
            guard node < units.count else { break }
            unit = units[node]
            guard unit & (1 << 31 | 0xFF) == UInt32(label) else { break }
            node ^= Self.offset(unit)
            guard node < units.count else { break }
            if unit >> 8 & 1 == 1 {
                let start = Int(units[node] & 0x7FFF_FFFF)
                // A unit that is reached as a leaf but is none can hold anything; and whole characters replace whole ones.
                guard start < replacements.count, replacements[start] & 0xC0 != 0x80,
                    index + 1 == text.count || text[index + 1] & 0xC0 != 0x80
                else { break }
                var end = start
                while replacements[end] != 0 { end += 1 }
                found = Match(byteCount: index + 1 - range.lowerBound, replacement: start..<end)
                if takesShortest { break }
            }
        }
        return found
    }

    private static func offset(_ unit: UInt32) -> Int {
        Int((unit >> 10) << ((unit & 1 << 9) >> 6))
    }

    /// The bytes of a replacement.
    func bytes(_ replacement: Range<Int>) -> ArraySlice<UInt8> { replacements[replacement] }
}
