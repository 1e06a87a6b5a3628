import ByteFormats
import Encoders
import Foundation

/// The models of a workspace: one folder each under `models/`.
public struct ModelStore: Sendable {
    /// The folder that holds the models.
    public let directory: String

    private var currentFile: String { directory + "/current" }

    /// The models of a workspace.
    public init(workspace: Workspace) {
        directory = workspace.modelsDirectory
    }

    /// Names of all whole models, sorted; none while there is no folder of models.
    ///
    /// - Throws: `ByteFormatError` when the folder is there and cannot be listed.
    public func names() throws -> [String] {
        guard Folder.exists(directory) else { return [] }
        return try Folder.names(in: directory).filter {
            Folder.exists("\(directory)/\($0)/\(InstalledModel.digestsFileName)")
        }
    }

    /// Name of the model in use: the one chosen by `model use`, else the only one there is.
    ///
    /// - Throws: as `names`.
    public func currentName() throws -> String? {
        let names = try names()
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
        try choose(name)
    }

    /// Makes a model the one in use as soon as it is there.
    func choose(_ name: String) throws {
        try AtomicFile.write(path: currentFile, bytes: Array((name + "\n").utf8))
    }

    /// A model by name, or the one in use.
    ///
    /// - Throws: `WorkflowError` with code `usage` that says how to get a model, or which ones there are.
    public func model(named name: String?) throws -> InstalledModel {
        let names = try names()
        guard !names.isEmpty else {
            throw WorkflowError(
                .usage,
                "there is no model yet; train one on your captioned pairs with 'vlmpipe train', import a CLIP checkpoint "
                    + "with 'vlmpipe model import', or try the built-in data with 'vlmpipe demo-data'", place: name)
        }
        guard let chosen = try name ?? currentName() else {
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
