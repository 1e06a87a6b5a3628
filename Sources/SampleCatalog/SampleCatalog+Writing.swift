import Foundation
import GRDB
import Samples

/// A shard to be registered.
public struct ShardRegistration: Hashable, Sendable {
    /// Name of the data set; made if it is new.
    public var dataset: String
    /// Absolute path of the root, empty for a stream; recorded if it is new.
    public var rootPath: String
    /// Path relative to the root.
    public var path: String
    /// Kind of source.
    public var kind: CatalogShard.Kind
    /// The name wanted; if another shard of the data set has it, folders of the root are put before it.
    public var name: String
    /// The settings its rows will be made with.
    public var settings: String
    /// How the file is packed.
    public var compression: CatalogShard.Compression

    /// A shard to be registered.
    public init(
        dataset: String, rootPath: String, path: String, kind: CatalogShard.Kind, name: String, settings: String,
        compression: CatalogShard.Compression = .none
    ) {
        self.dataset = dataset
        self.rootPath = rootPath
        self.path = path
        self.kind = kind
        self.name = name
        self.settings = settings
        self.compression = compression
    }
}

/// The rows of one chunk of a shard, committed together with the place to go on from.
public struct SampleChunk: Sendable {
    /// Good samples by ascending ordinal.
    public var samples: [SampleRecord] = []
    /// Refused ones by ascending ordinal.
    public var quarantine: [QuarantineRecord] = []
    /// For folder shards: which files the ordinals stand for.
    public var files: [FileRecord] = []
    /// Where to go on.
    public var cursor: CatalogShard.Cursor

    /// A chunk without rows that ends at `cursor`.
    public init(cursor: CatalogShard.Cursor) {
        self.cursor = cursor
    }
}

extension SampleCatalog {
    /// Registers shards in the order given, all in one transaction, and returns them. None of them may be known yet.
    public func register(_ registrations: [ShardRegistration]) throws(CatalogError) -> [CatalogShard] {
        guard !registrations.isEmpty else { return [] }
        return try write { db in try registrations.map { try SampleCatalog.register($0, db) } }
    }

    /// Registers a whole folder shard with all its rows, in one transaction, as complete.
    public func registerComplete(
        _ registration: ShardRegistration, chunk: SampleChunk
    ) throws(CatalogError) -> CatalogShard {
        try write { db in
            let shard = try SampleCatalog.register(registration, db)
            try self.append(chunk, to: shard.id, db)
            try SampleCatalog.complete(shard.id, headerDigest: nil, db)
            return try SampleCatalog.shard(shard.id, db)
        }
    }

    /// Removes all rows of a shard and makes it pending from the start, to be ingested (again).
    public func begin(
        _ shard: ShardID, byteCount: Int64?, modifiedNanoseconds: Int64?, settings: String
    ) throws(CatalogError) {
        try write { db in
            try SampleCatalog.removeRows(ofShard: shard, db)
            try SampleCatalog.forgetRemovals(ofShard: shard, db)
            try db.execute(
                sql: """
                    UPDATE shards SET state = 'pending', settings = ?, byte_count = ?, modified_nanoseconds = ?,
                        header_digest = NULL, content_digest = NULL,
                        cursor_byte_offset = 0, cursor_ordinal = 0, cursor_digest = NULL
                    WHERE id = ?
                    """, arguments: [settings, byteCount, modifiedNanoseconds, shard.rawValue])
        }
    }

    /// Appends the rows of a chunk and moves the cursor, in one transaction. If `headerDigest` is given the shard is
    /// complete with it.
    public func append(
        _ chunk: SampleChunk, to shard: ShardID, completingWith headerDigest: Digest? = nil
    ) throws(CatalogError) {
        try write { db in
            try self.append(chunk, to: shard, db)
            if let headerDigest { try SampleCatalog.complete(shard, headerDigest: headerDigest, db) }
        }
    }

    /// Replaces all rows of a folder shard in one transaction; it is complete afterwards.
    public func replaceRows(
        of shard: ShardID, settings: String, chunk: SampleChunk
    ) throws(CatalogError) {
        try write { db in
            try SampleCatalog.removeRows(ofShard: shard, db)
            try db.execute(sql: "UPDATE shards SET settings = ? WHERE id = ?", arguments: [settings, shard.rawValue])
            try self.append(chunk, to: shard, db)
            try SampleCatalog.complete(shard, headerDigest: nil, db)
        }
    }

