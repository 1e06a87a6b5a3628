import ByteFormats
import Encoders
import Foundation
import Imaging
import PipelineEngine
import Tokenization

/// Where a model is taken from, as `--model` says it.
public enum ModelSource: Sendable, Equatable {
    /// A model of the workspace; the one in use if nil.
    case named(String?)
    /// A folder: a model folder, or a checkpoint as it was downloaded, without any workspace.
    case folder(String)

    /// A value with a slash (`./b32`) is a folder, any other a name.
    public init(argument: String?) {
        if let argument, argument.contains("/") { self = .folder(argument) } else { self = .named(argument) }
    }
}

/// The parts of a model, each read only when it is asked for.
struct OpenedModel: Sendable {
    private enum Storage: Sendable {
        case installed(InstalledModel)
        case foreign(ForeignCheckpoint)
    }

    /// What the user called it.
    let name: String
    /// Its folder.
    let directory: String
    /// Shapes and preprocessing.
    let configuration: DualEncoderConfiguration
    private let storage: Storage

    /// A model of a workspace.
    init(_ model: InstalledModel) {
        name = model.name
        directory = model.directory
        configuration = model.configuration
        storage = .installed(model)
    }

    /// A model folder or a foreign checkpoint.
    init(folder: String) throws {
        guard Folder.exists(folder) else {
            throw WorkflowError(
                .noInput, "there is no such folder; a model's name has no slash, a folder's path has one", place: folder
            )
        }
        guard !Folder.exists("\(folder)/\(DualEncoder.descriptionFileName)") else {
            self.init(
                try InstalledModel(name: URL(fileURLWithPath: folder).lastPathComponent, directory: folder))
            return
        }
        self.init(try ForeignCheckpoint(directory: folder))
    }

    /// A checkpoint as it was downloaded.
    private init(_ checkpoint: ForeignCheckpoint) {
        name = checkpoint.directory
        directory = checkpoint.directory
        configuration = checkpoint.configuration
        storage = .foreign(checkpoint)
    }

    /// The towers asked for, with weights; of a foreign checkpoint always both.
    func encoder(_ towers: EncoderTowers = .all) throws -> DualEncoder {
        switch storage {
        case .installed(let model): try model.encoder(towers)
        case .foreign(let checkpoint): try checkpoint.importModel().encoder
        }
    }

    /// The tokenizer.
    func tokenizer() throws -> TextTokenizer {
        switch storage {
        case .installed(let model): try model.tokenizer()
        case .foreign:
            try TextTokenizer(
                directory: URL(fileURLWithPath: directory),
                cleaning: try ReferenceCleaning.ofCheckpoint(inFolder: directory))
        }
    }

    /// How a decoded image becomes the tower's input.
    var preprocessing: Preprocessing { InstalledModel.preprocessing(configuration) }
}

/// A model and what computes with it, with or without a workspace.
public struct ModelRuntime: Sendable {
    let model: OpenedModel
    let pool: ComputePool
    let stop: StopSignal
    let progressStyle: ProgressReporter.Style

    /// Opens the model; a workspace is looked for only when the model is named.
    ///
    /// - Throws: `WorkflowError` when there is no such workspace, model or folder; `EncodersError` when a checkpoint is not
    ///   one that this build computes.
    public init(source: ModelSource, workspace: String?, threads: Int?, isQuiet: Bool) throws {
        switch source {
        case .named(let name):
            let session = try Session.open(workspace: workspace, threads: threads, isQuiet: isQuiet, mode: .reading)
            model = OpenedModel(try ModelStore(workspace: session.workspace).model(named: name))
            pool = session.pool
            stop = session.stop
            progressStyle = session.progressStyle
        case .folder(let path):
            model = try OpenedModel(folder: path)
            pool = ComputePool(threadCount: threads ?? ProcessInfo.processInfo.activeProcessorCount)
            stop = StopSignal()
            progressStyle = .automatic(isQuiet: isQuiet)
            stop.listen()
        }
    }

    /// A message for people, on stderr; nothing when quiet.
    func note(_ text: String) {
        if progressStyle != .quiet { StandardError.write(text + "\n") }
    }
}
