import GRDB
import Samples

/// A sample that was taken out of a shard that stays.
public struct RemovedSample: Hashable, Sendable {
    /// Ascends with every removal; never used twice in a catalog.
    public let sequence: Int64
    /// Its shard.
    public let shardID: ShardID
    /// What its vectors are called by.
    public let identity: SampleIdentity
}

/// How removals and renames reach what is derived from samples.
///
/// A sample whose file is gone for good is removed with `removeSamples`: its rows go, and a tombstone stays that names
/// shard and ordinal. The shard's content digest stays too, so that its embedding segment remains current; whoever
/// keeps vectors deletes those of `removedSamples(after:limit:)`, which may be repeated at will, and may remember the
/// last sequence number to ask only for what is new. Ordinals are never given out again, so a tombstone never hides a
/// later sample. Tombstones go when the shard is ingested from the start (`begin`) or its data set is removed; then the
/// content digest, or the absence of the shard, says what to do.
///
/// A renamed file keeps shard and ordinal: `renameFiles` changes paths and keys only, and neither is in the content
/// digest, so nothing is embedded or decoded again.
extension SampleCatalog {
    /// Takes samples out of a complete shard, or quarantined ones, and leaves tombstones; all in one transaction.
    /// Ordinals that the shard does not have are passed over.
    ///
    /// Returns how many were there.
    @discardableResult
    public func removeSamples(_ ordinals: some Sequence<UInt32>, ofShard shard: ShardID) throws(CatalogError) -> Int {
        try write { db in
            var count = 0
            let derived = try SampleCatalog.derivedShard(shard, db)
            for ordinal in ordinals {
                let id = SampleKey(shard: shard, ordinal: ordinal).rawValue
                if let derived { try SampleCatalog.removeDerivedRows(from: id, through: id, derived, db) }
                var isKnown = false
                for table in SampleCatalog.sampleTables {
                    let statement = try db.cachedStatement(sql: "DELETE FROM \(table) WHERE id = ?")
                    try statement.execute(arguments: [id])
                    if db.changesCount > 0 { isKnown = true }
                }
                guard isKnown else { continue }
                count += 1
                try db.cachedStatement(sql: "INSERT OR IGNORE INTO removed_samples (id) VALUES (?)")
                    .execute(arguments: [id])
            }
            return count
        }
    }

    /// Samples removed after a sequence number (0: ever) from shards that are still there, by ascending sequence number,
    /// at most `limit`.
    public func removedSamples(
        after sequence: Int64 = 0, limit: Int = .max
    ) throws(CatalogError) -> [RemovedSample] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT x.sequence, x.id, d.name, h.name FROM removed_samples x
                    JOIN shards h ON h.id = x.id >> 32 JOIN datasets d ON d.id = h.dataset_id
                    WHERE x.sequence > ? ORDER BY x.sequence LIMIT ?
                    """, arguments: [sequence, limit]
            ).map { row in
                let key = SampleKey(rawValue: row[1])
                return RemovedSample(
                    sequence: row[0], shardID: key.shard,
                    identity: SampleIdentity(dataset: row[2], shard: row[3], ordinal: key.ordinal))
            }
        }
    }

    /// Ordinals removed from one shard, ascending.
    public func removedOrdinals(ofShard shard: ShardID) throws(CatalogError) -> [UInt32] {
        try read { db in
            try Int64.fetchAll(
                db, sql: "SELECT id FROM removed_samples WHERE id BETWEEN ? AND ? ORDER BY id",
                arguments: [shard.firstKey, shard.lastKey]
            ).map { SampleKey(rawValue: $0).ordinal }
        }
    }

    /// Gives files of a folder or manifest shard new paths, keys and signatures, in one transaction. Splits, captions,
    /// quarantine reasons and everything embedded stay.
    ///
    /// Throws `unknownName` if the shard has no file with one of the ordinals; then nothing is changed.
    public func renameFiles(_ records: some Sequence<FileRecord>, ofShard shard: ShardID) throws(CatalogError) {
        try write { db in
            let hasKeyIndex = try SampleCatalog.derivedShard(shard, db) != nil
            for record in records {
                let id = SampleKey(shard: shard, ordinal: record.ordinal).rawValue
                if hasKeyIndex {
                    try db.cachedStatement(
                        sql: """
                            UPDATE key_index SET key = ?1
                            WHERE id = ?2 AND key = (SELECT s.key FROM samples s WHERE s.id = ?2)
                            """
                    ).execute(arguments: [record.key, id])
                }
                try db.cachedStatement(sql: "UPDATE files SET path = ?, key = ?, signature = ? WHERE id = ?")
                    .execute(arguments: [record.path, record.key, SampleCatalog.blob(record.signature), id])
                guard db.changesCount > 0 else {
                    throw CatalogError(
                        .unknownName, "The shard has no file number \(record.ordinal).", place: record.path)
                }
                for table in ["samples", "quarantine"] {
                    try db.cachedStatement(sql: "UPDATE \(table) SET key = ? WHERE id = ?")
                        .execute(arguments: [record.key, id])
                }
            }
        }
    }

    /// Removes a data set with all its rows. Throws `unknownName` if there is none of this name.
    public func removeDataset(_ name: String) throws(CatalogError) {
        try write { db in
            let shards = try Int64.fetchAll(
                db, sql: "SELECT h.id FROM shards h JOIN datasets d ON d.id = h.dataset_id WHERE d.name = ?",
                arguments: [name]
            ).map(ShardID.init(rawValue:))
            try db.execute(sql: "DELETE FROM datasets WHERE name = ?", arguments: [name])
            guard db.changesCount > 0 else { throw SampleCatalog.unknownDataset(name) }
            try SampleCatalog.clearDerivedIndexesIfMostGo(with: shards, db)
            for shard in shards {
                try SampleCatalog.removeRows(ofShard: shard, db)
                try SampleCatalog.forgetRemovals(ofShard: shard, db)
            }
            try db.execute(sql: "DELETE FROM roots WHERE id NOT IN (SELECT root_id FROM shards)")
        }
    }

    static func forgetRemovals(ofShard shard: ShardID, _ db: Database) throws {
        try db.execute(
            sql: "DELETE FROM removed_samples WHERE id BETWEEN ? AND ?", arguments: [shard.firstKey, shard.lastKey])
    }
}