    /// Records that a complete shard's file was touched but holds the same, or is back.
    public func confirm(_ shard: ShardID, byteCount: Int64, modifiedNanoseconds: Int64) throws(CatalogError) {
        try write { db in
            try db.execute(
                sql: "UPDATE shards SET state = 'complete', byte_count = ?, modified_nanoseconds = ? WHERE id = ?",
                arguments: [byteCount, modifiedNanoseconds, shard.rawValue])
        }
    }

    /// Records that a shard's file is gone. Its rows stay, so that hits can still be named. A pending shard loses its
    /// rows, since they are not all there.
    public func markMissing(_ shard: ShardID) throws(CatalogError) {
        try write { db in
            let state = try String.fetchOne(
                db, sql: "SELECT state FROM shards WHERE id = ?", arguments: [shard.rawValue])
            if state == "pending" {
                try SampleCatalog.removeRows(ofShard: shard, db)
                // Without size and time no file passes for the one that was ingested.
                try db.execute(
                    sql: """
                        UPDATE shards SET byte_count = NULL, modified_nanoseconds = NULL, cursor_byte_offset = 0,
                            cursor_ordinal = 0, cursor_digest = NULL WHERE id = ?
                        """, arguments: [shard.rawValue])
            }
            try db.execute(sql: "UPDATE shards SET state = 'missing' WHERE id = ?", arguments: [shard.rawValue])
        }
    }

    /// Adds quarantine rows of a later stage to samples of a shard; a row of the same ordinal and stage is replaced.
    public func quarantine(_ records: [QuarantineRecord], inShard shard: ShardID) throws(CatalogError) {
        try write { db in
            for record in records { try SampleCatalog.insert(record, shard, db) }
        }
    }

    /// Removes the quarantine rows of a later stage for a shard, before the stage does it anew.
    public func clearQuarantine(ofStage stage: String, inShard shard: ShardID) throws(CatalogError) {
        precondition(stage != "ingest", "clearQuarantine: rows of ingest are the shard's own; ingest it again")
        try write { db in
            try db.execute(
                sql: "DELETE FROM quarantine WHERE id BETWEEN ? AND ? AND stage = ?",
                arguments: [shard.firstKey, shard.lastKey, stage])
        }
    }

    static func unknownDataset(_ name: String) -> CatalogError {
        CatalogError(.unknownName, "There is no data set of this name; 'vlmpipe status' lists them.", place: name)
    }
}

extension SampleCatalog {
    private static func register(_ registration: ShardRegistration, _ db: Database) throws -> CatalogShard {
        try db.execute(sql: "INSERT OR IGNORE INTO datasets (name) VALUES (?)", arguments: [registration.dataset])
        try db.execute(sql: "INSERT OR IGNORE INTO roots (path) VALUES (?)", arguments: [registration.rootPath])
        try db.execute(
            sql: """
                INSERT INTO shards (dataset_id, root_id, name, kind, compression, path, state, settings)
                SELECT d.id, r.id, ?, ?, ?, ?, 'pending', ? FROM datasets d, roots r WHERE d.name = ? AND r.path = ?
                """,
            arguments: [
                try freeName(registration, db), registration.kind.rawValue, registration.compression.rawValue,
                registration.path, registration.settings, registration.dataset, registration.rootPath,
            ])
        return try shard(ShardID(rawValue: db.lastInsertedRowID), db)
    }

    /// The wanted name, with as many folders of the root before it as it takes to be the only one.
    private static func freeName(_ registration: ShardRegistration, _ db: Database) throws -> String {
        let folders = registration.rootPath.split(separator: "/")
        for count in 0...folders.count {
            let name = (folders.suffix(count).map(String.init) + [registration.name]).joined(separator: "/")
            let isTaken = try Bool.fetchOne(
                db,
                sql: """
                    SELECT EXISTS (
                        SELECT 1 FROM shards s JOIN datasets d ON d.id = s.dataset_id WHERE d.name = ? AND s.name = ?)
                    """, arguments: [registration.dataset, name])
            if isTaken != true { return name }
        }
        throw CatalogError(
            .nameConflict, "The data set has a shard of this name already; ingest into another data set.",
            place: registration.name)
    }

