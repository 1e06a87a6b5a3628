import Foundation
import GRDB
import Samples

/// Lookups by what a sample is rather than where: they use the derived indexes for the shards these cover and read the
/// rows of the others.
extension SampleCatalog {
    /// The samples with one of the keys, by data set, shard and ordinal.
    public func samples(
        withKeys keys: [String], ofDataset dataset: String? = nil
    ) throws(CatalogError) -> [CatalogSample] {
        try lookUp(
            keys.map(\.databaseValue), ofDataset: dataset, indexed: "SELECT id FROM key_index WHERE key = ?",
            column: "key")
    }

    /// The samples whose image has one of the digests, by data set, shard and ordinal: where else a file's bytes are
    /// known, such as under its old name.
    public func samples(
        withDigests digests: [Digest], ofDataset dataset: String? = nil
    ) throws(CatalogError) -> [CatalogSample] {
        let wanted = Set(digests)
        return try lookUp(
            digests.map { Data($0.bytes.prefix(8)).databaseValue }, ofDataset: dataset,
            indexed: "SELECT id FROM digest_index WHERE prefix = ?", column: "substr(digest, 1, 8)"
        ).filter { wanted.contains($0.digest) }
    }

    /// First 8 bytes, as a big-endian number, of digests that more than one sample has, ascending; at most `limit`. Shards
    /// that the derived indexes do not cover are left out.
    public func repeatedDigestPrefixes(limit: Int) throws(CatalogError) -> [UInt64] {
        try read { db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT prefix FROM digest_index GROUP BY prefix HAVING count(*) > 1 ORDER BY prefix LIMIT ?",
                arguments: [limit])
            var prefixes: [UInt64] = []
            while let row = try rows.next() {
                prefixes.append((row[0] as Data).reduce(0) { $0 << 8 | UInt64($1) })
            }
            return prefixes
        }
    }

    /// Hands over every group of two or more usable samples whose images are the same bytes, smallest first 8 bytes of
    /// the digest first; within a group by data set, shard and ordinal.
    ///
    /// One ordered pass over the index; shards that it does not cover are sorted in a temporary table first.
    public func forEachDuplicate(
        ofDataset dataset: String? = nil, _ body: (Digest, [SampleIdentity]) throws -> Void
    ) throws(CatalogError) {
        try read { db in
            try SampleCatalog.check(dataset, db)
            let uncovered = """
                UNION ALL SELECT substr(s.digest, 1, 8), s.id FROM shards h CROSS JOIN samples s
                WHERE h.id NOT IN (SELECT shard_id FROM derived_shards)
                    AND s.id >= h.id << 32 AND s.id < (h.id + 1) << 32
                """
            let isCovered = try SampleCatalog.uncoveredShards(db).isEmpty
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT s.digest, d.name, h.name, w.id FROM (
                        SELECT prefix, id, lag(prefix) OVER byPrefix AS before, lead(prefix) OVER byPrefix AS behind
                        FROM (SELECT prefix, id FROM digest_index \(isCovered ? "" : uncovered))
                        WINDOW byPrefix AS (ORDER BY prefix, id)) w
                    CROSS JOIN samples s CROSS JOIN shards h CROSS JOIN datasets d
                    WHERE (w.prefix = w.before OR w.prefix = w.behind) AND s.id = w.id AND h.id = s.id >> 32
                        AND d.id = h.dataset_id AND (:dataset IS NULL OR d.name = :dataset)
                        AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.id = s.id)
                    """, arguments: ["dataset": dataset])
            var groups: [Digest: [SampleIdentity]] = [:]
            var prefix: UInt64?
            func finish() throws {
                for (digest, samples) in groups.sorted(by: { $0.key < $1.key }) where samples.count > 1 {
                    try body(
                        digest,
                        samples.sorted { ($0.dataset, $0.shard, $0.ordinal) < ($1.dataset, $1.shard, $1.ordinal) })
                }
                groups.removeAll(keepingCapacity: true)
            }
            while let row = try rows.next() {
                guard let digest = Digest(bytes: Array(row[0] as Data)) else {
                    throw SampleCatalog.inconsistent("a digest")
                }
                if digest.prefix64 != prefix { try finish() }
                prefix = digest.prefix64
                groups[digest, default: []].append(
                    SampleIdentity(
                        dataset: row[1], shard: row[2], ordinal: SampleKey(rawValue: row[3]).ordinal))
            }
            try finish()
        }
    }

    /// Shards with rows that the indexes of digests and keys do not cover, unfinished ones included.
    static func uncoveredShards(_ db: Database) throws -> [ShardID] {
        try Int64.fetchAll(
            db,
            sql: """
                SELECT h.id FROM shards h
                WHERE h.id NOT IN (SELECT shard_id FROM derived_shards)
                    AND EXISTS (SELECT 1 FROM samples s WHERE s.id >= h.id << 32 AND s.id < (h.id + 1) << 32)
                ORDER BY h.id
                """
        ).map(ShardID.init(rawValue:))
    }

    private func lookUp(
        _ wanted: [DatabaseValue], ofDataset dataset: String?, indexed: String, column: String
    ) throws(CatalogError) -> [CatalogSample] {
        try read { db in
            try SampleCatalog.check(dataset, db)
            let wanted = Set(wanted)
            let statement = try db.cachedStatement(sql: indexed)
            var ids: [Int64] = []
            for value in wanted { ids += try Int64.fetchAll(statement, arguments: [value]) }
            for shard in try SampleCatalog.uncoveredShards(db) {
                let rows = try Row.fetchCursor(
                    db, sql: "SELECT id, \(column) FROM samples WHERE id BETWEEN ? AND ?",
                    arguments: [shard.firstKey, shard.lastKey])
                while let row = try rows.next() {
                    if wanted.contains(row[1] as DatabaseValue) { ids.append(row[0]) }
                }
            }
            var samples: [CatalogSample] = []
            for id in ids {
                samples += try SampleCatalog.samples(
                    db, condition: "s.id = :id AND (:dataset IS NULL OR d.name = :dataset)",
                    arguments: ["id": id, "dataset": dataset])
            }
            return samples.sorted {
                ($0.identity.dataset, $0.identity.shard, $0.ordinal)
                    < ($1.identity.dataset, $1.identity.shard, $1.ordinal)
            }
        }
    }
}
