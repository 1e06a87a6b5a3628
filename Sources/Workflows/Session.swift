import ByteFormats
import Foundation
import PipelineEngine
import SampleCatalog

/// What a command works with: the workspace, its lock if it writes, the threads, the stop signal, and where progress goes.
public final class Session: Sendable {
    /// Whether a command changes the workspace.
    public enum Mode: Sendable {
        /// Only reads; never waits for a writer.
        case reading
        /// Writes; holds the lock until the session ends.
        case writing
        /// Writes now and then, in `locked`; other commands may write in between.
        case writingAtTimes
    }

    /// The workspace.
    public let workspace: Workspace
    /// The threads that compute.
    public let pool: ComputePool
    /// Set by Ctrl-C.
    public let stop: StopSignal
    /// How progress is shown.
    public let progressStyle: ProgressReporter.Style
    private let lock: FileLock?

    private init(workspace: Workspace, lock: consuming FileLock?, threadCount: Int, isQuiet: Bool) {
        self.workspace = workspace
        self.lock = lock
        pool = ComputePool(threadCount: threadCount)
        stop = StopSignal()
        progressStyle = .automatic(isQuiet: isQuiet)
        stop.listen()
    }

    /// Finds the workspace, or makes it when the command writes, and says on stderr which one it is.
    ///
    /// - Throws: `WorkflowError`: `noInput` when a reading command finds none, `tryAgain` when another one is writing.
    public static func open(workspace explicit: String?, threads: Int?, isQuiet: Bool, mode: Mode) throws -> Session {
        let environment = ProcessInfo.processInfo.environment
        let directory = FileManager.default.currentDirectoryPath
        let workspace: Workspace
        switch mode {
        case .writing, .writingAtTimes:
            workspace = try Workspace.findOrCreate(
                explicit: explicit, environment: environment, directory: directory)
        case .reading:
            guard
                let found = try Workspace.find(explicit: explicit, environment: environment, directory: directory)
            else {
                throw WorkflowError(
                    .noInput,
                    "there is no workspace here or in a folder above; 'vlmpipe ingest SOURCE' makes one, "
                        + "--workspace or \(Workspace.environmentVariable) name one elsewhere",
                    place: explicit ?? directory)
            }
            workspace = found
        }
        let session = Session(
            workspace: workspace, lock: mode == .writing ? try workspace.lock() : nil,
            threadCount: threads ?? ProcessInfo.processInfo.activeProcessorCount, isQuiet: isQuiet)
        session.note("workspace \(workspace.path)")
        return session
    }

    /// Does something that writes, in a session that holds no lock.
    ///
    /// - Throws: `WorkflowError` `tryAgain` when another command is writing; and what `body` throws.
    func locked<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        let lock = try workspace.lock()
        let value = try await body()
        _ = consume lock
        return value
    }

    /// The catalog for reading.
    ///
    /// - Throws: `WorkflowError` when nothing was ingested yet, `CatalogError` when it cannot be opened.
    func readCatalog() throws -> SampleCatalog { try catalog(.read) }

    /// The catalog for a stage that reads samples and records failures; one of an older version is brought up to date.
    ///
    /// - Throws: as `readCatalog`.
    func writeCatalog(cacheSize: SampleCatalog.CacheSize = .large) throws -> SampleCatalog {
        try catalog(.write, cacheSize: cacheSize)
    }

    private func catalog(
        _ access: SampleCatalog.Access, cacheSize: SampleCatalog.CacheSize = .large
    ) throws -> SampleCatalog {
        guard Folder.exists(workspace.catalogPath) else {
            throw WorkflowError(
                .noInput, "nothing has been ingested yet; start with 'vlmpipe ingest SOURCE'", place: workspace.path)
        }
        return try SampleCatalog(path: workspace.catalogPath, access: access, cacheSize: cacheSize)
    }

    /// A message for people, on stderr; nothing when quiet.
    public func note(_ text: String) {
        if progressStyle != .quiet { StandardError.write(text + "\n") }
    }

    /// A progress reporter for one stage.
    public func progress(title: String, unit: String, totalCount: Int? = nil) -> ProgressReporter {
        ProgressReporter(title: title, unit: unit, totalCount: totalCount, style: progressStyle)
    }
}
