import ByteFormats
import Encoders
import Foundation
import PipelineEngine
import Tokenization

/// A library that `vlmpipe model export` writes for.
public typealias ExportLibrary = ExportTarget

/// Writes a model of the workspace in the form of another library.
public enum ModelExportWorkflow {
    /// Exports and returns lines for people.
    ///
    /// A checkpoint that goes back unchanged to the library it came from is copied byte for byte; everything else is written in
    /// F32 under the library's names.
    ///
    /// - Throws: `EncodersError` with the reasons when the library has no such model; `WorkflowError` when the folder is the
    ///   model's own.
    public static func run(
        name: String, directory: String, target: ExportTarget, in session: Session
    ) async throws -> String {
        let model = try ModelStore(workspace: session.workspace).model(named: name)
        let (from, to) = (URL(fileURLWithPath: model.directory), URL(fileURLWithPath: directory))
        guard from.resolvingSymlinksInPath().path != to.resolvingSymlinksInPath().path else {
            throw WorkflowError(.usage, "this is the model's own folder; name another", place: directory)
        }
        try Folder.create(directory)
        var names: [String]
        var notes: [String] = []
        if let copied = try model.sourceFileNames(of: target) {
            for name in copied {
                _ = try await HashedCopy.copy(
                    "\(model.directory)/\(name)", to: "\(directory)/\(name)", pool: session.pool)
            }
            names = copied
            notes.append("the checkpoint's own files, unchanged")
        } else {
            (names, notes) = try await session.pool.run {
                let notes = try model.encoder().export(toDirectory: directory, as: target)
                return (target.fileNames, notes)
            }
        }
        for name in try model.tokenizerFileNames() where !names.contains(name) {
            _ = try await HashedCopy.copy("\(model.directory)/\(name)", to: "\(directory)/\(name)", pool: session.pool)
            names.append(name)
        }
        if case .bytePair = try model.tokenizer() {
            notes.append(
                "the tokenizer was trained here and is in this program's own format: the library cannot read it, give its "
                    + "models the ids of 'vlmpipe encode --tokens'")
        }
        let lines = ["exported \(model.name) to \(directory): \(names.joined(separator: ", "))"]
        return (lines + notes.map { "note: \($0)" }).joined(separator: "\n")
    }
}

extension InstalledModel {
    /// The files of the checkpoint that was imported, where its own description leads to the very model; nil otherwise: an
    /// activation or an image size given at import is not in it.
    fileprivate func sourceFileNames(of target: ExportTarget) throws -> [String]? {
        guard let storage = description.storage, description.hasWeights(of: target),
            target.descriptionFileNames.allSatisfy({ Folder.exists("\(directory)/\($0)") })
        else { return nil }
        let source = try ForeignCheckpoint(directory: directory)
        guard source.configuration == configuration else { return nil }
        return storage.fileNames + target.descriptionFileNames
    }
}
