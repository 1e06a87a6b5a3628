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

    /// The stream of a data set with this address or command, if it is known.
    public func stream(from source: String, ofDataset dataset: String) throws(CatalogError) -> CatalogShard? {
        try read { db in
            try Row.fetchOne(
                db, sql: SampleCatalog.shardQuery + " WHERE d.name = ? AND s.kind = 'stream' AND s.path = ?",
                arguments: [dataset, source]
            ).map(SampleCatalog.shard)
        }
    }

    /// What is known of a file of a data set; `path` is relative to the root.
    ///
    /// - Parameter kind: of shards that have files, `folder` or `manifest`.
    public func knownFile(
        atPath path: String, root: String, ofDataset dataset: String, kind: CatalogShard.Kind = .folder
    ) throws(CatalogError) -> KnownFile? {
        try read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT f.id, f.path, f.key, f.signature FROM files f
                    JOIN shards s ON s.id = f.id >> 32
                    JOIN datasets d ON d.id = s.dataset_id JOIN roots r ON r.id = s.root_id
                    WHERE f.path = ? AND r.path = ? AND d.name = ? AND s.kind = ?
                    """)
            return try Row.fetchOne(statement, arguments: [path, root, dataset, kind.rawValue])
                .map(SampleCatalog.knownFile)
        }
    }

    /// Hands over all known files of a data set below a root by ascending path (order of the bytes), so that a walk in
    /// the same order finds what is new, changed and gone in one pass. Memory does not grow with their number.
    ///
    /// - Parameter kind: of shards that have files, `folder` or `manifest`.
    public func forEachKnownFile(
        belowRoot root: String, ofDataset dataset: String, kind: CatalogShard.Kind = .folder,
        _ body: (KnownFile) throws -> Void
    ) throws(CatalogError) {
        try read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT f.id, f.path, f.key, f.signature FROM files f INDEXED BY files_by_path
                    WHERE f.id >> 32 IN (
                        SELECT s.id FROM shards s JOIN datasets d ON d.id = s.dataset_id JOIN roots r ON r.id = s.root_id
                        WHERE r.path = ? AND d.name = ? AND s.kind = ?)
                    ORDER BY f.path
                    """, arguments: [root, dataset, kind.rawValue])
            while let row = try rows.next() { try body(try SampleCatalog.knownFile(row)) }
        }
    }

    /// Whether any file of a data set is known below a root.
    ///
    /// - Parameter kind: of shards that have files, `folder` or `manifest`.
    public func hasFiles(
        belowRoot root: String, ofDataset dataset: String, kind: CatalogShard.Kind = .folder
    ) throws(CatalogError) -> Bool {
        try read { db in
            try Bool.fetchOne(
                db,
                sql: """
                    SELECT EXISTS (
                        SELECT 1 FROM shards s JOIN datasets d ON d.id = s.dataset_id JOIN roots r ON r.id = s.root_id
                        WHERE s.kind = ? AND r.path = ? AND d.name = ?)
                    """, arguments: [kind.rawValue, root, dataset]) == true
        }
    }

    /// The files of a folder or manifest shard by ascending ordinal; at most 1,024 of them.
    public func files(ofShard shard: ShardID) throws(CatalogError) -> [FileRecord] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT id, path, key, signature FROM files WHERE id BETWEEN ? AND ? ORDER BY id",
                arguments: [shard.firstKey, shard.lastKey]
            ).map { try SampleCatalog.knownFile($0).record }
        }
    }

    private static func knownFile(_ row: Row) throws -> KnownFile {
        guard let signature = Digest(bytes: Array(row[3] as Data)) else { throw inconsistent("a file") }
        let key = SampleKey(rawValue: row[0])
        return KnownFile(
            shardID: key.shard,
            record: FileRecord(ordinal: key.ordinal, path: row[1], key: row[2], signature: signature))
    }

    /// All ways to divide an absolute path into a root and a path below it.
    private static func divisions(of path: String) -> [(root: String, path: String)] {
        path.indices.filter { path[$0] == "/" }.map { slash in
            (slash == path.startIndex ? "/" : String(path[..<slash]), String(path[path.index(after: slash)...]))
        }
    }
}
