/// What went wrong with a file's bytes or with reaching the file, and what to do about it.
public struct ByteFormatError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure, for callers that branch on it. More may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// Stable name of the code.
        public let description: String

        private init(_ description: String) { self.description = description }

        /// The file does not exist.
        public static let notFound = Code("notFound")
        /// The operating system refused a read, write, map, flush or rename.
        public static let inputOutput = Code("inputOutput")
        /// Another process is writing the same file.
        public static let busy = Code("busy")
        /// The bytes end before the format says so.
        public static let truncated = Code("truncated")
        /// The bytes break a rule of the format.
        public static let malformed = Code("malformed")
        /// A checksum differs from the bytes it covers.
        public static let checksumMismatch = Code("checksumMismatch")
        /// The format allows it, this program does not read it.
        public static let unsupported = Code("unsupported")
        /// A number in the file is past what is accepted.
        public static let limitExceeded = Code("limitExceeded")
        /// The file holds nothing of that name.
        public static let missingEntry = Code("missingEntry")
    }

    /// The kind of failure.
    public let code: Code
    /// What is wrong and what to do next; without the place.
    public let message: String
    /// The file, if one is known.
    public let path: String?
    /// Offset in the file at which the problem was noticed, if it has one.
    public let byteOffset: UInt64?
    /// `errno` of the failed system call, if one failed.
    public let systemErrorNumber: Int32?

    /// An error with its place.
    public init(
        _ code: Code, _ message: String, path: String? = nil, byteOffset: UInt64? = nil,
        systemErrorNumber: Int32? = nil
    ) {
        self.code = code
        self.message = message
        self.path = path
        self.byteOffset = byteOffset
        self.systemErrorNumber = systemErrorNumber
    }

    /// The place, then the message.
    public var description: String {
        var place = path ?? ""
        if let byteOffset { place += place.isEmpty ? "byte \(byteOffset)" : " at byte \(byteOffset)" }
        return place.isEmpty ? message : "\(place): \(message)"
    }

    /// The same error with a path, for code that parses bytes without knowing where they are from.
    public func placed(inFile path: String) -> ByteFormatError {
        ByteFormatError(
            code, message, path: self.path ?? path, byteOffset: byteOffset, systemErrorNumber: systemErrorNumber)
    }
}
