/// Why a vocabulary could not be trained, read or written.
public struct TokenizationError: Error, Sendable, CustomStringConvertible {
    /// What went wrong; codes are only ever added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The stable name of the code.
        public let description: String

        /// A training setting is out of range.
        public static let invalidSettings = Code(description: "invalidSettings")
        /// A tokenizer file could not be read or written.
        public static let unreadableFile = Code(description: "unreadableFile")
        /// A tokenizer file was read, but its content is not a valid tokenizer.
        public static let invalidFile = Code(description: "invalidFile")
        /// A tokenizer file was made by a newer (or retired) version of this program.
        public static let unsupportedVersion = Code(description: "unsupportedVersion")
        /// A folder lacks the files of a tokenizer.
        public static let missingFiles = Code(description: "missingFiles")
        /// A foreign tokenizer file is valid, but of a kind or with a setting that this program does not have.
        public static let unsupportedTokenizer = Code(description: "unsupportedTokenizer")
    }

    /// The kind of failure.
    public let code: Code
    /// What happened and what to do next.
    public let message: String
    /// The file path or setting path, where there is one.
    public let place: String?
    /// The error underneath, where there is one.
    public let cause: (any Error)?

    /// Makes an error.
    public init(_ code: Code, _ message: String, place: String? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.place = place
        self.cause = cause
    }

    /// One line for people: place, message, cause.
    public var description: String {
        var text = place.map { "\($0): " } ?? ""
        text += message
        if let cause { text += " (\(cause))" }
        return text
    }
}
