import Foundation
import GRDB
import Samples

extension SampleCatalog {
    /// Names of all data sets, sorted.
    public func datasetNames() throws(CatalogError) -> [String] {
        try read { db in try String.fetchAll(db, sql: "SELECT name FROM datasets ORDER BY name") }
    }

    /// Absolute paths of all recorded roots, sorted.
    public func rootPaths() throws(CatalogError) -> [String] {
        try read { db in try String.fetchAll(db, sql: "SELECT path FROM roots ORDER BY path") }
    }

    /// Shards by data set and name.
    ///
    /// - Parameters:
    ///   - dataset: only shards of this data set; throws `unknownName` if there is none.
    ///   - split: only shards that have a sample of this split.
    ///   - states: only shards in one of these states.
    public func shards(
        ofDataset dataset: String? = nil, split: Split? = nil,
        states: Set<CatalogShard.State> = [.complete, .pending, .missing]
    ) throws(CatalogError) -> [CatalogShard] {
        try read { db in
            try SampleCatalog.check(dataset, db)
            let rows = try Row.fetchAll(
                db,
                sql: SampleCatalog.shardQuery + """
                     WHERE (:dataset IS NULL OR d.name = :dataset)
                        AND (:split IS NULL
                            OR EXISTS (
                                SELECT 1 FROM samples x
                                WHERE x.id >= s.id << 32 AND x.id < (s.id + 1) << 32 AND x.split = :split))
                    ORDER BY d.name, s.name
                    """, arguments: ["dataset": dataset, "split": split?.rawValue])
            return try rows.map(SampleCatalog.shard).filter { states.contains($0.state) }
        }
    }

    /// The shard of an id; throws `unknownName` if it is gone.
    public func shard(_ id: ShardID) throws(CatalogError) -> CatalogShard {
        try read { db in try SampleCatalog.shard(id, db) }
    }

    /// The shard that an identity names; `nil` if there is none.
    public func shard(named name: String, ofDataset dataset: String) throws(CatalogError) -> CatalogShard? {
        try read { db in
            try Row.fetchOne(
                db, sql: SampleCatalog.shardQuery + " WHERE d.name = ? AND s.name = ?", arguments: [dataset, name]
            ).map(SampleCatalog.shard)
        }
    }

    /// Up to `limit` samples of a shard from `ordinal` on, by ascending ordinal.
    ///
    /// - Parameters:
    ///   - split: only samples of this split.
    ///   - includesQuarantined: whether samples that a later stage has quarantined are included.
    public func samples(
        ofShard shard: ShardID, from ordinal: UInt32 = 0, limit: Int = 256, split: Split? = nil,
        includesQuarantined: Bool = true
    ) throws(CatalogError) -> [CatalogSample] {
        try read { db in
            try SampleCatalog.samples(
                db,
                condition: """
                    s.id BETWEEN :first AND :last AND (:split IS NULL OR s.split = :split)
                    AND (:all OR NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.id = s.id))
                    ORDER BY s.id LIMIT :limit
                    """,
                arguments: [
                    "first": SampleKey(shard: shard, ordinal: ordinal).rawValue, "last": shard.lastKey,
                    "split": split?.rawValue, "all": includesQuarantined, "limit": limit,
                ])
        }
    }

    /// Hands all samples of a shard to `body` in chunks of at most `count`, by ascending ordinal. Each chunk is read by
    /// itself, so memory is bounded and no reader stays open.
    public func forEachChunk(
        ofShard shard: ShardID, count: Int = 256, split: Split? = nil, includesQuarantined: Bool = true,
        _ body: ([CatalogSample]) throws -> Void
    ) throws {
        var next: UInt32 = 0
        while true {
            let chunk = try samples(
                ofShard: shard, from: next, limit: count, split: split, includesQuarantined: includesQuarantined)
            guard let last = chunk.last else { return }
            try body(chunk)
            guard chunk.count == count, last.ordinal < .max else { return }
            next = last.ordinal + 1
        }
    }

    /// The samples of the given identities, in their order; `nil` for those that are not in the catalog.
    public func samples(_ identities: [SampleIdentity]) throws(CatalogError) -> [CatalogSample?] {
        try read { db in
            try identities.map { identity in
                try SampleCatalog.samples(
                    db,
                    condition: """
                        s.id = :ordinal + (
                            SELECT x.id << 32 FROM shards x JOIN datasets y ON y.id = x.dataset_id
                            WHERE y.name = :dataset AND x.name = :shard)
                        """,
                    arguments: [
                        "dataset": identity.dataset, "shard": identity.shard, "ordinal": Int64(identity.ordinal),
                    ]
                ).first
            }
        }
    }

    /// Attributes of a sample by ascending name.
    public func attributes(ofOrdinal ordinal: UInt32, inShard shard: ShardID) throws(CatalogError) -> [SampleAttribute]
    {
        try read { db in
            let key = SampleKey(shard: shard, ordinal: ordinal).rawValue
            var result: [SampleAttribute] = []
            try AttributeColumns.forEach(from: key, through: key, db) { result = $1 }
            return result
        }
    }

