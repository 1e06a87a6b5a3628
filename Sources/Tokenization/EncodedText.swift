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
}
