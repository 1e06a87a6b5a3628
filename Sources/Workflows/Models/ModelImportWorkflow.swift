import Encoders
import Foundation
import PipelineEngine
import Tokenization

/// What `vlmpipe model import` is asked for.
public struct ModelImportRequest: Sendable {
    /// Folder of the checkpoint.
    public var directory: String
    /// Name of the model that is made.
    public var name: String
    /// Whether the MLPs use QuickGELU; nil leaves it to the checkpoint's configuration.
    public var usesQuickGELU: Bool?
    /// How text is cleaned; nil chooses by the checkpoint's kind.
    public var cleaning: ClipCleaning?

    /// A request.
    public init(directory: String, name: String, usesQuickGELU: Bool?, cleaning: ClipCleaning?) {
        self.directory = directory
        self.name = name
        self.usesQuickGELU = usesQuickGELU
        self.cleaning = cleaning
    }
}

/// Installs a public CLIP checkpoint as a model: weights by name table, configuration, tokenizer files, digests.
public enum ModelImportWorkflow {
    /// The file whose presence tells an open_clip folder from a Hugging Face one.
    private static let openClipConfiguration = "open_clip_config.json"

    /// Imports and returns lines for people: what was read, what was assumed, what was left out.
    ///
    /// - Throws: `EncodersError` and `TokenizationError` naming what is missing or unknown; `WorkflowError` when tokenizer
    ///   and model do not belong together.
    public static func run(_ request: ModelImportRequest, in session: Session) async throws -> String {
        let store = ModelStore(workspace: session.workspace)
        _ = try store.path(for: request.name)
        let folder = URL(fileURLWithPath: request.directory)
        let activation = request.usesQuickGELU.map { $0 ? DualEncoderConfiguration.Activation.quickGELU : .gelu }
        let checkpoint = try ForeignCheckpoint(directory: request.directory, activation: activation)
        let isOpenClip = FileManager.default.fileExists(atPath: folder.appending(path: openClipConfiguration).path)
        let cleaning = request.cleaning ?? (isOpenClip ? .openClip : .huggingFaceFast)

        let tokenizer = try TextTokenizer(directory: folder, cleaning: cleaning)
        let text = checkpoint.configuration.text
        guard tokenizer.vocabularySize <= text.vocabularySize, Int(tokenizer.endTokenID) == text.endTokenID else {
            throw WorkflowError(
                .badData,
                "the tokenizer has \(tokenizer.vocabularySize) ids and ends texts with \(tokenizer.endTokenID), the model "
                    + "has \(text.vocabularySize) and pools at \(text.endTokenID): they do not belong together",
                place: request.directory)
        }
        let files = try TextTokenizer.fileNames(inDirectory: folder, cleaning: cleaning).map { name in
            (name: name, bytes: [UInt8](try Data(contentsOf: folder.appending(path: name))))
        }
        let (model, imported) = try await session.pool.run {
            let imported = try checkpoint.importModel()
            let model = try InstalledModel.install(
                encoder: imported.encoder, tokenizerFiles: files, cleaning: cleaning, name: request.name, in: store)
            return (model, imported)
        }
        try store.use(request.name)

        var lines = [
            "imported \(imported.tensorCount) tensors from \(checkpoint.fileNames.joined(separator: ", ")) as model "
                + "\(model.name), space \(model.space.shortName); text is cleaned as \(cleaning.rawValue)"
        ]
        lines += checkpoint.notes.map { "note: \($0)" }
        if !checkpoint.ignoredKeys.isEmpty {
            lines.append("settings that change nothing here: \(checkpoint.ignoredKeys.joined(separator: ", "))")
        }
        if !imported.ignoredTensors.isEmpty {
            lines.append("tensors that are no parameters: \(imported.ignoredTensors.joined(separator: ", "))")
        }
        return lines.joined(separator: "\n")
    }
}
