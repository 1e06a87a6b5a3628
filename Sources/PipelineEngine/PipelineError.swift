/// What went wrong in the engine, where, and what to do next.
public struct PipelineError: Error, CustomStringConvertible, Sendable {
    /// What kind of failure it is; more kinds may be added.
    public enum Code: String, Sendable, Equatable {
        /// A channel was given an element after it was finished.
        case channelFinished
        /// More samples were bad than the failure policy allows.
        case tooManyFailures
        /// Stored counts break found = samples + quarantined.
        case brokenAccounting
        /// The operating system refused a thread or a reading.
        case system
    }

    /// The kind of failure.
    public let code: Code
    /// What happened and what to do next, for people.
    public let message: String
    /// Where it happened: a path, a stage or a setting.
    public let place: String?
    /// The failure that led to this one.
    public let cause: (any Error)?

    /// Describes a failure.
    public init(_ code: Code, _ message: String, place: String? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.place = place
        self.cause = cause
    }

    /// The message with its place and cause.
    public var description: String {
        var text = message
        if let place { text += " (\(place))" }
        if let cause { text += ": \(cause)" }
        return text
    }
}
