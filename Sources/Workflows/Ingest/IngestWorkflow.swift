import PipelineEngine
import SampleCatalog
import Samples
import Shards
import Synchronization

/// Finds samples in tars and folders, checks and hashes them, and records them in the catalog, in place.
///
///     let report = try await IngestWorkflow.run(
///         IngestOptions(sources: ["shards/{00000..00031}.tar"]), catalog: catalog, pool: pool, progress: progress,
///         stop: stop)
///
/// Safe to run again, and after being killed at any instant: each chunk of at most 256 things found in a tar, and each
/// folder shard, is one transaction that holds the rows and the place to go on from. Whatever the order in which shards
/// end, the catalog's dump is the same as that of an undisturbed run. Shards whose size and time are unchanged are not
/// read again; where only the time differs, the headers decide. At the end the catalog's derived indexes are brought up to
/// date, also those that an earlier run left out.
public struct IngestWorkflow: Sendable {
    /// Things found per transaction, and per cursor.
    static let chunkCount: UInt32 = 256
    /// Samples of one folder shard.
    static let folderShardCount = 1024
    /// Image and text bytes held in memory at once for one shard, unless a single sample is larger.
    static let batchByteCount = 4 << 20

    let options: IngestOptions
    let catalog: SampleCatalog
    let pool: ComputePool
    let progress: ProgressReporter
    let stop: StopSignal
    let examination: SampleExamination
    let state: IngestState

    /// Runs an ingest to its end, or to a safe point after a requested stop.
    ///
    /// Blocking work runs on `pool`. The caller holds the workspace's lock, finishes `progress`, and turns
    /// `isInterrupted`, `isPastBadShare` and `failureCount` of the report into an exit status. Throws `WorkflowError`
    /// for wrong options and sources that do not exist, `CatalogError` if the catalog cannot be used.
    ///
    /// - Parameter didCommit: called after each transaction with the number of transactions so far; for tests.
    public static func run(
        _ options: IngestOptions, catalog: SampleCatalog, pool: ComputePool, progress: ProgressReporter,
        stop: StopSignal, didCommit: (@Sendable (Int) -> Void)? = nil
    ) async throws -> IngestReport {
        try options.validate()
        let workflow = IngestWorkflow(
            options: options, catalog: catalog, pool: pool, progress: progress, stop: stop,
            examination: SampleExamination(options: options),
            state: IngestState(report: IngestReport(dataset: options.dataset), didCommit: didCommit))
        return try await withTaskExecutorPreference(pool) { try await workflow.run() }
    }

    /// Opens the workspace's catalog for the run; see the form above.
    public static func run(
        _ options: IngestOptions, workspace: Workspace, pool: ComputePool, progress: ProgressReporter, stop: StopSignal
    ) async throws -> IngestReport {
        let catalog = try SampleCatalog(path: workspace.catalogPath, access: .write)
        let report = try await run(options, catalog: catalog, pool: pool, progress: progress, stop: stop)
        try catalog.close()
        return report
    }

    @concurrent
    private func run() async throws -> IngestReport {
        let start = ProgressReporter.monotonicSeconds()
        var plan = IngestPlan(roots: try catalog.rootPaths())
        for source in try resolvedSources() {
            switch source {
            case .folder(let path):
                try await ingestFolder(path, plan: &plan)
            case .file(let path):
                let root = plan.root(forFile: path)
                plan.addTar(path, root: root)
            case .manifest(let path, let manifest):
                try await ingestManifest(manifest, path: path, plan: &plan)
            case .stream(let address):
                plan.addStream(address)
            case .gone(let shard):
                try markMissing(shard)
                plan.involved.insert(shard.id)
            }
        }
        try await ingestTars(&plan)
        try await ingestStreams(&plan)
        try prepareDerivedIndexes()
        var report = state.report
        for shard in plan.involved.sorted() {
            let counts = try catalog.ingestCounts(ofShard: shard)
            report.accounting.recordSamples(counts.samples)
            report.accounting.recordQuarantined(counts.quarantined)
            for (code, count) in counts.quarantinedByCode { report.quarantinedByReason[code, default: 0] += count }
        }
        report.isInterrupted = report.isInterrupted || report.shards[.interrupted] != nil
        report.isPastBadShare = report.accounting.quarantinedShare > options.maximumBadShare
        report.seconds = ProgressReporter.monotonicSeconds() - start
        return report
    }

    /// Indexes what is new; says how far it is every few seconds.
    private func prepareDerivedIndexes() throws {
        var messageTime = ProgressReporter.monotonicSeconds()
        try catalog.prepareDerivedIndexes(shouldStop: { stop.isStopRequested }) { done, total in
            let now = ProgressReporter.monotonicSeconds()
            guard now - messageTime >= 5 else { return }
            messageTime = now
            progress.message("indexing captions: \(done) of \(total) shards")
        }
    }

    private enum Source {
        case folder(String)
        case file(String)
        case manifest(String, Manifest)
        case stream(StreamAddress)
        case gone(CatalogShard)
    }

