import ByteFormats
import Encoders
import Foundation
import Imaging
import Tokenization

/// What a model computes compared with what its library computed from the same inputs: `golden.safetensors`.
///
/// The file (Tests/Peers/golden.py makes it) holds pictures as files and the pixels that become of them, texts and their token ids,
/// and what both towers hold at each stage. The towers start from the file's pixels and ids, so that an error in one part does
/// not hide in another.
struct GoldenComparison {
    /// One stage.
    struct Row: Equatable {
        /// `image.block.0`, …
        let stage: String
        /// The smallest cosine of a picture's or text's values with the library's.
        let cosine: Double
        /// The largest difference of a value.
        let maximumError: Double
        /// The largest difference that is allowed, nil where the number is shown only.
        let bound: Double?

        /// Whether the stage is as it must be; a value that is not a number never is.
        var isWithinBound: Bool {
            guard let bound else { return cosine.isFinite && maximumError.isFinite }
            return maximumError <= bound && cosine >= GoldenComparison.minimumCosine
        }
    }

    /// Name of the file in a model folder.
    static let fileName = "golden.safetensors"
    /// Of a normalised embedding's values: F32 sums in another order differ by a tenth of it.
    static let embeddingBound = 1e-5
    /// Of an embedding with the library's.
    static let minimumCosine = 0.999_999

    /// In the order of computation: pictures, then texts.
    let rows: [Row]

    /// Whether every stage is as it must be.
    var isWithinBounds: Bool { rows.allSatisfy(\.isWithinBound) }

    /// Compares everything; `tokenizer` is needed for files that hold texts.
    init(path: String, encoder: DualEncoder, preprocessing: Preprocessing, tokenizer: TextTokenizer?) throws {
        let inputs = try GoldenInputs(path: path, configuration: encoder.configuration)
        var rows: [Row] = []
        if let row = try Self.pixelRow(inputs, preprocessing) { rows.append(row) }
        var images = StageErrors(tower: "image", file: inputs.file)
        for (index, picture) in inputs.pictures.enumerated() {
            try images.add(encoder.imageStages(picture), sequence: index, rowCount: .max)
        }
        rows += images.rows
        if let row = try Self.tokenRow(inputs, tokenizer, encoder.configuration.text.contextLength) { rows.append(row) }
        var texts = StageErrors(tower: "text", file: inputs.file)
        for (index, text) in inputs.texts.enumerated() {
            // A causal tower computes no row behind the end token.
            let rowCount = encoder.configuration.text.isCausal ? text.count : Int.max
            try texts.add(encoder.textStages(text), sequence: index, rowCount: rowCount)
        }
        self.rows = rows + texts.rows
    }

    /// Pictures from their files to pixels, which must be the same bytes.
    private static func pixelRow(_ inputs: GoldenInputs, _ preprocessing: Preprocessing) throws -> Row? {
        var (cosine, worst) = (1.0, 0.0)
        let sources = try inputs.sources("image")
        for (source, expected) in zip(sources, inputs.pictures) {
            let actual = try preprocessing(decoding: source, orientation: .none).bytes
            let comparison = VectorComparison(actual.map(Float.init), expected.map(Float.init))
            (cosine, worst) = (min(cosine, comparison.cosine), max(worst, comparison.maximumError))
        }
        return sources.isEmpty ? nil : Row(stage: "image.pixels", cosine: cosine, maximumError: worst, bound: 0)
    }

    /// Texts to token ids, which must be the same.
    private static func tokenRow(
        _ inputs: GoldenInputs, _ tokenizer: TextTokenizer?, _ contextLength: Int
    ) throws -> Row? {
        var (cosine, worst) = (1.0, 0.0)
        let sources = try inputs.sources("text")
        guard let tokenizer, !sources.isEmpty else { return nil }
        for (source, expected) in zip(sources, inputs.texts) {
            let actual = tokenizer.encode(String(decoding: source, as: UTF8.self), contextLength: contextLength)
            let comparison = VectorComparison(actual.map(Float.init), expected.map(Float.init))
            (cosine, worst) = (min(cosine, comparison.cosine), max(worst, comparison.maximumError))
        }
        return Row(stage: "text.tokens", cosine: cosine, maximumError: worst, bound: 0)
    }
}

/// The inputs in a golden file, checked against the model they are replayed with.
private struct GoldenInputs {
    let file: SafetensorsFile
    /// Each rows × columns × RGB.
    let pictures: [[UInt8]]
    /// Each from its start to its end token.
    let texts: [[Int32]]

