import ByteFormats
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
    /// How text is cleaned; nil chooses by the checkpoint's files.
    public var cleaning: TextCleaning?
    /// Pixels per side of the images; nil for the checkpoint's own.
    public var imageSize: Int?
    /// Whether tensors that nothing is known about are left out instead of refused.
    public var allowsUnusedTensors: Bool

    /// A request.
    public init(
        directory: String, name: String, usesQuickGELU: Bool?, cleaning: TextCleaning?, imageSize: Int? = nil,
        allowsUnusedTensors: Bool = false
    ) {
        self.directory = directory
        self.name = name
        self.usesQuickGELU = usesQuickGELU
        self.cleaning = cleaning
        self.imageSize = imageSize
        self.allowsUnusedTensors = allowsUnusedTensors
    }
}

/// Installs a public checkpoint as a model: weights as they are, configuration, tokenizer files, digests.
public enum ModelImportWorkflow {
    /// Imports and returns lines for people: what was read, what was assumed, what was left out.
    ///
    /// Everything is checked, finiteness of all weights included, before the model's folder is touched.
    ///
    /// - Throws: `EncodersError` and `TokenizationError` naming what is missing or unknown; `WorkflowError` when tokenizer
    ///   and model do not belong together.
    public static func run(_ request: ModelImportRequest, in session: Session) async throws -> String {
        let store = ModelStore(workspace: session.workspace)
        _ = try store.path(for: request.name)
        let activation = request.usesQuickGELU.map { $0 ? DualEncoderConfiguration.Activation.quickGELU : .gelu }
        let checkpoint = try ForeignCheckpoint(
            directory: request.directory, activation: activation, imageSize: request.imageSize)
        let report = try checkpoint.report(allowsUnusedTensors: request.allowsUnusedTensors)

        let folder = URL(fileURLWithPath: request.directory)
        let cleaning = try request.cleaning ?? ReferenceCleaning.ofCheckpoint(inFolder: request.directory)
        let tokenizer = try TextTokenizer(directory: folder, cleaning: cleaning)
        let text = checkpoint.configuration.text
        var disagreements: [String] = []
        if tokenizer.vocabularySize > text.vocabularySize {
            disagreements.append(
                "the tokenizer has \(tokenizer.vocabularySize) ids, the model \(text.vocabularySize)")
        }
        if text.pooling == .endToken, Int(tokenizer.endTokenID) != text.endTokenID {
            disagreements.append(
                "the tokenizer ends texts with \(tokenizer.endTokenID), the model pools at \(text.endTokenID)")
        }
        if text.isPadded, Int(tokenizer.padTokenID) != text.padTokenID {
            disagreements.append(
                "the tokenizer fills texts with \(tokenizer.padTokenID), the model's description with \(text.padTokenID)"
            )
        }
        guard disagreements.isEmpty else {
            throw WorkflowError(
                .badData,
                disagreements.joined(separator: "; ") + ": they do not belong together; copy the folder again",
                place: request.directory)
        }
        let files = try TextTokenizer.fileNames(inDirectory: folder, cleaning: cleaning).map { name in
            (name: name, bytes: [UInt8](try Data(contentsOf: folder.appending(path: name))))
        }
        _ = try await session.pool.map(Array(0..<checkpoint.partCount)) { try checkpoint.checkFinite(part: $0) }
        // The description is kept for an export to the library it came from; nothing reads it for inference.
        let others = checkpoint.fileNames.filter { name in
            !checkpoint.storage.fileNames.contains(name) && !files.contains { $0.name == name }
        }
        let golden = [GoldenComparison.fileName].filter { Folder.exists("\(request.directory)/\($0)") }
        let model = try await InstalledModel.install(
            checkpoint, tokenizerFiles: files, cleaning: cleaning, extraFileNames: others + golden, name: request.name,
            in: store, pool: session.pool)
        return lines(checkpoint, report, model).joined(separator: "\n")
    }

    private static func lines(
        _ checkpoint: ForeignCheckpoint, _ report: ImportReport, _ model: InstalledModel
    ) -> [String] {
        var lines = [
            "imported \(report.tensorCount) tensors (\(report.elementTypes.joined(separator: ", "))) from "
                + "\(checkpoint.fileNames.joined(separator: ", ")) as model \(model.name), space \(model.space.shortName); "
                + "text is cleaned as \(model.cleaning.rawValue)"
        ]
        lines += checkpoint.notes.map { "note: \($0)" }
        func list(_ title: String, _ names: [String]) {
            if !names.isEmpty { lines.append("\(title): \(names.joined(separator: ", "))") }
        }
        list("settings that change nothing here", checkpoint.ignoredKeys)
        list("tensors that are no parameters", byLastName(report.ignoredTensors))
        list("tensors reshaped", report.reshapedTensors)
        list("tensors left out, as asked", report.unusedTensors)
        return lines
    }

    /// Names joined where many differ in their beginnings only: a network has a counter for every norm.
    static func byLastName(_ names: [String]) -> [String] {
        let groups = Dictionary(grouping: names) { $0.split(separator: ".").last ?? "" }
        return groups.values.sorted { $0[0] < $1[0] }.flatMap { group in
            group.count <= 3 ? group : ["\(group[0]) and \(group.count - 1) others of that last name"]
        }
    }
}
