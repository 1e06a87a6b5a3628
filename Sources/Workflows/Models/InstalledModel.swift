import ByteFormats
import Encoders
import Foundation
import Imaging
import Samples
import Tokenization

/// A model folder that is whole: weights, configuration, tokenizer and their digests.
public struct InstalledModel: Sendable {
    /// The digests that name the model's embedding space, and what they were taken from.
    struct Digests: Codable, Sendable, Equatable {
        /// Of the weights' file; of an imported model, over its description and the digests of its files, since the same weights
        /// with another activation or another interpolation are another model.
        var weights: Digest
        var tokenizer: Digest
        var preprocessing: Digest
        var space: SpaceFingerprint
        /// How text is cleaned before an imported tokenizer; absent for tokenizers trained here, which state it themselves.
        var cleaning: TextCleaning?
        /// The SHA-256 of each weights file of an imported model, as `sha256sum` prints it.
        var files: [String: Digest]?
    }

    /// The file that makes a model whole; it is written last.
    static let digestsFileName = "digests.json"

    /// The folder's name.
    public let name: String
    /// Path of the folder.
    public let directory: String
    /// Shapes, preprocessing, and how the weights are stored.
    let description: ModelDescription
    /// Shapes and preprocessing.
    public var configuration: DualEncoderConfiguration { description.configuration }
    /// The embedding space.
    public var space: SpaceFingerprint { digests.space }
    let digests: Digests

    init(name: String, directory: String) throws {
        self.name = name
        self.directory = directory
        digests = try JSONFile.read(Digests.self, from: "\(directory)/\(Self.digestsFileName)")
        description = try ModelDescription(directory: directory)
    }

    /// The towers asked for, with weights.
    public func encoder(_ towers: EncoderTowers = .all) throws -> DualEncoder {
        try DualEncoder(directory: directory, towers: towers)
    }

    /// The tokenizer.
    public func tokenizer() throws -> TextTokenizer {
        try TextTokenizer(directory: URL(fileURLWithPath: directory), cleaning: cleaning)
    }

    /// How text is cleaned.
    var cleaning: TextCleaning { digests.cleaning ?? .openClip }

    /// Names of the tokenizer's files.
    func tokenizerFileNames() throws -> [String] {
        try TextTokenizer.fileNames(inDirectory: URL(fileURLWithPath: directory), cleaning: cleaning)
    }

    /// How a decoded image becomes the tower's input.
    public var preprocessing: Preprocessing { Self.preprocessing(configuration) }

    static func preprocessing(_ configuration: DualEncoderConfiguration) -> Preprocessing {
        let settings = configuration.preprocessing
        let mode: Preprocessing.ResizeMode =
            switch settings.resizeMode {
            case .squash: .squash
            case .shortest: .shortest
            case .longest: .longest
            }
        return Preprocessing(
            size: configuration.vision.imageSize, resizeMode: mode,
            filter: settings.interpolation == .bicubic ? .bicubic : .bilinear,
            cropRounding: settings.cropRounding == .down ? .down : .halfToEven,
            conversion: settings.rgbConversion == .afterResize ? .afterResize : .beforeResize)
    }
}
