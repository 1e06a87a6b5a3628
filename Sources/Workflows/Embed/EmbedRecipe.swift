import Encoders
import Imaging
import Samples

/// What besides the model decides the vectors of a run.
struct EmbedRecipe: Hashable, Sendable {
    /// What the towers compute in.
    var precision = Precision.fp32
    /// How much of the pictures' data is decoded.
    var decode = DecodeMode.exact

    /// All there are, the default first.
    static let all = Precision.allCases.flatMap { precision in
        DecodeMode.allCases.map { EmbedRecipe(precision: precision, decode: $0) }
    }

    /// What is hashed.
    private struct Description: Codable {
        var version: String
        var views: [String]
        var precision: Precision
        var decode: DecodeMode
    }

    /// The versions of what a recipe computes, the current one last: another number where vectors came to differ.
    ///
    /// Of int8, 0.1 had every product in bytes; 0.2 has some in words (decision note 019).
    private var versions: [String] { precision == .int8 ? ["0.1", "0.2"] : ["0.1"] }

    /// What a segment's header records; the current version last, before it those whose vectors are to be made anew.
    func digests(embedsCaptions: Bool) throws -> [Digest] {
        let views = embedsCaptions ? ["image", "captions"] : ["image"]
        return try versions.map { version in
            let description = Description(version: version, views: views, precision: precision, decode: decode)
            return Digest(hashing: try JSONFile.text(description))
        }
    }

    /// Whether vectors of this recipe are up to date for someone who asked for these things, or did not ask.
    func satisfies(_ request: EmbedRequest) -> Bool {
        request.precision ?? precision == precision && request.decode ?? decode == decode
    }

    /// The recipe of a run: what was asked for, else that of the vectors there are, else the default.
    static func chosen(_ request: EmbedRequest, current: some Sequence<EmbedRecipe>) -> EmbedRecipe {
        let found = current.first { $0 != EmbedRecipe() } ?? EmbedRecipe()
        return EmbedRecipe(
            precision: request.precision ?? found.precision, decode: request.decode ?? found.decode)
    }
}