    /// Hands every caption to `body`: shards by data set and name, samples by ordinal, captions in order. The order is
    /// the same for the same content, so it may feed deterministic training.
    ///
    /// - Parameter includesQuarantined: whether samples that a later stage has quarantined are included.
    public func forEachCaption(
        ofDataset dataset: String? = nil, split: Split? = nil, includesQuarantined: Bool = true,
        _ body: (String) throws -> Void
    ) throws(CatalogError) {
        try read { db in
            try SampleCatalog.check(dataset, db)
            let shards = try Int64.fetchAll(
                db,
                sql: """
                    SELECT h.id FROM shards h JOIN datasets d ON d.id = h.dataset_id
                    WHERE :dataset IS NULL OR d.name = :dataset ORDER BY d.name, h.name
                    """, arguments: ["dataset": dataset])
            for shard in shards.map(ShardID.init(rawValue:)) {
                let texts = try String.fetchCursor(
                    db,
                    sql: """
                        SELECT c.text FROM samples s JOIN captions c ON c.id = s.id
                        WHERE s.id BETWEEN :first AND :last AND (:split IS NULL OR s.split = :split)
                            AND (:all OR NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.id = s.id))
                        ORDER BY s.id, c.number
                        """,
                    arguments: [
                        "first": shard.firstKey, "last": shard.lastKey, "split": split?.rawValue,
                        "all": includesQuarantined,
                    ])
                while let text = try texts.next() { try body(text) }
            }
        }
    }
}

extension SampleCatalog {
    static let shardQuery = """
        SELECT s.id, d.name AS dataset, s.name, s.kind, s.compression, r.path AS root, s.path, s.state, s.settings, s.byte_count,
            s.modified_nanoseconds, s.header_digest, s.content_digest, s.cursor_byte_offset, s.cursor_ordinal,
            s.cursor_digest
        FROM shards s JOIN datasets d ON d.id = s.dataset_id JOIN roots r ON r.id = s.root_id
        """

    static func check(_ dataset: String?, _ db: Database) throws {
        guard let dataset else { return }
        let exists = try Bool.fetchOne(
            db, sql: "SELECT EXISTS (SELECT 1 FROM datasets WHERE name = ?)", arguments: [dataset])
        guard exists == true else { throw unknownDataset(dataset) }
    }

    static func shard(_ id: ShardID, _ db: Database) throws -> CatalogShard {
        guard let row = try Row.fetchOne(db, sql: shardQuery + " WHERE s.id = ?", arguments: [id.rawValue]) else {
            throw CatalogError(.unknownName, "The shard is no longer in the catalog.", place: "shard \(id.rawValue)")
        }
        return try shard(row)
    }

    static func shard(_ row: Row) throws -> CatalogShard {
        guard let kind = CatalogShard.Kind(rawValue: row["kind"]),
            let compression = CatalogShard.Compression(rawValue: row["compression"]),
            let state = CatalogShard.State(rawValue: row["state"]),
            let ordinal = UInt32(exactly: row["cursor_ordinal"] as Int64)
        else { throw inconsistent("a shard") }
        return CatalogShard(
            id: ShardID(rawValue: row["id"]), dataset: row["dataset"], name: row["name"], kind: kind,
            compression: compression, rootPath: row["root"], path: row["path"], state: state, settings: row["settings"],
            byteCount: row["byte_count"], modifiedNanoseconds: row["modified_nanoseconds"],
            headerDigest: try optionalDigest(row["header_digest"]),
            contentDigest: try optionalDigest(row["content_digest"]),
            cursor: CatalogShard.Cursor(
                byteOffset: row["cursor_byte_offset"], ordinal: ordinal,
                digest: try optionalDigest(row["cursor_digest"])))
    }

    static func samples(
        _ db: Database, condition: String, arguments: StatementArguments
    ) throws -> [CatalogSample] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT s.id, s.key, s.split, s.byte_offset, s.byte_count, s.format, s.pixel_width,
                    s.pixel_height, s.orientation, s.caption_count, s.digest, d.name, h.name, r.path,
                    coalesce(f.path, h.path)
                FROM samples s JOIN shards h ON h.id = s.id >> 32 JOIN datasets d ON d.id = h.dataset_id
                JOIN roots r ON r.id = h.root_id
                LEFT JOIN files f ON f.id = s.id
                WHERE \(condition)
                """)
        let captions = try db.cachedStatement(sql: "SELECT text FROM captions WHERE id = ? ORDER BY number")
        let rows = try Row.fetchCursor(statement, arguments: arguments)
        var result: [CatalogSample] = []
        while let row = try rows.next() {
            let key = SampleKey(rawValue: row[0])
            guard let range = ByteRange(checkedOffset: row[3], byteCount: row[4]),
                let format = ImageFormat(rawValue: row[5]),
                let orientationValue = UInt8(exactly: row[8] as Int64),
                let orientation = ImageOrientation(rawValue: orientationValue),
                let digest = Digest(bytes: Array(row[10] as Data))
            else { throw inconsistent("a sample") }
            result.append(
                CatalogSample(
                    shardID: key.shard,
                    identity: SampleIdentity(dataset: row[11], shard: row[12], ordinal: key.ordinal), key: row[1],
                    split: Split(rawValue: row[2]), imagePath: CatalogPath.join(row[13], row[14]), image: range,
                    format: format, pixelWidth: row[6], pixelHeight: row[7], orientation: orientation, digest: digest,
                    captions: row[9] as Int64 > 0 ? try String.fetchAll(captions, arguments: [key.rawValue]) : []))
        }
        return result
    }

    static func attributeValue(_ value: DatabaseValue) throws -> AttributeValue {
        switch value.storage {
        case .int64(let number): return .integer(number)
        case .double(let number): return .real(number)
        case .string(let text): return .text(text)
        case .null, .blob: throw inconsistent("an attribute")
        }
    }

    static func optionalDigest(_ data: Data?) throws -> Digest? {
        guard let data else { return nil }
        guard let digest = Digest(bytes: Array(data)) else { throw inconsistent("a digest") }
        return digest
    }

    static func inconsistent(_ what: String) -> CatalogError {
        CatalogError(
            .inconsistent,
            "The catalog holds \(what) with impossible values. Move it away and run 'vlmpipe ingest' again.")
    }
}
