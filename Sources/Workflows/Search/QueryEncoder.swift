import Encoders
import Foundation
import Imaging
import Tokenization

/// Turns a `QueryExpression` into one vector of a model's space.
struct QueryEncoder {
    /// The vector and what the user should know about it.
    struct Encoded {
        /// Unit length.
        let vector: [Float]
        let warnings: [String]
    }

    private let encoder: DualEncoder
    private let tokenizer: TextTokenizer
    private let preprocessing: Preprocessing
    private let contextLength: Int

    /// Reads the towers asked for, and no other; encoding a term of the other one traps.
    init(model: InstalledModel, towers: EncoderTowers = .all) throws {
        encoder = try model.encoder(towers)
        tokenizer = try model.tokenizer()
        preprocessing = model.preprocessing
        contextLength = model.configuration.text.contextLength
    }

    /// The normalised weighted sum of the terms' unit vectors.
    func encode(_ expression: QueryExpression) throws -> Encoded {
        var sum = [Float](repeating: 0, count: encoder.embeddingDimension)
        var warnings: [String] = []
        for term in expression.terms {
            let vector: [Float]
            switch term.content {
            case .text(let text):
                let encoded = tokenizer.encodeReportingTruncation(text, contextLength: contextLength)
                if encoded.wasTruncated {
                    warnings.append(
                        "the query is longer than the model's \(contextLength) tokens: its last "
                            + "\(encoded.droppedCharacterCount) characters are not used")
                }
                vector = encoder.encodeTexts([encoded.tokens])
            case .image(let path):
                guard let data = FileManager.default.contents(atPath: path) else {
                    throw WorkflowError(.noInput, "the query's image cannot be read", place: path)
                }
                do {
                    let image = try preprocessing(decoding: Array(data), orientation: .exif)
                    vector = encoder.encodeImages(image.bytes, count: 1)
                } catch {
                    throw WorkflowError(.badData, "the query's image cannot be decoded", place: path, cause: error)
                }
            }
            for index in sum.indices { sum[index] += term.weight * vector[index] }
        }
        let length = sum.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        guard length.isFinite, length > 1e-6 else {
            throw WorkflowError(.usage, "the terms of the query cancel each other out; nothing is left to search for")
        }
        return Encoded(vector: sum.map { Float(Double($0) / length) }, warnings: warnings)
    }
}

extension QueryExpression {
    /// The towers that the terms need.
    var towers: EncoderTowers {
        var towers: EncoderTowers = []
        for term in terms {
            switch term.content {
            case .text: towers.insert(.text)
            case .image: towers.insert(.image)
            }
        }
        return towers
    }
}