    /// All sources as absolute paths, before anything is written: those that do not exist are reported together.
    private func resolvedSources() throws -> [Source] {
        var names: [String] = []
        do throws(ShardError) {
            for source in options.sources {
                // What is in a command is for the shell.
                if case .command? = StreamAddress(source: source) {
                    names.append(source)
                } else {
                    names += try BracePattern.expandSources([source])
                }
            }
        } catch {
            throw WorkflowError(.usage, error.message)
        }
        var sources: [Source] = []
        var missing: [String] = []
        for name in names {
            if let kind = FileKind.ofItem(atPath: name) {
                let path = try SourcePath.absolute(name)
                sources.append(kind == .folder ? .folder(path) : try file(path))
            } else if let address = StreamAddress(source: name) {
                sources.append(.stream(address))
            } else if let path = SourcePath.absoluteOfMissing(name),
                let shard = try catalog.tar(atPath: path, ofDataset: options.dataset)
            {
                sources.append(.gone(shard))
            } else {
                missing.append(name)
            }
        }
        guard missing.isEmpty else {
            let shown = missing.prefix(5).joined(separator: ", ") + (missing.count > 5 ? " …" : "")
            throw WorkflowError(
                .noInput,
                "\(missing.count) of \(names.count) sources do not exist; check the spelling, and whether the drive is "
                    + "mounted. If it moved, 'vlmpipe dataset relocate OLD NEW' says so to the catalog", place: shown)
        }
        return sources
    }

    /// What a file named by the user is. One that cannot be opened is a tar until it is tried.
    private func file(_ path: String) throws -> Source {
        let opened: (file: ReadOnlyFile, kind: ContentKind)
        do throws(ShardError) {
            let file = try ReadOnlyFile(path: path)
            opened = (file, try ContentKind.ofFile(file))
        } catch {
            return .file(path)
        }
        if opened.kind == .parquet {
            throw WorkflowError(
                .badData,
                "Parquet is not read; write it as JSON lines and ingest that: "
                    + ContentKind.parquetConversion(path: path),
                place: path)
        }
        do throws(ShardError) {
            guard try Manifest.mayBe(path: path, kind: opened.kind, file: opened.file) else { return .file(path) }
            return .manifest(
                path, try Manifest(file: opened.file, options: options.manifest, limits: options.shardLimits))
        } catch {
            // Among others, and with nothing said of manifests, it is one bad source, which stops no run.
            if error.code == .manifestInvalid, options.sources.count > 1, options.manifest.isStandard {
                return .file(path)
            }
            throw WorkflowError(error.code == .inputOutput ? .inputOutput : .badData, error.message, place: path)
        }
    }

    func markMissing(_ shard: CatalogShard) throws {
        if shard.state != .missing {
            try catalog.markMissing(shard.id)
            state.committed()
        }
        state.update { report in
            report.add(.missing)
            report.add(
                ShardError(
                    .fileMissing, "The shard was ingested and is gone; its samples are kept but cannot be read.",
                    path: shard.absolutePath))
        }
    }

    /// Counts what was examined and shows it.
    func examined(count: Int, byteCount: Int64) {
        let total = state.update { report in
            report.examinedCount += count
            report.examinedByteCount += byteCount
            return report.examinedCount
        }
        progress.update(completedCount: total)
    }
}

/// What the concurrent parts of an ingest share: the report and the number of transactions, under one lock.
final class IngestState: Sendable {
    private struct Content {
        var report: IngestReport
        var commitCount = 0
    }

    private let content: Mutex<Content>
    private let didCommit: (@Sendable (Int) -> Void)?

    init(report: IngestReport, didCommit: (@Sendable (Int) -> Void)?) {
        content = Mutex(Content(report: report))
        self.didCommit = didCommit
    }

    var report: IngestReport { content.withLock { $0.report } }

    func update<Value: Sendable>(_ body: (inout IngestReport) -> Value) -> Value {
        content.withLock { body(&$0.report) }
    }

    func committed() {
        let count = content.withLock { content in
            content.commitCount += 1
            return content.commitCount
        }
        didCommit?(count)
    }
}

/// Which tars are to be read and under which roots, in the order of the sources.
struct IngestPlan {
    struct Tar: Sendable {
        let path: String
        let root: String
    }

    private(set) var roots: [String]
    private(set) var tars: [Tar] = []
    private(set) var streams: [StreamAddress] = []
    private var tarPaths: Set<PathKey> = []
    /// Shards that the sources name.
    var involved: Set<ShardID> = []

    init(roots: [String]) {
        // Streams have the empty root, under which no file is.
        self.roots = roots.filter { !$0.isEmpty }
    }

    /// A recorded root above `path`, the longest; else the folder above the tar's, so that shards of different folders
    /// keep different names.
    mutating func root(forFile path: String) -> String {
        let folder = SourcePath.parent(path)
        let above = SourcePath.parent(folder)
        return root(for: folder, otherwise: above == "/" || folder == "/" ? folder : above)
    }

    /// A recorded root above or at the folder, the longest; else the folder above it.
    mutating func root(forFolder path: String) -> String {
        let above = SourcePath.parent(path)
        return root(for: path, otherwise: above == "/" || path == "/" ? path : above)
    }

    private mutating func root(for folder: String, otherwise root: String) -> String {
        let known = roots.filter { SourcePath.relative(folder, to: $0) != nil }
        if let longest = known.max(by: { $0.utf8.count < $1.utf8.count }) { return longest }
        roots.append(root)
        return root
    }

    /// Adds a tar once.
    mutating func addTar(_ path: String, root: String) {
        if tarPaths.insert(PathKey(path)).inserted { tars.append(Tar(path: path, root: root)) }
    }

    /// Adds a stream once.
    mutating func addStream(_ address: StreamAddress) {
        if !streams.contains(address) { streams.append(address) }
    }

    /// Whether a tar is to be read.
    func includesTar(_ path: String) -> Bool { tarPaths.contains(PathKey(path)) }
}
