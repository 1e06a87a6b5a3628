import ByteFormats
import Kernels

/// A checkpoint of the ViT CLIP family in another library's form: a folder with safetensors weights and their description.
///
/// ```swift
/// let imported = try ForeignCheckpoint(directory: "ViT-B-32").importModel()
/// try imported.encoder.write(toDirectory: "models/b32")
/// ```
///
/// Read are OpenAI's and open_clip's naming (`open_clip_model.safetensors` and `open_clip_config.json`, also of `CustomTextCLIP`) and that of
/// `CLIPModel` in transformers (`model.safetensors` or shards with `model.safetensors.index.json`, `config.json`,
/// `preprocessor_config.json`). The towers are architecturally ours, so the result is an ordinary `DualEncoder`; what cannot be
/// represented exactly is refused. Only files with plain names directly in the folder are opened.
public struct ForeignCheckpoint: Sendable {
    /// The folder.
    public let directory: String
    /// What the description says, in our terms.
    public let configuration: DualEncoderConfiguration
    /// Keys of the description that do not change an embedding.
    public let ignoredKeys: [String]
    /// What was decided where the description leaves a choice.
    public let notes: [String]
    /// The files read, relative to the folder.
    public let fileNames: [String]

    /// How a model folder with these weights stores them.
    public let storage: WeightStorage

    let tensors: ForeignTensors

    /// Finds the files, opens the weights and reads the description; no weight is read yet.
    ///
    /// - Parameters:
    ///   - directory: The folder.
    ///   - activation: The nonlinearity where the description does not state it; a contradiction is refused.
    ///   - imageSize: Pixels per side of the images the model shall see, where they are not what it was trained with. Position
    ///     embeddings are then interpolated as the checkpoint's library does.
    public init(
        directory: String, activation: DualEncoderConfiguration.Activation? = nil, imageSize: Int? = nil
    ) throws(EncodersError) {
        self.directory = directory
        tensors = try Self.findTensors(directory)
        guard let naming = ForeignNaming(detectedIn: tensors.names) else {
            let shown = tensors.names.prefix(4).map { "'\($0)'" }.joined(separator: ", ")
            throw EncodersError(
                .unsupportedModel,
                "the tensors (\(shown), …) are not of a dual encoder in OpenAI, open_clip or transformers naming",
                at: directory)
        }
        let tokenizerName = "tokenizer_config.json"
        let hasTokenizer = Folder.exists("\(directory)/\(tokenizerName)")
        let tokenizer = hasTokenizer ? try ForeignFile.object("\(directory)/\(tokenizerName)") : [:]
        let description: ForeignDescription
        var descriptionNames: [String]
        var notes: [String] = []
        switch naming {
        case .openCLIP, .openCLIPCustomText:
            let path = "\(directory)/\(Self.openCLIPDescriptionName)"
            let fields: [String: JSONValue]
            if Folder.exists(path) {
                fields = try ForeignFile.object(path)
                descriptionNames = [Self.openCLIPDescriptionName]
            } else {
                fields = try Self.inferredDescription(tensors, activation: activation, at: path)
                descriptionNames = []
                notes.append(Self.inferenceNote)
            }
            description = try ForeignDescription(
                openCLIP: fields, tokenizer: tokenizer, activation: activation, at: path)
        case .huggingFace:
            descriptionNames = ["config.json", "preprocessor_config.json"]
            let path = try Self.path(descriptionNames[0], in: directory)
            let preprocessorPath = try Self.path(descriptionNames[1], in: directory)
            description = try ForeignDescription(
                huggingFace: ForeignFile.object(path), preprocessor: ForeignFile.object(preprocessorPath),
                tokenizer: tokenizer, activation: activation, at: path)
        }
        if hasTokenizer { descriptionNames.append(tokenizerName) }
        let geometry = try ImageGeometry(
            description.configuration, imageSize: imageSize, tensors, naming, at: directory)
        configuration = geometry.configuration
        storage = WeightStorage(
            naming: naming, fileNames: tensors.fileNames, positionInterpolation: geometry.interpolation)
        ignoredKeys = description.ignoredKeys
        self.notes = notes + description.notes + geometry.notes
        fileNames = tensors.fileNames + descriptionNames
    }

    private static let openCLIPDescriptionName = "open_clip_config.json"
    private static let openCLIPNames = ["open_clip_model.safetensors", "open_clip_pytorch_model.safetensors"]
    private static let huggingFaceName = "model.safetensors"
    private static let indexName = "model.safetensors.index.json"
    private static let pickleSuffixes = [".bin", ".pt", ".pth", ".ckpt", ".pkl"]

    /// open_clip's own files first, as that library prefers them.
    private static func findTensors(_ directory: String) throws(EncodersError) -> ForeignTensors {
        for name in openCLIPNames + [huggingFaceName] where Folder.exists("\(directory)/\(name)") {
            return try ForeignTensors(folder: directory, fileName: name)
        }
        if Folder.exists("\(directory)/\(indexName)") {
            return try ForeignTensors(folder: directory, indexName: indexName)
        }
        let names: [String]
        do {
            names = try Folder.names(in: directory)
        } catch {
            throw EncodersError(
                .fileAccess, "could not be listed; name the folder that holds the checkpoint", at: directory,
                cause: error)
        }
        if let pickle = names.first(where: { name in pickleSuffixes.contains { name.hasSuffix($0) } }) {
            throw EncodersError(
                .pickledWeights,
                "is a pickle, which can run any code when it is loaded and is never opened here. Convert it where you trust it: \(conversionRecipe(pickle))",
                at: "\(directory)/\(pickle)")
        }
        throw EncodersError(
            .fileAccess,
            "holds no weights; copy \(openCLIPNames[0]) and open_clip_config.json, or \(huggingFaceName), config.json and preprocessor_config.json, here",
            at: directory)
    }

    private static func conversionRecipe(_ name: String) -> String {
        "python3 -c \"import torch; from safetensors.torch import save_file; "
            + "s = torch.load('\(name)', map_location='cpu', weights_only=True); s = s.get('state_dict', s); "
            + "save_file({k: v.clone().contiguous() for k, v in s.items()}, '\(openCLIPNames[0])')\" "
            + "(for OpenAI's own .pt files: s = torch.jit.load('\(name)', map_location='cpu').state_dict()); "
            + "use '\(huggingFaceName)' as the new name for weights of transformers"
    }

    private static func path(_ name: String, in directory: String) throws(EncodersError) -> String {
        let path = "\(directory)/\(name)"
        guard Folder.exists(path) else {
            throw EncodersError(
                .fileAccess, "is missing: it belongs to these weights; copy it from where they came from", at: path)
        }
        return path
    }
}
