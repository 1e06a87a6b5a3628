import PipelineEngine
import Shards

/// Keeps a data set up to date with its folders: `ingest --watch`.
public enum IngestWatch {
    /// Quiet seconds after the last change before it is taken up, so that a copy under way is one ingest.
    static let quietSeconds = 2.0
    /// Seconds after the first change when it is taken up in any case.
    static let patienceSeconds = 60.0
    /// Seconds until another try when another command is writing.
    static let retrySeconds = 5.0
    private static let pollMilliseconds = 250

    /// Ingests, waits for a change below the sources, and ingests again, until a stop is requested, which is its proper end.
    ///
    /// The workspace is locked only while something is ingested. What goes wrong in the first ingest is thrown; later ones
    /// report it and go on waiting, and what could not be read is tried again with the next change.
    ///
    /// - Parameters:
    ///   - session: one that writes at times.
    ///   - didIngest: called after each ingest.
    /// - Throws: `WorkflowError` `usage` for sources that cannot be watched; as `IngestWorkflow.run`.
    public static func run(
        _ options: IngestOptions, in session: Session, didIngest: (IngestReport) -> Void
    ) async throws {
        guard !options.sources.contains(where: { $0 == "-" || StreamAddress(source: $0) != nil }) else {
            throw WorkflowError(.usage, "--watch keeps folders and files up to date; streams cannot be watched")
        }
        var watcher = try FolderWatcher()
        var isFirst = true
        while !session.stop.isStopRequested {
            do {
                let count = try watch(options, &watcher)
                didIngest(try await session.locked { try await IngestWorkflow.run(options, in: session) })
                session.note("watching \(ProgressReporter.grouped(count)) folders; Ctrl-C ends it")
            } catch let error as WorkflowError where error.code == .interrupted {
                return
            } catch let error as WorkflowError where error.code == .tryAgain && !isFirst {
                session.note("another command is writing to the workspace; trying again when it may be done")
                try await pause(seconds: retrySeconds, session)
                continue
            } catch {
                if isFirst { throw error }
                session.note("\(error)")
            }
            isFirst = false
            try await waitForChange(&watcher, session)
        }
    }

    /// Watches everything below the sources, also what is new there. Returns the number of folders.
    private static func watch(_ options: IngestOptions, _ watcher: inout FolderWatcher) throws -> Int {
        var count = 0
        for name in try BracePattern.expandSources(options.sources) {
            let path = SourcePath.absoluteOfMissing(name) ?? name
            if FileKind.ofItem(atPath: name) == .folder {
                count += try watcher.watch(
                    folder: SourcePath.absolute(name), excludes: options.excludes, limits: options.shardLimits)
            } else {
                try watcher.watch(fileAt: path)
                count += 1
            }
        }
        return count
    }

    /// Waits for a change and the quiet after it, or for a stop.
    private static func waitForChange(_ watcher: inout FolderWatcher, _ session: Session) async throws {
        var firstChange: Double?
        var lastChange = 0.0
        while !session.stop.isStopRequested {
            let now = ProgressReporter.monotonicSeconds()
            if let firstChange, now - lastChange >= quietSeconds || now - firstChange >= patienceSeconds { return }
            if try watcher.wait(milliseconds: 0) {
                lastChange = now
                if firstChange == nil { firstChange = now }
            }
            try await Task.sleep(for: .milliseconds(pollMilliseconds))
        }
    }

    private static func pause(seconds: Double, _ session: Session) async throws {
        let end = ProgressReporter.monotonicSeconds() + seconds
        while ProgressReporter.monotonicSeconds() < end, !session.stop.isStopRequested {
            try await Task.sleep(for: .milliseconds(pollMilliseconds))
        }
    }
}
