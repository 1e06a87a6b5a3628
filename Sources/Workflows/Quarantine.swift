import Imaging
import SampleCatalog
import Shards

/// How stages past ingest name what went wrong with one sample.
enum Quarantine {
    /// A stable word for counting.
    static func code(of error: any Error) -> String {
        switch error {
        case let error as ShardError: error.code.rawValue
        case let error as ImagingError: "\(error.code)"
        default: "unreadable"
        }
    }

    /// Whether an error is about one sample's content, so that the run goes on without it, rather than about the shard,
    /// the disk or ourselves.
    ///
    /// In a folder every sample has a file of its own, so one that is gone or changed concerns that sample only.
    static func concernsOneSample(_ error: any Error, isInFolder: Bool) -> Bool {
        error is ImagingError || (isInFolder && concernsOneShard(error))
    }

    /// Whether an error is about one shard's files: gone, moved, or changed since they were ingested.
    static func concernsOneShard(_ error: any Error) -> Bool {
        guard let error = error as? ShardError else { return false }
        return [.fileMissing, .fileChanged, .inputOutput, .streamFailed, .streamStalled, .commandRefused].contains(
            error.code)
    }
}
