import Foundation
import GRDB
import Samples

/// What the derived indexes cover.
public struct DerivedIndexState: Hashable, Sendable {
    /// Complete shards whose rows are not in the indexes of digests and keys yet.
    public var shardsWithoutKeys = 0
    /// Complete shards whose captions are not in the index of captions yet.
    public var shardsWithoutCaptions = 0
    /// Whether everything is covered.
    public var isComplete: Bool { shardsWithoutKeys == 0 && shardsWithoutCaptions == 0 }
}

/// The indexes of digests, keys and captions are derived: ingest never waits for them, everything they hold can be made
/// again from the rows, and the dump leaves them out.
///
/// A shard is either in them or not (`derived_shards`). Its rows are put in after it was completed, all at once and
/// sorted, and taken out in the same transaction in which they change. Whoever looks something up reads the index for
/// the shards it covers and the rows themselves for the others, so an index that is not up to date, or was killed half
/// built, costs time and never a result; only caption search leaves out what is not indexed yet, and says so.
extension SampleCatalog {
    /// How captions are cut; when it changes, all captions are indexed again.
    static let captionIndexVersion = 1

    /// Samples whose captions are indexed in one transaction: what a kill loses, and what the log must hold.
    private static let captionBatchRowCount = 65_536

    /// Brings the derived indexes up to date with all complete shards: by a sort for digests and keys, in one
    /// transaction, then in batches of shards for captions, each a transaction.
    ///
    /// Call it after an ingest. Time goes with what is new, n log n; memory is bounded. It may be killed or stopped at
    /// any instant and called again.
    ///
    /// - Parameters:
    ///   - shouldStop: asked between batches.
    ///   - progress: told how many of how many shards are done, after each batch.
    /// - Returns: what is left, which is nothing unless it was stopped.
    @discardableResult
    public func prepareDerivedIndexes(
        shouldStop: () -> Bool = { false }, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(CatalogError) -> DerivedIndexState {
        try prepareDerivedIndexes(
            captionBatchRowCount: SampleCatalog.captionBatchRowCount, shouldStop: shouldStop, progress: progress)
    }

    func prepareDerivedIndexes(
        captionBatchRowCount: Int, shouldStop: () -> Bool, progress: (_ done: Int, _ total: Int) -> Void
    ) throws(CatalogError) -> DerivedIndexState {
        try dropOutdatedCaptionIndex()
        try indexDigestsAndKeys()
        let total = try derivedIndexState().shardsWithoutCaptions
        var left = total
        while left > 0, !shouldStop() {
            left -= try indexCaptions(rowCount: captionBatchRowCount)
            progress(total - left, total)
        }
        return try derivedIndexState()
    }

    /// What the derived indexes cover.
    public func derivedIndexState() throws(CatalogError) -> DerivedIndexState {
        try read(SampleCatalog.derivedIndexState)
    }

    /// Empties the derived indexes; `prepareDerivedIndexes` makes them anew.
    public func dropDerivedIndexes() throws(CatalogError) {
        try write(SampleCatalog.clearDerivedIndexes)
    }

    static func derivedIndexState(_ db: Database) throws -> DerivedIndexState {
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT count(*) FILTER (WHERE x.shard_id IS NULL), count(*) FILTER (WHERE coalesce(x.has_captions, 0) = 0)
                FROM shards h LEFT JOIN derived_shards x ON x.shard_id = h.id WHERE h.state <> 'pending'
                """)
        return DerivedIndexState(shardsWithoutKeys: row?[0] ?? 0, shardsWithoutCaptions: row?[1] ?? 0)
    }

    /// Captions indexed by another version's rule could not be taken out again, for that needs the words they were
    /// put in with.
    private func dropOutdatedCaptionIndex() throws(CatalogError) {
        let version = try read { db in
            try Int.fetchOne(db, sql: "SELECT version FROM derived_versions WHERE name = 'captions'")
        }
        guard version != SampleCatalog.captionIndexVersion else { return }
        try write { db in
            try db.execute(sql: "INSERT INTO caption_index (caption_index) VALUES ('delete-all')")
            try db.execute(sql: "UPDATE derived_shards SET has_captions = 0")
            try db.execute(
                sql: "INSERT OR REPLACE INTO derived_versions VALUES ('captions', ?)",
                arguments: [SampleCatalog.captionIndexVersion])
        }
    }

    private func indexDigestsAndKeys() throws(CatalogError) {
        guard try derivedIndexState().shardsWithoutKeys > 0 else { return }
        try write { db in
            let uncovered = """
                FROM shards h CROSS JOIN samples s
                WHERE h.state <> 'pending' AND h.id NOT IN (SELECT shard_id FROM derived_shards)
                    AND s.id >= h.id << 32 AND s.id < (h.id + 1) << 32
                """
            try db.execute(
                sql: "INSERT INTO digest_index SELECT substr(s.digest, 1, 8), s.id \(uncovered) ORDER BY 1, 2")
            try db.execute(sql: "INSERT INTO key_index SELECT s.key, s.id \(uncovered) ORDER BY 1, 2")
            try db.execute(
                sql: """
                    INSERT INTO derived_shards
                    SELECT h.id, (SELECT count(*) FROM samples s WHERE s.id >= h.id << 32 AND s.id < (h.id + 1) << 32), 0
                    FROM shards h WHERE h.state <> 'pending' AND h.id NOT IN (SELECT shard_id FROM derived_shards)
                    """)
        }
    }

    /// Indexes the captions of shards until there are so many rows. Returns how many shards it did.
    private func indexCaptions(rowCount wantedCount: Int) throws(CatalogError) -> Int {
        try write { db in
            let shards = try Row.fetchAll(
                db, sql: "SELECT shard_id, row_count FROM derived_shards WHERE has_captions = 0 ORDER BY shard_id")
            var rowCount = 0
            var shardCount = 0
            for row in shards where rowCount < wantedCount {
                let shard = ShardID(rawValue: row[0])
                rowCount += row[1]
                shardCount += 1
                let insert = try db.cachedStatement(sql: "INSERT INTO caption_index (rowid, text) VALUES (?, ?)")
                try SampleCatalog.forEachIndexedText(from: shard.firstKey, through: shard.lastKey, db) { id, text in
                    try insert.execute(arguments: [id, text])
                }
                try db.execute(
                    sql: "UPDATE derived_shards SET has_captions = 1 WHERE shard_id = ?", arguments: [shard.rawValue])
            }
            return shardCount
        }
    }

    /// The captions of each sample as the index takes them, together one document.
    private static func forEachIndexedText(
        from first: Int64, through last: Int64, _ db: Database, _ body: (Int64, String) throws -> Void
    ) throws {
        let rows = try Row.fetchCursor(
            db, sql: "SELECT id, text FROM captions WHERE id BETWEEN ? AND ? ORDER BY id, number",
            arguments: [first, last])
        var current: (id: Int64, text: String)?
        while let row = try rows.next() {
            let id: Int64 = row[0]
            let text = CaptionWords.separated(row[1])
            if let document = current, document.id == id {
                current = (id, document.text + "\n" + text)
            } else {
                if let current { try body(current.id, current.text) }
                current = (id, text)
            }
        }
        if let current { try body(current.id, current.text) }
    }
}

// Taking rows out, in the transaction that changes them.
extension SampleCatalog {
    /// What the indexes have of a shard.
    struct DerivedShard {
        let hasCaptions: Bool
    }

    static func derivedShard(_ shard: ShardID, _ db: Database) throws -> DerivedShard? {
        try Bool.fetchOne(
            db, sql: "SELECT has_captions FROM derived_shards WHERE shard_id = ?", arguments: [shard.rawValue]
        ).map(DerivedShard.init(hasCaptions:))
    }

    static func removeDerivedRows(ofShard shard: ShardID, _ db: Database) throws {
        guard let derived = try derivedShard(shard, db) else { return }
        try removeDerivedRows(from: shard.firstKey, through: shard.lastKey, derived, db)
        try db.execute(sql: "DELETE FROM derived_shards WHERE shard_id = ?", arguments: [shard.rawValue])
    }

    static func removeDerivedRows(from first: Int64, through last: Int64, _ derived: DerivedShard, _ db: Database)
        throws
    {
        let rows = try Row.fetchCursor(
            db, sql: "SELECT id, substr(digest, 1, 8), key FROM samples WHERE id BETWEEN ? AND ?",
            arguments: [first, last])
        let digest = try db.cachedStatement(sql: "DELETE FROM digest_index WHERE prefix = ? AND id = ?")
        let key = try db.cachedStatement(sql: "DELETE FROM key_index WHERE key = ? AND id = ?")
        while let row = try rows.next() {
            let id: Int64 = row[0]
            try digest.execute(arguments: [row[1] as Data, id])
            try key.execute(arguments: [row[2] as String, id])
        }
        guard derived.hasCaptions else { return }
        // An index without content takes a document out by its words.
        let caption = try db.cachedStatement(
            sql: "INSERT INTO caption_index (caption_index, rowid, text) VALUES ('delete', ?, ?)")
        try forEachIndexedText(from: first, through: last, db) { id, text in
            try caption.execute(arguments: [id, text])
        }
    }

    /// When most of what is indexed is about to go, building the rest again is quicker than taking it out bit by bit.
    static func clearDerivedIndexesIfMostGo(with shards: [ShardID], _ db: Database) throws {
        let rows = try Row.fetchAll(db, sql: "SELECT shard_id, row_count FROM derived_shards")
        let gone = Set(shards.map(\.rawValue))
        let total = rows.reduce(0) { $0 + ($1[1] as Int) }
        let leaving = rows.reduce(0) { $0 + (gone.contains($1[0]) ? $1[1] as Int : 0) }
        if leaving > 0, 2 * leaving >= total { try clearDerivedIndexes(db) }
    }

    private static func clearDerivedIndexes(_ db: Database) throws {
        try db.execute(
            sql: """
                DELETE FROM digest_index;
                DELETE FROM key_index;
                INSERT INTO caption_index (caption_index) VALUES ('delete-all');
                DELETE FROM derived_shards;
                """)
    }
}
