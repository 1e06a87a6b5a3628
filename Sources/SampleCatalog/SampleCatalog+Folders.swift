import Foundation
import GRDB
import Samples

/// What the catalog knows about a file of a folder.
public struct KnownFile: Hashable, Sendable {
    /// The folder shard it belongs to.
    public let shardID: ShardID
    /// Its row there.
    public let record: FileRecord
}

extension SampleCatalog {
    /// The tar of a data set at this absolute path, if it is known, under whatever root.
    public func tar(atPath absolutePath: String, ofDataset dataset: String) throws(CatalogError) -> CatalogShard? {
        try read { db in
            for split in SampleCatalog.divisions(of: absolutePath) {
                let row = try Row.fetchOne(
                    db,
                    sql: SampleCatalog.shardQuery
                        + " WHERE d.name = ? AND s.kind = 'tar' AND s.path = ? AND r.path = ?",
                    arguments: [dataset, split.path, split.root])
                if let row { return try SampleCatalog.shard(row) }
            }
            return nil
        }
    }

    /// Shards of a data set whose tar or folder lies in `folder` (an absolute path) or is it, by name.
    public func shards(
        inFolder folder: String, ofDataset dataset: String, kind: CatalogShard.Kind
    ) throws(CatalogError) -> [CatalogShard] {
        try read { db in
            let rows = try Row.fetchCursor(
                db, sql: SampleCatalog.shardQuery + " WHERE d.name = ? AND s.kind = ? ORDER BY s.id",
                arguments: [dataset, kind.rawValue])
            var result: [CatalogShard] = []
            while let row = try rows.next() {
                let shard = try SampleCatalog.shard(row)
                if CatalogPath.relative(shard.absolutePath, to: folder) != nil { result.append(shard) }
            }
            return result
        }
    }

    /// What is known of a file of a data set; `path` is relative to the root.
    public func knownFile(
        atPath path: String, root: String, ofDataset dataset: String
    ) throws(CatalogError) -> KnownFile? {
        try read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT f.shard_id, f.ordinal, f.path, f.key, f.signature FROM files f
                    JOIN shards s ON s.id = f.shard_id
                    JOIN datasets d ON d.id = s.dataset_id JOIN roots r ON r.id = s.root_id
                    WHERE f.path = ? AND r.path = ? AND d.name = ?
                    """)
            guard let row = try Row.fetchOne(statement, arguments: [path, root, dataset]) else { return nil }
            return KnownFile(shardID: ShardID(rawValue: row[0]), record: try SampleCatalog.fileRecord(row))
        }
    }

    /// Whether any file of a data set is known below a root.
    public func hasFiles(belowRoot root: String, ofDataset dataset: String) throws(CatalogError) -> Bool {
        try read { db in
            try Bool.fetchOne(
                db,
                sql: """
                    SELECT EXISTS (
                        SELECT 1 FROM shards s JOIN datasets d ON d.id = s.dataset_id JOIN roots r ON r.id = s.root_id
                        WHERE s.kind = 'folder' AND r.path = ? AND d.name = ?)
                    """, arguments: [root, dataset]) == true
        }
    }

    /// The files of a folder shard by ascending ordinal; at most 1,024 of them.
    public func files(ofShard shard: ShardID) throws(CatalogError) -> [FileRecord] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT shard_id, ordinal, path, key, signature FROM files WHERE shard_id = ? ORDER BY ordinal",
                arguments: [shard.rawValue]
            ).map(SampleCatalog.fileRecord)
        }
    }

    /// Replaces the beginning `old` of all source paths by `new`: roots below `old` are renamed, and shards below `old`
    /// under a root above it get `new` as their root. Names of shards, and with them identities, stay.
    ///
    /// Returns how many shards were moved. Throws `unknownName` if there is none below `old`, and `nameConflict` if a
    /// root of the new path holds the same shard already.
    public func relocate(from old: String, to new: String) throws(CatalogError) -> Int {
        try write { db in
            let rows = try Row.fetchAll(db, sql: SampleCatalog.shardQuery + " ORDER BY s.id")
            var movedCount = 0
            for shard in try rows.map(SampleCatalog.shard) {
                guard CatalogPath.relative(shard.absolutePath, to: old) != nil else { continue }
                let newRoot: String
                var cut = ""
                if let below = CatalogPath.relative(shard.rootPath, to: old) {
                    newRoot = CatalogPath.join(new, below)
                } else if let prefix = CatalogPath.relative(old, to: shard.rootPath) {
                    newRoot = new
                    cut = prefix
                } else {
                    continue
                }
                try db.execute(sql: "INSERT OR IGNORE INTO roots (path) VALUES (?)", arguments: [newRoot])
                try db.execute(
                    sql: "UPDATE shards SET root_id = (SELECT id FROM roots WHERE path = ?), path = ? WHERE id = ?",
                    arguments: [newRoot, CatalogPath.relative(shard.path, to: cut) ?? shard.path, shard.id.rawValue])
                if !cut.isEmpty {
                    try db.execute(
                        sql: "UPDATE files SET path = substr(path, ?) WHERE shard_id = ?",
                        arguments: [cut.unicodeScalars.count + 2, shard.id.rawValue])
                }
                movedCount += 1
            }
            guard movedCount > 0 else {
                throw CatalogError(
                    .unknownName, "No source lies in this folder; 'vlmpipe status' shows where they are.", place: old)
            }
            try db.execute(sql: "DELETE FROM roots WHERE id NOT IN (SELECT root_id FROM shards)")
            return movedCount
        }
    }

    private static func fileRecord(_ row: Row) throws -> FileRecord {
        guard let ordinal = UInt32(exactly: row[1] as Int64), let signature = Digest(bytes: Array(row[4] as Data))
        else { throw inconsistent("a file") }
        return FileRecord(ordinal: ordinal, path: row[2], key: row[3], signature: signature)
    }

    /// All ways to divide an absolute path into a root and a path below it.
    private static func divisions(of path: String) -> [(root: String, path: String)] {
        path.indices.filter { path[$0] == "/" }.map { slash in
            (slash == path.startIndex ? "/" : String(path[..<slash]), String(path[path.index(after: slash)...]))
        }
    }
}
