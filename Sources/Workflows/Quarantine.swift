import Imaging
import SampleCatalog
import Shards

/// How stages past ingest name what went wrong with one sample.
enum Quarantine {
    /// A stable word for counting.
    static func code(of error: any Error) -> String {
        switch error {
        case let error as ShardError: "\(error.code)"
        case let error as ImagingError: "\(error.code)"
        default: "unreadable"
        }
    }

    /// Whether an error is about one sample's content, so that the run goes on without it, rather than about the shard,
    /// the disk or ourselves.
    static func concernsOneSample(_ error: any Error) -> Bool {
        error is ImagingError
    }
}
