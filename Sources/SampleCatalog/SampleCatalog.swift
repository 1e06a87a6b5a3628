import Foundation
import GRDB
import Samples
import Synchronization

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
        /// Reading only: a missing catalog is an error. It also works where nothing can be written.
        case read
        /// Reading and writing: a missing catalog is made, an older one is migrated.
        case write
    }

    /// The database file.
    public let path: String
    let database: any DatabaseReader
    private let writer: DatabasePool?
    let attributeColumns = Mutex(AttributeColumns())

    /// How much of the file connections keep in memory, and sort in before they use temporary files.
    public enum CacheSize: Sendable {
        /// For filling the catalog, and for filters: 64 MiB where it is written, 16 MiB for each reader.
        case large
        /// For reading samples in order, which comes by each page once: 1 MiB for each connection.
        case small

        fileprivate func kibibytes(isReader: Bool) -> Int {
            switch self {
            case .large: isReader ? 16_384 : 65_536
            case .small: 1_024
            }
        }
    }

    /// Opens the catalog file at `path`.
    ///
    /// Throws `missing`, `unreadable`, `readOnly`, or `tooNew` if it has steps this version does not know.
    public init(path: String, access: Access, cacheSize: CacheSize = .large) throws(CatalogError) {
        self.path = path
        do {
            switch access {
            case .read:
                writer = nil
                database = try SampleCatalog.openForReading(path, cacheSize)
            case .write:
                let pool = try SampleCatalog.openForWriting(path, cacheSize)
                writer = pool
                database = pool
            }
            let migrator = CatalogSchema.migrator
            guard try !database.read(migrator.hasBeenSuperseded) else {
                throw CatalogError(
                    .tooNew, "The catalog was written by a newer version of vlmpipe; use that version.", place: path,
                    cause: try database.read(SampleCatalog.unknownStep))
            }
            if let writer {
                try migrator.migrate(writer)
            } else if try !database.read(migrator.hasCompletedMigrations) {
                throw CatalogError(
                    .unreadable,
                    "The catalog is of an older version; run 'vlmpipe ingest' once to bring it up to date.",
                    place: path)
            }
        } catch {
            throw CatalogError(error, path: path)
        }
    }

    private static func openForWriting(_ path: String, _ cacheSize: CacheSize) throws -> DatabasePool {
        var configuration = configuration()
        // With a write-ahead log this loses at most the last transactions in a power cut, never the consistency;
        // ingest goes on from what is there.
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA synchronous = NORMAL")
            // A page that many chunks change is written to the file once for 32 MB of log, not once for every 4 MB.
            try db.execute(sql: "PRAGMA wal_autocheckpoint = 8192")
            // Debian's SQLite overwrites what is deleted, which nobody asked for here.
            try db.execute(sql: "PRAGMA secure_delete = OFF")
            try db.execute(
                sql: "PRAGMA cache_size = -\(cacheSize.kibibytes(isReader: db.configuration.readonly))")
        }
        return try DatabasePool(path: path, configuration: configuration)
    }

    private static func openForReading(_ path: String, _ cacheSize: CacheSize) throws -> any DatabaseReader {
        var configuration = configuration()
        configuration.readonly = true
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA cache_size = -\(cacheSize.kibibytes(isReader: true))")
        }
        let isThere = FileManager.default.fileExists(atPath: path)
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        if isThere, !FileManager.default.isWritableFile(atPath: folder) {
            // What waits in a log is in the file once the writer has closed it.
            let log = try? FileManager.default.attributesOfItem(atPath: path + "-wal")
            if (log?[.size] as? NSNumber)?.intValue ?? 0 == 0 { return try openUnchangeable(path, configuration) }
        }
        return try DatabasePool(path: path, configuration: configuration)
    }

    /// Opens a catalog in a folder that cannot be written, where SQLite has no place for its shared memory and no log is
    /// waiting: the file cannot change, so nothing need be locked.
    static func openUnchangeable(_ path: String, _ configuration: Configuration) throws -> DatabaseQueue {
        let allowed = CharacterSet(charactersIn: "/").union(.alphanumerics)
        let escaped = path.addingPercentEncoding(withAllowedCharacters: allowed) ?? path
        return try DatabaseQueue(path: "file:\(escaped)?immutable=1", configuration: configuration)
    }

    static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        configuration.maximumReaderCount = 4
        configuration.label = "vlmpipe catalog"
        return configuration
    }

    /// The name of a step that this version does not know.
    private static func unknownStep(_ db: Database) throws -> String? {
        let known = CatalogSchema.names.map { "'\($0)'" }.joined(separator: ", ")
        return try String.fetchOne(
            db, sql: "SELECT 'it has step ' || identifier FROM grdb_migrations WHERE identifier NOT IN (\(known))")
    }

    deinit {
        emptyLog()
    }

    /// Closes the file; later calls fail. Without it the file is closed when the catalog is released.
    public func close() throws(CatalogError) {
        emptyLog()
        do { try database.close() } catch { throw CatalogError(error, path: path) }
    }

    /// Moves what waits in the write-ahead log into the file, so that the log does not stay as large as it ever was and
    /// the file alone is the catalog.
    private func emptyLog() {
        do {
            try writer?.writeWithoutTransaction { db in
                // Whoever is reading is not waited for.
                try db.execute(sql: "PRAGMA busy_timeout = 0")
                _ = try db.checkpoint(.truncate)
            }
        } catch {
            // A reader still needs the log, or there is no room: it stays, and the next to open the file uses it.
        }
    }

    /// The schema as SQL, as kept in `Schemas/catalog.sql`.
    public func schemaText() throws(CatalogError) -> String {
        try read { db in try CatalogSchema.text(db) }
    }

    func read<Value>(_ body: (Database) throws -> Value) throws(CatalogError) -> Value {
        do { return try database.read(body) } catch { throw CatalogError(error, path: path) }
    }

    func write<Value>(_ body: (Database) throws -> Value) throws(CatalogError) -> Value {
        guard let writer else {
            throw CatalogError(.readOnly, "The catalog was opened for reading only.", place: path)
        }
        do {
            return try writer.write(body)
        } catch {
            // Columns made in the transaction are gone with it.
            attributeColumns.withLock { $0 = AttributeColumns() }
            throw CatalogError(error, path: path)
        }
    }
}