    /// Tables whose rows are keyed by `SampleKey`.
    static let sampleTables = [
        "samples", "captions", "attribute_numbers", "attribute_texts", "rare_attributes", "quarantine", "files",
    ]

    static func removeRows(ofShard shard: ShardID, _ db: Database) throws {
        try removeDerivedRows(ofShard: shard, db)
        for table in sampleTables {
            try db.execute(
                sql: "DELETE FROM \(table) WHERE id BETWEEN ? AND ?", arguments: [shard.firstKey, shard.lastKey])
        }
    }

    private func append(_ chunk: SampleChunk, to shard: ShardID, _ db: Database) throws {
        let sample = try db.cachedStatement(sql: "INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        let caption = try db.cachedStatement(sql: "INSERT INTO captions VALUES (?, ?, ?)")
        for record in chunk.samples {
            let id = SampleKey(shard: shard, ordinal: record.ordinal).rawValue
            try sample.execute(arguments: [
                id, record.key, record.split.rawValue, record.image.offset, record.image.byteCount,
                record.format.rawValue, record.pixelWidth, record.pixelHeight, Int64(record.orientation.rawValue),
                record.captions.count, SampleCatalog.blob(record.digest),
            ])
            for (number, text) in record.captions.enumerated() {
                try caption.execute(arguments: [id, number, text])
            }
        }
        let entries = chunk.samples.lazy.filter { !$0.attributes.isEmpty }.map {
            AttributeColumns.Entry(id: SampleKey(shard: shard, ordinal: $0.ordinal), attributes: $0.attributes)
        }
        try attributeColumns.withLock { try $0.insert(Array(entries), db) }
        for record in chunk.quarantine { try SampleCatalog.insert(record, shard, db) }
        let file = try db.cachedStatement(sql: "INSERT INTO files (id, path, key, signature) VALUES (?, ?, ?, ?)")
        for record in chunk.files {
            try file.execute(arguments: [
                SampleKey(shard: shard, ordinal: record.ordinal).rawValue, record.path, record.key,
                SampleCatalog.blob(record.signature),
            ])
        }
        try db.execute(
            sql: "UPDATE shards SET cursor_byte_offset = ?, cursor_ordinal = ?, cursor_digest = ? WHERE id = ?",
            arguments: [
                chunk.cursor.byteOffset, Int64(chunk.cursor.ordinal), chunk.cursor.digest.map(SampleCatalog.blob),
                shard.rawValue,
            ])
    }

    private static func insert(_ record: QuarantineRecord, _ shard: ShardID, _ db: Database) throws {
        try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO quarantine (id, stage, key, byte_offset, code, reason)
                VALUES (?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            SampleKey(shard: shard, ordinal: record.ordinal).rawValue, record.stage, record.key, record.byteOffset,
            record.code, record.reason,
        ])
    }

    private static func complete(_ shard: ShardID, headerDigest: Digest?, _ db: Database) throws {
        try db.execute(
            sql: "UPDATE shards SET state = 'complete', header_digest = ?, content_digest = ? WHERE id = ?",
            arguments: [headerDigest.map(blob), blob(try contentDigest(ofShard: shard, db)), shard.rawValue])
    }

    /// Digest over everything about the samples that an encoder or a training run could see; not their names.
    private static func contentDigest(ofShard shard: ShardID, _ db: Database) throws -> Digest {
        var hasher = DigestHasher()
        hasher.update(field: "vlmpipe shard content 2")
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT s.id, s.split, s.orientation, s.digest, c.text
                FROM samples s LEFT JOIN captions c ON c.id = s.id
                WHERE s.id BETWEEN ? AND ? ORDER BY s.id, c.number
                """, arguments: [shard.firstKey, shard.lastKey])
        var last: Int64?
        while let row = try rows.next() {
            let id: Int64 = row[0]
            if id != last {
                hasher.update(number: UInt64(SampleKey(rawValue: id).ordinal))
                hasher.update(field: row[1])
                hasher.update(number: UInt64(bitPattern: row[2] as Int64))
                hasher.update(Array(row[3] as Data))
                last = id
            }
            if let text: String = row[4] { hasher.update(field: text) }
        }
        return hasher.finalize()
    }

    static func blob(_ digest: Digest) -> Data { Data(digest.bytes) }
}
