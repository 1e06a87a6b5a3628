import Foundation
import PipelineEngine

/// What a run was told, did and cost: the content of `runs/ID/run.json` (`Schemas/run.schema.json`).
public struct RunRecord: Codable, Sendable {
    /// One timed part of a run.
    public struct Stage: Codable, Sendable {
        /// Name, such as `read` or `towers`.
        public var name: String
        /// Seconds from its start to its end.
        public var seconds: Double
        /// Items that went through, when that is meaningful.
        public var items: Int?
        /// `items` over `seconds`.
        public var itemsPerSecond: Double?

        /// A part of a run.
        public init(name: String, seconds: Double, items: Int? = nil) {
            self.name = name
            self.seconds = seconds
            self.items = items
            itemsPerSecond = items.flatMap { seconds > 0 ? Double($0) / seconds : nil }
        }
    }

    /// Version of this record's form.
    public static let formatVersion = "0.1"

    /// Version of the form.
    public var version = RunRecord.formatVersion
    /// The folder's name.
    public var id: String
    /// The command, such as `embed`.
    public var command: String
    /// Resolved settings, as text by name.
    public var settings: [String: String]
    /// Counts by name, such as `samples`.
    public var counts: [String: Int] = [:]
    /// Measured values by name, such as `recall@10`.
    public var values: [String: Double] = [:]
    /// The timed parts.
    public var stages: [Stage] = []
    /// Worker threads.
    public var threads: Int
    /// Peak of anonymous and shared memory (RssAnon + RssShmem) in bytes; mapped file pages are not in it.
    public var peakMemoryBytes: Int?
    /// `finished`, `interrupted` or `failed`.
    public var outcome: String = "running"
}

/// The folder of one run under `runs/`, with its record.
///
/// Folders are numbered in the order in which runs started (`0007-embed`); no clock is involved.
public struct RunFolder: Sendable {
    /// The folder's name.
    public let id: String
    /// Its path.
    public let path: String

    /// Makes the next numbered folder.
    ///
    /// - Throws: `WorkflowError` when the folder cannot be made.
    public static func create(inRunsDirectory runs: String, command: String) throws -> RunFolder {
        try makeDirectory(runs)
        let numbers = try FileManager.default.contentsOfDirectory(atPath: runs).compactMap { name in
            name.firstIndex(of: "-").flatMap { Int(name[..<$0]) }
        }
        let digits = String((numbers.max() ?? 0) + 1)
        let id = String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "-" + command
        return try open(id: id, inRunsDirectory: runs)
    }

    /// Opens the folder with a known name, making it when it is not there.
    ///
    /// - Throws: `WorkflowError` when the folder cannot be made.
    public static func open(id: String, inRunsDirectory runs: String) throws -> RunFolder {
        let path = runs + "/" + id
        try makeDirectory(path)
        return RunFolder(id: id, path: path)
    }

    private static func makeDirectory(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw WorkflowError(.inputOutput, "cannot make the folder for run records", place: path, cause: error)
        }
    }
}

/// Fills a `RunRecord` while a command works and writes it at the end, also when the command fails.
public struct RunRecorder {
    /// The record so far.
    public var record: RunRecord
    /// Where it is written.
    public let folder: RunFolder
    private let meter = PeakMemoryMeter()

    /// Starts a record.
    public init(folder: RunFolder, command: String, settings: [String: String], threads: Int) {
        self.folder = folder
        record = RunRecord(id: folder.id, command: command, settings: settings, threads: threads)
    }

    /// Closes the record and writes `run.json`.
    ///
    /// - Throws: what writing the file throws.
    public mutating func finish(outcome: String) throws {
        record.outcome = outcome
        record.peakMemoryBytes = meter.peakByteCount
        try JSONFile.write(record, to: folder.path + "/run.json")
    }
}
