import ByteFormats
import Foundation

/// The folder that holds everything vlmpipe makes: catalog, models, embeddings, indexes, run records.
///
///     .vlmpipe/
///       version              "0.1": the layout
///       LOCK                 held by the one command that writes
///       catalog.sqlite
///       models/NAME/
///       spaces/SPACE/embeddings/, spaces/SPACE/index.vlx/
///       runs/ID/
///
/// It is found as git finds its own: the nearest `.vlmpipe` in the current folder or above. `--workspace` and the
/// environment variable `VLMPIPE_WORKSPACE` override that and name the folder itself. Deleting it undoes everything.
public struct Workspace: Sendable {
    /// The folder's name when it is searched for.
    public static let folderName = ".vlmpipe"
    /// The environment variable that names a workspace.
    public static let environmentVariable = "VLMPIPE_WORKSPACE"
    /// Version of the layout.
    public static let layoutVersion = "0.1"

    /// Absolute path of the folder.
    public let path: String

    /// The catalog.
    public var catalogPath: String { path + "/catalog.sqlite" }
    /// One folder for each model.
    public var modelsDirectory: String { path + "/models" }
    /// One folder for each embedding space.
    public var spacesDirectory: String { path + "/spaces" }
    /// One folder for each run.
    public var runsDirectory: String { path + "/runs" }
    /// The lock file of the one writer.
    public var lockPath: String { path + "/LOCK" }

    private init(path: String) {
        self.path = path
    }

    /// Finds the workspace that a command uses, or nil if none exists yet.
    ///
    /// - Parameters:
    ///   - explicit: what `--workspace` says.
    ///   - environment: the process's environment.
    ///   - directory: the current folder, absolute.
    /// - Throws: `WorkflowError` when a workspace is named but was written by a newer layout.
    public static func find(
        explicit: String?, environment: [String: String], directory: String
    ) throws(WorkflowError) -> Workspace? {
        if let named = named(explicit: explicit, environment: environment, directory: directory) {
            return isDirectory(named) ? try open(named) : nil
        }
        var folder = directory
        while true {
            let candidate = (folder == "/" ? "" : folder) + "/" + folderName
            if isDirectory(candidate) { return try open(candidate) }
            if folder == "/" { return nil }
            folder = (folder as NSString).deletingLastPathComponent
        }
    }

    /// Finds the workspace, or makes it where it is named, else in the current folder.
    ///
    /// - Throws: `WorkflowError` when it cannot be made or was written by a newer layout.
    public static func findOrCreate(
        explicit: String?, environment: [String: String], directory: String
    ) throws(WorkflowError) -> Workspace {
        if let found = try find(explicit: explicit, environment: environment, directory: directory) { return found }
        let path =
            named(explicit: explicit, environment: environment, directory: directory) ?? directory + "/" + folderName
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try AtomicFile.write(path: path + "/version", bytes: Array((layoutVersion + "\n").utf8))
        } catch {
            throw WorkflowError(
                .inputOutput, "cannot make the workspace; choose another place with --workspace", place: path,
                cause: error)
        }
        return Workspace(path: path)
    }

    /// Takes the lock of the one writer; it is held until the value goes out of scope.
    ///
    /// - Throws: `WorkflowError` with code `tryAgain` when another command holds it.
    public func lock() throws(WorkflowError) -> FileLock {
        do {
            return try FileLock(path: lockPath, purpose: "this workspace")
        } catch {
            if error.code == .busy {
                throw WorkflowError(
                    .tryAgain, "another vlmpipe command is writing to this workspace; wait for it or stop it",
                    place: path)
            }
            throw WorkflowError(.inputOutput, "cannot take the workspace's lock", place: lockPath, cause: error)
        }
    }

    private static func named(explicit: String?, environment: [String: String], directory: String) -> String? {
        guard let name = explicit ?? environment[environmentVariable].flatMap({ $0.isEmpty ? nil : $0 }) else {
            return nil
        }
        return name.hasPrefix("/") ? name : directory + "/" + name
    }

    private static func open(_ path: String) throws(WorkflowError) -> Workspace {
        if let data = FileManager.default.contents(atPath: path + "/version") {
            let version = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            guard version == layoutVersion else {
                throw WorkflowError(
                    .badData,
                    "the workspace has layout \(version), this build reads \(layoutVersion); "
                        + "use the build that made it, or delete the folder and run the stages again", place: path)
            }
        }
        return Workspace(path: path)
    }

    private static func isDirectory(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}
