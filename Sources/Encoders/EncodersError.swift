/// What can go wrong with a model's description, weights or folder.
public struct EncodersError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure; may grow.
    public enum Code: String, Sendable {
        /// A value of the configuration is out of range or does not fit another.
        case invalidConfiguration
        /// `model.json` does not decode.
        case invalidDescription
        /// A tensor is missing, unknown or has another shape than the configuration asks for.
        case weightMismatch
        /// A weight is infinite or not a number.
        case nonFiniteWeight
        /// A file of the model folder could not be read or written.
        case fileAccess
    }

    /// The kind of failure.
    public let code: Code
    /// What happened and what to do next.
    public let message: String
    /// The file, setting path or tensor name concerned.
    public let place: String
    /// The error below this one.
    public let cause: (any Error)?

    init(_ code: Code, _ message: String, at place: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.place = place
        self.cause = cause
    }

    /// Place, message and cause in one line.
    public var description: String {
        "\(place): \(message)" + (cause.map { " (\($0))" } ?? "")
    }
}
