import PipelineEngine
import Shards

/// What an ingest found and did.
public struct IngestReport: Sendable {
    /// What became of one shard.
    public enum ShardOutcome: String, Sendable, CaseIterable {
        /// It was not in the catalog.
        case added
        /// It was there, whole and the same.
        case unchanged
        /// An earlier ingest had stopped inside it and was carried to its end.
        case resumed
        /// Its file, or the settings, had changed; its rows were made anew.
        case replaced
        /// Files were renamed or removed; nothing was read and nothing need be embedded again.
        case updated
        /// Its file is gone; its rows stay, marked.
        case missing
        /// Its file could not be read to the end; the next ingest takes it up again.
        case failed
        /// A stop was requested before or while it was read; the next ingest takes it up again.
        case interrupted
    }

    /// What became of a file of a folder, or of a row of a manifest.
    public enum FileOutcome: String, Sendable, CaseIterable {
        /// It was not known.
        case added
        /// It, or a text beside it, is not what it was.
        case changed
        /// It was known under another name.
        case renamed
        /// It is gone, or excluded now.
        case removed
    }

    /// The name of the data set.
    public var dataset: String
    /// Samples and quarantined ones of all shards named by the sources, unchanged ones included.
    public var accounting = Accounting()
    /// Quarantined ones by code.
    public var quarantinedByReason: [String: Int] = [:]
    /// Shards by what became of them.
    public var shards: [ShardOutcome: Int] = [:]
    /// Files of folders and rows of manifests by what became of them.
    public var files: [FileOutcome: Int] = [:]
    /// Things found and examined in this run, for the rate.
    public var examinedCount = 0
    /// Image bytes read in this run.
    public var examinedByteCount: Int64 = 0
    /// Members of tars that belong to no sample by their name.
    public var ignoredMemberCount = 0
    /// Files that belong to no sample, by what the summary calls them; at most `maximumLabelCount` labels are kept apart.
    public private(set) var ignoredFiles: [String: Int] = [:]
    /// Raw files of cameras, which are not read.
    public private(set) var rawCount = 0
    /// What walks passed over.
    public var tally = FolderTally()
    /// Shards whose members can only be reached through what lies before them.
    public var sequentialShardCount = 0
    /// What was found out about manifests, one line each.
    public var notes: [String] = []
    /// Images whose key kept its extension because another image of the folder has the same.
    public var collisionCount = 0
    /// Files and folders that could not be read or are gone, and why; at most `maximumFailureCount` are kept.
    public private(set) var failures: [ShardError] = []
    /// Number of failures, also of those not kept.
    public private(set) var failureCount = 0
    /// Whether a stop was requested before everything was read.
    public var isInterrupted = false
    /// Whether more than the allowed share is quarantined: exit status 65.
    public var isPastBadShare = false
    /// Wall time of the run.
    public var seconds = 0.0

    /// Most labels of ignored files.
    public static let maximumLabelCount = 32
    /// Most failures kept.
    public static let maximumFailureCount = 100

    /// An empty report.
    public init(dataset: String) {
        self.dataset = dataset
    }

    /// Things examined per second.
    public var examinedPerSecond: Double { seconds > 0 ? Double(examinedCount) / seconds : 0 }

    /// All files and members that belong to no sample.
    public var ignoredCount: Int {
        ignoredFiles.values.reduce(0, +) + rawCount + ignoredMemberCount + tally.specialCount
    }

    mutating func add(_ file: IgnoredFile) {
        switch file {
        case .raw: rawCount += 1
        case .other(let label):
            let isKept = ignoredFiles[label] != nil || ignoredFiles.count < IngestReport.maximumLabelCount
            ignoredFiles[isKept ? label : "other", default: 0] += 1
        }
    }

    mutating func add(_ failure: ShardError) {
        failureCount += 1
        if failures.count < IngestReport.maximumFailureCount { failures.append(failure) }
    }

    mutating func add(_ outcome: ShardOutcome) {
        shards[outcome, default: 0] += 1
    }
}
