/// The token ids of one text, framed for a text tower, with what had to be left out.
public struct EncodedText: Sendable, Equatable {
    /// Start token, body, end token; not padded; at most the context length asked for.
    public var tokens: [Int32]
    /// How many characters (Unicode scalars of the cleaned text, from the first one not wholly covered by a kept token,
    /// leading space excepted) did not fit. Zero when the whole text was encoded.
    public var droppedCharacterCount: Int

    /// Whether the end of the text did not fit.
    public var wasTruncated: Bool { droppedCharacterCount > 0 }

    /// Makes a value from its parts.
    public init(tokens: [Int32], droppedCharacterCount: Int) {
        self.tokens = tokens
        self.droppedCharacterCount = droppedCharacterCount
    }

    /// How many scalars of UTF-8 text begin at or behind `end`, the end of what was kept, leading spaces excepted; a scalar
    /// that was cut in the middle counts.
    static func characterCount(of bytes: Span<UInt8>, from end: Int) -> Int {
        var start = end
        while start > 0 && start < bytes.count && bytes[start] & 0xC0 == 0x80 { start -= 1 }
        while start < bytes.count && bytes[start] == 0x20 { start += 1 }
        var count = 0
        for index in start..<bytes.count where bytes[index] & 0xC0 != 0x80 { count += 1 }
        return count
    }
}
