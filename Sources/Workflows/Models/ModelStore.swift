import ByteFormats
import Encoders
import Foundation
import Imaging
import Samples
import Tokenization

/// The models of a workspace: one folder each under `models/`.
public struct ModelStore: Sendable {
    /// The folder that holds the models.
    public let directory: String

    private var currentFile: String { directory + "/current" }

    /// The models of a workspace.
    public init(workspace: Workspace) {
        directory = workspace.modelsDirectory
    }

    /// Names of all whole models, sorted.
    public func names() -> [String] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return entries.filter { Folder.exists("\(directory)/\($0)/\(InstalledModel.digestsFileName)") }.sorted()
    }

    /// Name of the model in use: the one chosen by `model use`, else the only one there is.
    public func currentName() -> String? {
        let names = names()
        if let data = FileManager.default.contents(atPath: currentFile) {
            let name = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            if names.contains(name) { return name }
        }
        return names.count == 1 ? names[0] : nil
    }

    /// Makes a model the one in use.
    ///
    /// - Throws: `WorkflowError` when there is no such model.
    public func use(_ name: String) throws {
        _ = try model(named: name)
        try AtomicFile.write(path: currentFile, bytes: Array((name + "\n").utf8))
    }

    /// A model by name, or the one in use.
    ///
    /// - Throws: `WorkflowError` with code `usage` that says how to get a model, or which ones there are.
    public func model(named name: String?) throws -> InstalledModel {
        let names = names()
        guard !names.isEmpty else {
            throw WorkflowError(
                .usage,
                "there is no model yet; train one on your captioned pairs with 'vlmpipe train', import a CLIP checkpoint "
                    + "with 'vlmpipe model import', or try the built-in data with 'vlmpipe demo-data'", place: name)
        }
        guard let chosen = name ?? currentName() else {
            throw WorkflowError(
                .usage,
                "there are several models (\(names.joined(separator: ", "))); name one with --model or choose with "
                    + "'vlmpipe model use NAME'")
        }
        guard names.contains(chosen) else {
            throw WorkflowError(.usage, "there is no model '\(chosen)'; there are \(names.joined(separator: ", "))")
        }
        return try InstalledModel(name: chosen, directory: "\(directory)/\(chosen)")
    }

    /// Path of the folder for a model of this name.
    ///
    /// - Throws: `WorkflowError` when the name could not be a folder's.
    public func path(for name: String) throws -> String {
        let allowed = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard allowed, !name.isEmpty, !name.hasPrefix("."), name != "current", name.utf8.count <= 100 else {
            throw WorkflowError(
                .usage, "a model's name holds letters, digits, '-', '_' and '.', and does not start with '.'",
                place: name)
        }
        return "\(directory)/\(name)"
    }
}

/// A model folder that is whole: weights, configuration, tokenizer and their digests.
public struct InstalledModel: Sendable {
    /// The digests that name the model's embedding space, and what they were taken from.
    struct Digests: Codable, Sendable, Equatable {
        var weights: Digest
        var tokenizer: Digest
        var preprocessing: Digest
        var space: SpaceFingerprint
        /// How text is cleaned before an imported tokenizer; absent for tokenizers trained here, which state it themselves.
        var cleaning: ClipCleaning?
    }

    /// The file that makes a model whole; it is written last.
    static let digestsFileName = "digests.json"

    /// The folder's name.
    public let name: String
    /// Path of the folder.
    public let directory: String
    /// Shapes and preprocessing.
    public let configuration: DualEncoderConfiguration
    /// The embedding space.
    public var space: SpaceFingerprint { digests.space }
    let digests: Digests

    init(name: String, directory: String) throws {
        self.name = name
        self.directory = directory
        digests = try JSONFile.read(Digests.self, from: "\(directory)/\(Self.digestsFileName)")
        let description = "\(directory)/\(DualEncoder.descriptionFileName)"
        guard let data = FileManager.default.contents(atPath: description) else {
            throw WorkflowError(.noInput, "the model's description cannot be read; train it again", place: description)
        }
        configuration = try DualEncoderConfiguration(jsonData: data)
    }

    /// The towers, with weights.
    public func encoder() throws -> DualEncoder {
        try DualEncoder(directory: directory)
    }

    /// The tokenizer.
    public func tokenizer() throws -> TextTokenizer {
        try TextTokenizer(directory: URL(fileURLWithPath: directory), cleaning: digests.cleaning ?? .openClip)
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
            cropRounding: settings.cropRounding == .down ? .down : .halfToEven)
    }

    /// Writes a model folder: weights, configuration and tokenizer first, the digests that make it whole last.
    ///
    /// An older model of this name is replaced; while that happens the folder is not whole and is not listed.
    static func install(
        encoder: DualEncoder, tokenizerFiles: [(name: String, bytes: [UInt8])], cleaning: ClipCleaning? = nil,
        name: String, in store: ModelStore, extraFiles: [String: String] = [:]
    ) throws -> InstalledModel {
        let path = try store.path(for: name)
        let digestsPath = "\(path)/\(digestsFileName)"
        try Folder.create(path)
        if Folder.exists(digestsPath) {
            try Folder.removeFile(digestsPath)
            try Folder.synchronize(path)
        }
        try encoder.write(toDirectory: path)
        for file in tokenizerFiles {
            try AtomicFile.write(path: "\(path)/\(file.name)", bytes: file.bytes)
        }
        for (fileName, text) in extraFiles {
            try AtomicFile.write(path: "\(path)/\(fileName)", bytes: Array(text.utf8))
        }
        let digests = try digests(
            directory: path, configuration: encoder.configuration, tokenizerFiles: tokenizerFiles, cleaning: cleaning)
        try JSONFile.write(digests, to: digestsPath)
        return try InstalledModel(name: name, directory: path)
    }

    /// The digests of a folder's files: the weights' bytes, the tokenizer's files, the canonical preprocessing.
    static func digests(
        directory: String, configuration: DualEncoderConfiguration,
        tokenizerFiles: [(name: String, bytes: [UInt8])], cleaning: ClipCleaning?
    ) throws -> Digests {
        var weights = DigestHasher()
        let file = try MappedFile(path: "\(directory)/\(DualEncoder.weightsFileName)")
        file.withBytes { weights.update($0) }
        var words = DigestHasher()
        if let cleaning { words.update(field: cleaning.rawValue) }
        for file in tokenizerFiles {
            words.update(field: file.name)
            words.update(number: UInt64(file.bytes.count))
            words.update(file.bytes)
        }
        words.update(number: UInt64(configuration.text.contextLength))
        let preprocessing = Digest(hashing: try JSONFile.text(Self.preprocessing(configuration)))
        let (weightsDigest, wordsDigest) = (weights.finalize(), words.finalize())
        return Digests(
            weights: weightsDigest, tokenizer: wordsDigest, preprocessing: preprocessing,
            space: SpaceFingerprint(weights: weightsDigest, tokenizer: wordsDigest, preprocessing: preprocessing),
            cleaning: cleaning)
    }
}
