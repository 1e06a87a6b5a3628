/// What can go wrong with a model's description, weights or folder.
public struct EncodersError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure; more may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name.
        public let description: String

        private init(_ description: String) {
            self.description = description
        }

        /// A value of the configuration is out of range or does not fit another.
        public static let invalidConfiguration = Code("invalidConfiguration")
        /// `model.json` does not decode: a missing or unknown key, or a value of another type.
        public static let invalidDescription = Code("invalidDescription")
        /// A tensor is missing, unknown or has another shape than the configuration asks for.
        public static let weightMismatch = Code("weightMismatch")
        /// A weight is infinite or not a number.
        public static let nonFiniteWeight = Code("nonFiniteWeight")
        /// A file of the model folder could not be read or written.
        public static let fileAccess = Code("fileAccess")
        /// Weights are in a pickle, which is never opened; the message holds the recipe to convert it.
        public static let pickledWeights = Code("pickledWeights")
        /// A foreign model computes something this build does not.
        public static let unsupportedModel = Code("unsupportedModel")
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
