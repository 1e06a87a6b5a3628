/// Why the content of a tokenizer file is refused: one sentence without its next step.
struct TokenFileProblem: Error, CustomStringConvertible {
    var reason: String
    /// Whether the file is sound, but of a kind or with a setting that this program does not have.
    var isUnsupported = false
    var description: String { reason }

    /// A file with something damaged.
    init(reason: String) { self.reason = reason }

    /// A sound file of another kind.
    init(unsupported reason: String) {
        self.reason = reason
        isUnsupported = true
    }

    /// Whatever went wrong while a file was read.
    init(_ error: any Error) {
        if let problem = error as? TokenFileProblem {
            self = problem
        } else {
            reason = (error as? PieceVocabulary.Refusal)?.reason ?? "\(error)"
        }
    }
}
