import Foundation

/// How the weights in a model folder are stored: the `weights` object of an imported model's `model.json`.
///
/// Our own models have none: their one file is `weights.safetensors`, whose tensors are parameter paths. With it, loading infers
/// nothing: the files, the table that maps their tensors and what is interpolated are written down at import.
public struct WeightStorage: Sendable, Equatable {
    /// The key of `model.json`.
    static let key = "weights"

    /// The table that maps tensors to parameters.
    let naming: ForeignNaming
    /// Files in the folder: one safetensors file, or an index and the shards it lists.
    public let fileNames: [String]
    /// How position embeddings are brought to the tower's grid; nil where they are stored for it.
    public internal(set) var positionInterpolation: PositionInterpolation?

    /// The library's name of the naming, for people.
    public var namingName: String { naming.rawValue }
}

extension WeightStorage: Codable {
    private enum Key: String, CodingKey, CaseIterable {
        case naming
        case fileNames = "files"
        case positionInterpolation = "position_interpolation"
    }

    /// Reads the object; names that are no plain names of files in the folder are refused.
    public init(from decoder: any Decoder) throws {
        let object = try decoder.container(keyedBy: StrictObject.Key.self)
        let known = Set(Key.allCases.map(\.rawValue))
        if let unknown = object.allKeys.map(\.stringValue).sorted().first(where: { !known.contains($0) }) {
            throw EncodersError(
                .invalidDescription, "\(Self.key).\(unknown) is not known; import the model again", at: "model.json")
        }
        let fields = try decoder.container(keyedBy: Key.self)
        let name = try fields.decode(String.self, forKey: .naming)
        guard let naming = ForeignNaming(rawValue: name) else {
            throw EncodersError(
                .invalidDescription,
                "\(Self.key).naming is '\(name)', this build reads \(ForeignNaming.allCases.map(\.rawValue).joined(separator: ", ")); import the model again",
                at: "model.json")
        }
        self.naming = naming
        fileNames = try fields.decode([String].self, forKey: .fileNames)
        positionInterpolation = try fields.decodeIfPresent(PositionInterpolation.self, forKey: .positionInterpolation)
        guard !fileNames.isEmpty, Set(fileNames).count == fileNames.count,
            fileNames.allSatisfy(ForeignFile.isPlainName)
        else {
            throw EncodersError(
                .invalidDescription,
                "\(Self.key).files must be different plain names of files in the model's folder; nothing else is ever opened",
                at: "model.json")
        }
    }

    /// Writes the object; without `position_interpolation` where nothing is interpolated.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(naming.rawValue, forKey: .naming)
        try fields.encode(fileNames, forKey: .fileNames)
        try fields.encodeIfPresent(positionInterpolation, forKey: .positionInterpolation)
    }
}

/// All of `model.json`: what the model is and how its weights are stored.
public struct ModelDescription: Sendable, Equatable, Codable {
    /// What decides the shape and meaning of the model.
    public let configuration: DualEncoderConfiguration
    /// How the weights are stored; nil for our own models.
    public let storage: WeightStorage?

    init(configuration: DualEncoderConfiguration, storage: WeightStorage?) {
        self.configuration = configuration
        self.storage = storage
    }

    /// Reads the description of a model folder.
    ///
    /// - Throws: `fileAccess` when there is none, `invalidDescription` or `invalidConfiguration` when it is not valid.
    public init(directory: String) throws(EncodersError) {
        let path = directory + "/" + DualEncoder.descriptionFileName
        let data: Data
        do {
            data = try ForeignFile.data(path)
        } catch {
            throw EncodersError(.fileAccess, "could not be read; is this a model folder?", at: path, cause: error)
        }
        do {
            self = try JSONDecoder().decode(Self.self, from: data)
        } catch let error as EncodersError {
            throw EncodersError(error.code, error.message, at: path, cause: error.cause)
        } catch {
            throw EncodersError(
                .invalidDescription, "is not valid JSON; write it as `vlmpipe` does", at: path, cause: error)
        }
    }

    /// Decodes both parts of the object.
    public init(from decoder: any Decoder) throws {
        configuration = try DualEncoderConfiguration(from: decoder)
        storage = try decoder.container(keyedBy: StrictObject.Key.self)
            .decodeIfPresent(WeightStorage.self, forKey: StrictObject.Key(WeightStorage.key))
    }

    /// Encodes both parts into one object.
    public func encode(to encoder: any Encoder) throws {
        try configuration.encode(to: encoder)
        var object = encoder.container(keyedBy: StrictObject.Key.self)
        try object.encodeIfPresent(storage, forKey: StrictObject.Key(WeightStorage.key))
    }

    /// The text of `model.json`: sorted keys, so that equal descriptions are equal bytes.
    public func jsonData() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }
}
