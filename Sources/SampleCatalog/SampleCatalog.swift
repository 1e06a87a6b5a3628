import GRDB
import Samples

/// The SQLite catalog of a workspace: data sets, shards, samples, captions, attributes and the quarantine.
///
///     let catalog = try SampleCatalog(path: "…/.vlmpipe/catalog.sqlite", access: .write)
///     for shard in try catalog.shards(ofDataset: "photos") {
///         try catalog.forEachChunk(ofShard: shard.id) { samples in … }
///     }
///
/// One object per file and process; it may be used from any thread. Writes are serialised and each is one transaction;
/// reads run beside them on a snapshot and never wait (write-ahead log). All calls block: make them off the shared pool.
public final class SampleCatalog: Sendable {
    /// What the catalog is opened for.
    public enum Access: Sendable {
        /// Reading only: a missing catalog is an error.
        case read
        /// Reading and writing: a missing catalog is made, an older one is migrated.
        case write
    }

    /// The database file.
    public let path: String
    let pool: DatabasePool

    /// Opens the catalog file at `path`.
    ///
    /// Throws `missing`, `unreadable`, or `tooNew` if it has steps this version does not know.
    public init(path: String, access: Access) throws(CatalogError) {
        self.path = path
        var configuration = Configuration()
        configuration.readonly = access == .read
        configuration.busyMode = .timeout(10)
        configuration.maximumReaderCount = 4
        configuration.label = "vlmpipe catalog"
        if access == .write {
            // With a write-ahead log this loses at most the last transactions in a power cut, never the consistency;
            // ingest goes on from what is there.
            configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA synchronous = NORMAL") }
        }
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            let migrator = CatalogSchema.migrator
            guard try !pool.read(migrator.hasBeenSuperseded) else {
                throw CatalogError(
                    .tooNew, "The catalog was written by a newer version of vlmpipe; use that version.", place: path)
            }
            if access == .write {
                try migrator.migrate(pool)
            } else if try !pool.read(migrator.hasCompletedMigrations) {
                throw CatalogError(
                    .unreadable,
                    "The catalog is of an older version; run 'vlmpipe ingest' once to bring it up to date.",
                    place: path)
            }
        } catch {
            throw CatalogError(error, path: path)
        }
    }

    /// Closes the file; later calls fail. Without it the file is closed when the catalog is released.
    public func close() throws(CatalogError) {
        do { try pool.close() } catch { throw CatalogError(error, path: path) }
    }

    /// The schema as SQL, as kept in `Schemas/catalog.sql`.
    public func schemaText() throws(CatalogError) -> String {
        try read { db in try CatalogSchema.text(db) }
    }

    func read<Value>(_ body: (Database) throws -> Value) throws(CatalogError) -> Value {
        do { return try pool.read(body) } catch { throw CatalogError(error, path: path) }
    }

    func write<Value>(_ body: (Database) throws -> Value) throws(CatalogError) -> Value {
        do { return try pool.write(body) } catch { throw CatalogError(error, path: path) }
    }
}
