/// What stops a command: a code the executable turns into an exit status, and a message that says what to do next.
public struct WorkflowError: Error, Sendable, CustomStringConvertible {
    /// Kinds of failure. New ones may be added.
    public struct Code: Sendable, Hashable {
        /// Exit status after sysexits(3).
        public let exitStatus: Int32

        /// The command was used wrongly, or something it needs has not been made yet (64).
        public static let usage = Code(exitStatus: 64)
        /// The input data are wrong, or more of them than allowed (65).
        public static let badData = Code(exitStatus: 65)
        /// An input does not exist or cannot be read (66).
        public static let noInput = Code(exitStatus: 66)
        /// The system refused to read or write (74).
        public static let inputOutput = Code(exitStatus: 74)
        /// Another command is writing; the same call may go through later (75).
        public static let tryAgain = Code(exitStatus: 75)
        /// The user asked to stop; what is done is kept (130).
        public static let interrupted = Code(exitStatus: 130)
    }

    /// Kind of failure.
    public let code: Code
    /// What happened and what to do next, for people.
    public let message: String
    /// The file, key or setting concerned, when there is one.
    public let place: String?
    /// The error below, when there is one.
    public let cause: (any Error)?

    /// A failure.
    public init(_ code: Code, _ message: String, place: String? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.place = place
        self.cause = cause
    }

    /// Place, message and cause in one line.
    public var description: String {
        var text = place.map { "\($0): \(message)" } ?? message
        if let cause { text += " (\(cause))" }
        return text
    }
}