    init(path: String, configuration: DualEncoderConfiguration) throws {
        let file = try SafetensorsFile(path: path)
        self.file = file
        func refuse(_ problem: String) -> WorkflowError {
            WorkflowError(
                .badData, "\(problem); the file belongs to another model: make it again from this model's checkpoint",
                place: path)
        }
        let size = configuration.vision.imageSize
        let pixels = try file.entry(named: "pixels")
        guard pixels.shape.count == 4, Array(pixels.shape.dropFirst()) == [size, size, 3] else {
            throw refuse("pixels have shape \(pixels.shape), the model takes [n, \(size), \(size), 3]")
        }
        let bytes = try file.integers(of: "pixels").map { UInt8(clamping: $0) }
        let byteCount = configuration.vision.imageByteCount
        pictures = (0..<pixels.shape[0]).map { Array(bytes[$0 * byteCount..<($0 + 1) * byteCount]) }
        let tokens = try file.entry(named: "tokens")
        let text = configuration.text
        guard tokens.shape.count == 2, tokens.shape[1] <= text.contextLength else {
            throw refuse("tokens have shape \(tokens.shape), the model takes at most \(text.contextLength)")
        }
        let ids = try file.integers(of: "tokens")
        texts = try (0..<tokens.shape[0]).map { row in
            let ids = ids[row * tokens.shape[1]..<(row + 1) * tokens.shape[1]].prefix { $0 >= 0 }
            guard let last = ids.last, ids.allSatisfy({ $0 < text.vocabularySize }) else {
                throw refuse("row \(row) of the tokens is empty or has ids that the model does not")
            }
            guard text.pooling != .endToken || last == text.endTokenID else {
                throw refuse("row \(row) of the tokens ends with \(last), the model's texts with \(text.endTokenID)")
            }
            return ids.map(Int32.init)
        }
        guard !pictures.isEmpty, !texts.isEmpty else { throw refuse("there are no pictures or no texts") }
    }

    /// The files or texts that the first inputs were made from.
    func sources(_ kind: String) throws -> [[UInt8]] {
        var found: [[UInt8]] = []
        while file.header["source.\(kind).\(found.count)"] != nil {
            found.append(try file.integers(of: "source.\(kind).\(found.count)").map { UInt8(clamping: $0) })
        }
        return found
    }
}

/// The errors of one tower's stages over all sequences.
private struct StageErrors {
    let tower: String
    let file: SafetensorsFile
    private var errors: [(stage: String, comparison: VectorComparison)] = []
    private var positionByStage: [String: Int] = [:]
    private var valuesByStage: [String: [Float]] = [:]

    init(tower: String, file: SafetensorsFile) {
        self.tower = tower
        self.file = file
    }

    /// Compares one sequence; stages that the file lacks are left out, but never the embedding.
    mutating func add(_ stages: [EncoderStage], sequence: Int, rowCount: Int) throws {
        for stage in stages {
            let name = "\(tower).\(stage.name)"
            guard let entry = file.header[name] else {
                guard stage.name != .embedding else {
                    throw WorkflowError(
                        .badData, "there is no '\(name)'; make the file again with Tests/Peers/golden.py",
                        place: file.path)
                }
                continue
            }
            guard let count = entry.shape.first, sequence < count else {
                throw WorkflowError(
                    .badData, "'\(name)' has shape \(entry.shape), without input \(sequence)", place: file.path)
            }
            let values = try valuesByStage[name] ?? file.floats(of: name)
            valuesByStage[name] = values
            let step = values.count / count
            let used = entry.shape.count == 3 ? min(rowCount, entry.shape[1]) * entry.shape[2] : step
            let comparison = VectorComparison(stage.values, Array(values[sequence * step..<sequence * step + used]))
            if let position = positionByStage[name] {
                errors[position].comparison.join(comparison)
            } else {
                positionByStage[name] = errors.count
                errors.append((name, comparison))
            }
        }
    }

    var rows: [GoldenComparison.Row] {
        errors.map { stage, comparison in
            GoldenComparison.Row(
                stage: stage, cosine: comparison.cosine, maximumError: comparison.maximumError,
                bound: stage.hasSuffix(".embedding") ? GoldenComparison.embeddingBound : nil)
        }
    }
}

/// Two vectors; another number of values, or one that is not a number, is an infinite error.
struct VectorComparison {
    private(set) var cosine: Double
    private(set) var maximumError: Double

    init(_ actual: [Float], _ expected: [Float]) {
        guard actual.count == expected.count else {
            (cosine, maximumError) = (0, .infinity)
            return
        }
        var (dot, left, right, worst) = (0.0, 0.0, 0.0, 0.0)
        for (first, second) in zip(actual, expected) {
            let (first, second) = (Double(first), Double(second))
            dot += first * second
            left += first * first
            right += second * second
            let difference = abs(first - second)
            worst = difference <= worst ? worst : difference.isNaN ? .infinity : difference
        }
        maximumError = worst
        cosine = worst == 0 ? 1 : left > 0 && right > 0 ? dot / (left * right).squareRoot() : 0
    }

    /// Keeps the worse of each.
    mutating func join(_ other: VectorComparison) {
        cosine = cosine <= other.cosine ? cosine : other.cosine
        maximumError = maximumError >= other.maximumError ? maximumError : other.maximumError
    }
}
