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
        var version = "0.1"
        var views: [String]
        var precision: Precision
        var decode: DecodeMode
    }

    /// What a segment's header records.
    func digest(embedsCaptions: Bool) throws -> Digest {
        let views = embedsCaptions ? ["image", "captions"] : ["image"]
        return Digest(hashing: try JSONFile.text(Description(views: views, precision: precision, decode: decode)))
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
