/// What went wrong in training, where, and what to do next.
public struct TrainingError: Error, CustomStringConvertible, Sendable {
    /// What kind of failure it is; more kinds may be added.
    public enum Code: String, Sendable, Equatable {
        /// A recipe has unknown keys or values out of range.
        case invalidRecipe
        /// The data cannot be trained on: too few samples, or too many that failed.
        case unusableData
        /// The loss or the gradient is not finite any more.
        case diverged
        /// A checkpoint belongs to another recipe, model or data set, or cannot be read.
        case unusableCheckpoint
    }

    /// The kind of failure.
    public let code: Code
    /// What happened and what to do next, for people.
    public let message: String
    /// Where it happened: a path, a step or a setting.
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
