/// What went wrong with one picture: a code to branch on, and a text for people that says what to do next.
public struct ImagingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure. More may be added; switch with a default.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// A stable word, as stored with quarantined samples.
        public let description: String

        private init(_ description: String) { self.description = description }

        /// The bytes begin like none of the formats that are read.
        public static let unrecognizedFormat = Code("unrecognized-format")
        /// The file ends before the picture does.
        public static let truncated = Code("truncated")
        /// The file contradicts its format.
        public static let malformed = Code("malformed")
        /// A variant of the format that is not read.
        public static let unsupported = Code("unsupported")
        /// A format whose library is opened at run time and is not installed.
        public static let codecMissing = Code("codec-missing")
        /// More pixels, scans or bytes than `ImageLimits` allows.
        public static let overLimit = Code("over-limit")
        /// A codec could not get the memory it asked for.
        public static let outOfMemory = Code("out-of-memory")
        /// A picture that cannot be written in the wanted format.
        public static let notEncodable = Code("not-encodable")
    }

    /// The kind of failure.
    public let code: Code
    /// What happened and what to do about it.
    public let message: String
    /// Offset in the picture's bytes at which it was noticed, where that is known.
    public let byteOffset: Int?
    /// The message of the codec library, where there is one. It may quote the file and is for people only.
    public let cause: String?

    /// An error with its place and cause.
    public init(_ code: Code, _ message: String, byteOffset: Int? = nil, cause: String? = nil) {
        self.code = code
        self.message = message
        self.byteOffset = byteOffset
        self.cause = cause
    }

    /// One line with everything.
    public var description: String {
        var text = message
        if let byteOffset { text += " (at byte \(byteOffset))" }
        if let cause { text += " [\(cause)]" }
        return text
    }
}
