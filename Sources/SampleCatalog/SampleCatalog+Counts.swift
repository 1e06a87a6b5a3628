import GRDB
import Samples

/// Counts over a data set, or all of them. At every moment found = samples + quarantined.
public struct CatalogCounts: Hashable, Sendable {
    /// Everything found: samples and quarantined ones.
    public var found: Int { samples + quarantined }
    /// Usable samples: those without a quarantine row of any stage.
    public var samples = 0
    /// What some stage refused.
    public var quarantined = 0
    /// Distinct images among the samples, by SHA-256 of their bytes.
    public var distinctImages = 0
    /// Captions of the samples.
    public var captions = 0
    /// Samples with at least one caption.
    public var captionedSamples = 0
    /// Bytes of the samples' images.
    public var imageByteCount: Int64 = 0
    /// Shards in any state.
    public var shards = 0
    /// Shards whose file is gone.
    public var missingShards = 0
    /// Shards whose ingest is not finished.
    public var pendingShards = 0
    /// Samples by split.
    public var samplesBySplit: [String: Int] = [:]
    /// Quarantined ones by stage and code, written `stage/code`.
    public var quarantinedByReason: [String: Int] = [:]
}

extension SampleCatalog {
    /// Counts, all from one snapshot.
    public func counts(ofDataset dataset: String? = nil) throws(CatalogError) -> CatalogCounts {
        try read { db in
            try SampleCatalog.check(dataset, db)
            var counts = CatalogCounts()
            let arguments: StatementArguments = ["dataset": dataset]
            let scope = """
                JOIN shards h ON h.id = s.shard_id JOIN datasets d ON d.id = h.dataset_id
                WHERE (:dataset IS NULL OR d.name = :dataset)
                """
            let usable = """
                AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.shard_id = s.shard_id AND q.ordinal = s.ordinal)
                """
            for row in try Row.fetchAll(
                db,
                sql: """
                    SELECT s.split, count(*), sum(s.byte_count) FROM samples s \(scope) \(usable) GROUP BY s.split
                    """, arguments: arguments)
            {
                let count: Int = row[1]
                counts.samplesBySplit[row[0]] = count
                counts.samples += count
                counts.imageByteCount += row[2] as Int64
            }
            counts.distinctImages =
                try Int.fetchOne(
                    db, sql: "SELECT count(DISTINCT s.digest) FROM samples s \(scope) \(usable)", arguments: arguments)
                ?? 0
            if let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT count(*), count(DISTINCT s.shard_id || ' ' || s.ordinal) FROM captions s \(scope) \(usable)
                    """, arguments: arguments)
            {
                counts.captions = row[0]
                counts.captionedSamples = row[1]
            }
            counts.quarantined =
                try Int.fetchOne(
                    db, sql: "SELECT count(DISTINCT s.shard_id || ' ' || s.ordinal) FROM quarantine s \(scope)",
                    arguments: arguments) ?? 0
            for row in try Row.fetchAll(
                db, sql: "SELECT s.stage || '/' || s.code, count(*) FROM quarantine s \(scope) GROUP BY 1",
                arguments: arguments)
            {
                counts.quarantinedByReason[row[0]] = row[1]
            }
            for row in try Row.fetchAll(
                db,
                sql: """
                    SELECT h.state, count(*) FROM shards h JOIN datasets d ON d.id = h.dataset_id
                    WHERE (:dataset IS NULL OR d.name = :dataset) GROUP BY h.state
                    """, arguments: arguments)
            {
                let count: Int = row[1]
                counts.shards += count
                if row[0] as String == "missing" { counts.missingShards = count }
                if row[0] as String == "pending" { counts.pendingShards = count }
            }
            return counts
        }
    }

    /// Samples recorded and things refused by ingest in one shard.
    public func ingestCounts(ofShard shard: ShardID) throws(CatalogError) -> IngestCounts {
        try read { db in
            var counts = IngestCounts()
            counts.samples =
                try Int.fetchOne(
                    db, sql: "SELECT count(*) FROM samples WHERE shard_id = ?", arguments: [shard.rawValue]) ?? 0
            for row in try Row.fetchAll(
                db,
                sql: "SELECT code, count(*) FROM quarantine WHERE shard_id = ? AND stage = 'ingest' GROUP BY code",
                arguments: [shard.rawValue])
            {
                counts.quarantinedByCode[row[0]] = row[1]
            }
            return counts
        }
    }
}

/// What ingest made of one shard.
public struct IngestCounts: Hashable, Sendable {
    /// Samples recorded.
    public var samples = 0
    /// Things refused, by code.
    public var quarantinedByCode: [String: Int] = [:]
    /// Things refused.
    public var quarantined: Int { quarantinedByCode.values.reduce(0, +) }
}
