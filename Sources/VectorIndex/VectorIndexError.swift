import ByteFormats

/// What went wrong with embeddings or an index, and what to do about it.
public struct VectorIndexError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure, for callers that branch on it. More may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// Stable name of the code.
        public let description: String

        private init(_ description: String) { self.description = description }

        /// There is no such file or index.
        public static let notFound = Code("notFound")
        /// The operating system refused a read or write.
        public static let inputOutput = Code("inputOutput")
        /// Another process is writing; try again later (exit status 75).
        public static let busy = Code("busy")
        /// Bytes on disk are damaged or incomplete.
        public static let damaged = Code("damaged")
        /// The file was made by another version of this program.
        public static let unsupportedVersion = Code("unsupportedVersion")
        /// Vectors of different spaces or dimensions were brought together.
        public static let spaceMismatch = Code("spaceMismatch")
        /// A vector is not finite, not of unit length or of the wrong dimension.
        public static let invalidVector = Code("invalidVector")
        /// Rows are out of order, there twice, or outside their chunk.
        public static let invalidRows = Code("invalidRows")
        /// Two different vectors have the same 64-bit id.
        public static let idCollision = Code("idCollision")
    }

    /// The kind of failure.
    public let code: Code
    /// What is wrong and what to do next; without the place.
    public let message: String
    /// The file, if one is known.
    public let path: String?
    /// Offset in the file at which the problem was noticed, if it has one.
    public let byteOffset: UInt64?
    /// The error this one was made from.
    public let cause: (any Error)?

    /// An error with its place.
    public init(
        _ code: Code, _ message: String, path: String? = nil, byteOffset: UInt64? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.path = path
        self.byteOffset = byteOffset
        self.cause = cause
    }

    /// An error of the files below, in this module's codes.
    init(_ error: ByteFormatError, inFile path: String? = nil) {
        let code: Code =
            switch error.code {
            case .notFound: .notFound
            case .busy: .busy
            case .inputOutput: .inputOutput
            default: .damaged
            }
        self.init(
            code, error.message, path: error.path ?? path, byteOffset: error.byteOffset, cause: error)
    }

    /// The place, then the message.
    public var description: String {
        var place = path ?? ""
        if let byteOffset { place += place.isEmpty ? "byte \(byteOffset)" : " at byte \(byteOffset)" }
        return place.isEmpty ? message : "\(place): \(message)"
    }
}

/// Runs `body` and turns errors of the files below into this module's, keeping all others.
func translatingErrors<Result: ~Copyable>(inFile path: String, _ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch let error as ByteFormatError {
        throw VectorIndexError(error, inFile: path)
    }
}

/// The same for a body that waits.
nonisolated(nonsending) func translatingErrors<Result>(
    inFile path: String, _ body: () async throws -> Result
) async throws -> Result {
    do {
        return try await body()
    } catch let error as ByteFormatError {
        throw VectorIndexError(error, inFile: path)
    }
}
