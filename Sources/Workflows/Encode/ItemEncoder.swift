import Encoders
import Foundation
import Imaging
import Tokenization

/// Turns the items of a batch into what a request asks for; shared by all threads.
struct ItemEncoder: Sendable {
    /// What came out of a batch.
    struct Result: Sendable {
        var items: [EncodedItem] = []
        var truncatedCount = 0
    }

    private let request: EncodeRequest
    private let encoder: DualEncoder?
    private let tokenizer: TextTokenizer?
    private let preprocessing: Preprocessing
    private let contextLength: Int

    /// Reads the parts of the model that the request needs.
    init(request: EncodeRequest, model: OpenedModel) throws {
        self.request = request
        preprocessing = model.preprocessing
        contextLength = model.configuration.text.contextLength
        tokenizer = request.input.isImages ? nil : try model.tokenizer()
        switch request.product {
        case .embedding, .features: encoder = try model.encoder(request.input.isImages ? .image : .text)
        case .pixels, .tokens: encoder = nil
        }
    }

    /// Images of a batch: one slice of the tower.
    var imageBatchCount: Int { encoder?.imageSliceRowCount ?? 8 }

    /// Encodes the items of a batch, in order.
    func callAsFunction(_ items: [String]) throws -> Result {
        request.input.isImages ? try images(items) : texts(items)
    }

    private func images(_ paths: [String]) throws -> Result {
        var pictures: [[UInt8]] = []
        var failures: [Int: String] = [:]
        for (index, path) in paths.enumerated() {
            do {
                pictures.append(try pixels(path))
            } catch let error as WorkflowError where request.skipsBadItems {
                failures[index] = "\(error)"
            }
        }
        var made: [EncodedItem] = []
        if let encoder, !pictures.isEmpty {
            made = rows(of: encoder, pictures)
        } else {
            made = pictures.map { .pixels($0, size: preprocessing.size) }
        }
        var rest = made[...]
        return Result(
            items: paths.indices.map { index in
                if let reason = failures[index] { return .failure(reason) }
                return rest.removeFirst()
            })
    }

    /// A picture as the tower gets it.
    private func pixels(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw WorkflowError(.noInput, "the image cannot be read", place: path)
        }
        do {
            return try preprocessing(decoding: Array(data), orientation: request.appliesOrientation ? .exif : .none)
                .bytes
        } catch {
            throw WorkflowError(.badData, "the image cannot be decoded", place: path, cause: error)
        }
    }

    private func rows(of encoder: DualEncoder, _ pictures: [[UInt8]]) -> [EncodedItem] {
        let count = pictures.count
        let pixels = Array(pictures.joined())
        guard case .features(let features) = request.product else {
            return split(encoder.encodeImages(pixels, count: count), count, [encoder.embeddingDimension])
        }
        let feature: DualEncoder.ImageFeature =
            switch features {
            case .pooled: .pooled
            case .tokens: .tokens
            case .spatial: .spatial
            }
        return split(encoder.imageFeatures(pixels, count: count, feature), count, encoder.shape(of: feature))
    }

    private func texts(_ texts: [String]) -> Result {
        guard let tokenizer else { preconditionFailure("texts without a tokenizer") }
        let encoded = texts.map { tokenizer.encodeReportingTruncation($0, contextLength: contextLength) }
        var result = Result(truncatedCount: encoded.count(where: \.wasTruncated))
        switch (encoder, request.product) {
        case (let encoder?, .features(let features)):
            let width = encoder.configuration.text.width
            result.items = encoder.textFeatures(encoded.map(\.tokens), features == .pooled ? .pooled : .tokens).map {
                .floats($0, shape: features == .pooled ? [width] : [$0.count / width, width])
            }
        case (let encoder?, _):
            let values = encoder.encodeTexts(encoded.map(\.tokens))
            result.items = split(values, texts.count, [encoder.embeddingDimension])
        case (nil, _):
            result.items = encoded.map { .tokens($0.tokens, droppedCharacterCount: $0.droppedCharacterCount) }
        }
        return result
    }

    private func split(_ values: [Float], _ count: Int, _ shape: [Int]) -> [EncodedItem] {
        let step = shape.reduce(1, *)
        return (0..<count).map { .floats(Array(values[$0 * step..<($0 + 1) * step]), shape: shape) }
    }
}
