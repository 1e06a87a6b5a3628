import ByteFormats
import Encoders
import Foundation
import PipelineEngine
import Samples
import Tokenization

/// A model folder that is being made, or made again.
///
/// An older model of the name stops being listed when the installation starts; the new one is listed when `finish` has written
/// its digests. A process killed in between leaves a folder that is no model, which the next installation of that name cleans.
struct ModelInstallation {
    /// The tokenizer's files.
    typealias TokenizerFiles = [(name: String, bytes: [UInt8])]

    let name: String
    let path: String
    private let store: ModelStore

    init(name: String, in store: ModelStore) throws {
        self.name = name
        self.store = store
        path = try store.path(for: name)
        try Folder.create(path)
        let digestsPath = "\(path)/\(InstalledModel.digestsFileName)"
        if Folder.exists(digestsPath) {
            try Folder.removeFile(digestsPath)
            try Folder.synchronize(path)
        }
        for name in try Folder.names(in: path) { try Folder.removeFile("\(path)/\(name)") }
    }

    /// Writes a small file.
    func write(_ name: String, _ bytes: [UInt8]) throws {
        try AtomicFile.write(path: "\(path)/\(name)", bytes: bytes)
    }

    /// Writes the tokenizer's files and the digests, and makes the model the one in use.
    func finish(
        weights: Digest, files: [String: Digest]?, configuration: DualEncoderConfiguration,
        tokenizerFiles: TokenizerFiles, cleaning: TextCleaning?
    ) throws -> InstalledModel {
        for file in tokenizerFiles { try write(file.name, file.bytes) }
        var words = DigestHasher()
        if let cleaning { words.update(field: cleaning.rawValue) }
        for file in tokenizerFiles {
            words.update(field: file.name)
            words.update(number: UInt64(file.bytes.count))
            words.update(file.bytes)
        }
        words.update(number: UInt64(configuration.text.contextLength))
        let wordsDigest = words.finalize()
        let preprocessing = Digest(hashing: try JSONFile.text(CanonicalPreprocessing(configuration)))
        let digests = InstalledModel.Digests(
            weights: weights, tokenizer: wordsDigest, preprocessing: preprocessing,
            space: SpaceFingerprint(weights: weights, tokenizer: wordsDigest, preprocessing: preprocessing),
            cleaning: cleaning, files: files)
        // First, so that a model that is listed was chosen: a process killed in between does all of this again.
        try store.choose(name)
        try JSONFile.write(digests, to: "\(path)/\(InstalledModel.digestsFileName)")
        return try InstalledModel(name: name, directory: path)
    }
}

/// Everything that decides the numbers a tower is given for a picture, in the words that the space's digest is taken over.
private struct CanonicalPreprocessing: Encodable {
    let size: Int
    let resizeMode: String
    let filter: String
    let cropRounding: String
    let conversion: String
    let mean: [Float]
    let standardDeviation: [Float]

    init(_ configuration: DualEncoderConfiguration) {
        let settings = configuration.preprocessing
        size = configuration.vision.imageSize
        resizeMode = settings.resizeMode.rawValue
        filter = settings.interpolation.rawValue
        cropRounding = settings.cropRounding.rawValue
        conversion = settings.rgbConversion.rawValue
        mean = settings.mean
        standardDeviation = settings.std
    }
}

extension InstalledModel {
    /// Installs a model of our own.
    static func install(
        encoder: DualEncoder, tokenizerFiles: ModelInstallation.TokenizerFiles, name: String, in store: ModelStore,
        extraFiles: [String: String] = [:]
    ) throws -> InstalledModel {
        let installation = try ModelInstallation(name: name, in: store)
        try encoder.write(toDirectory: installation.path)
        for (fileName, text) in extraFiles { try installation.write(fileName, Array(text.utf8)) }
        var weights = DigestHasher()
        let file = try MappedFile(path: "\(installation.path)/\(DualEncoder.weightsFileName)")
        file.withBytes { weights.update($0) }
        return try installation.finish(
            weights: weights.finalize(), files: nil, configuration: encoder.configuration,
            tokenizerFiles: tokenizerFiles, cleaning: nil)
    }

    /// Installs a checkpoint: its weights' files are copied as they are and hashed in the same pass.
    ///
    /// - Parameter extraFileNames: Small files of the checkpoint that the folder takes over.
    static func install(
        _ checkpoint: ForeignCheckpoint, tokenizerFiles: ModelInstallation.TokenizerFiles, cleaning: TextCleaning,
        extraFileNames: [String], name: String, in store: ModelStore, pool: ComputePool
    ) async throws -> InstalledModel {
        let description = checkpoint.description
        let installation = try ModelInstallation(name: name, in: store)
        var files: [String: Digest] = [:]
        for name in checkpoint.storage.fileNames {
            files[name] = try await HashedCopy.copy(
                "\(checkpoint.directory)/\(name)", to: "\(installation.path)/\(name)", pool: pool)
        }
        for name in extraFileNames {
            _ = try await HashedCopy.copy(
                "\(checkpoint.directory)/\(name)", to: "\(installation.path)/\(name)", pool: pool)
        }
        let text = try description.jsonData()
        try installation.write(DualEncoder.descriptionFileName, Array(text))
        var weights = DigestHasher()
        weights.update(field: String(decoding: text, as: UTF8.self))
        for (_, digest) in files.sorted(by: { $0.key < $1.key }) { weights.update(digest.bytes) }
        return try installation.finish(
            weights: weights.finalize(), files: files, configuration: checkpoint.configuration,
            tokenizerFiles: tokenizerFiles, cleaning: cleaning)
    }
}
