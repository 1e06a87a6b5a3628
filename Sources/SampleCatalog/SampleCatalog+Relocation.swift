import GRDB
import Samples

extension SampleCatalog {
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
                        sql: "UPDATE files SET path = substr(path, ?) WHERE id BETWEEN ? AND ?",
                        arguments: [cut.unicodeScalars.count + 2, shard.id.firstKey, shard.id.lastKey])
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
}
