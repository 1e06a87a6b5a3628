import GRDB
import Samples

/// Counts over a data set, or all of them. At every moment found = samples + quarantined.
public struct CatalogCounts: Hashable, Sendable {
    /// Everything found: samples and quarantined ones.
    public var found: Int { samples + quarantined }
    /// Usable samples: those without a quarantine row of any stage.
    public var samples = 0
    /// What some stage refused.
    public var quarantined = 0
    /// Distinct images among the samples, told apart by the first 8 bytes of SHA-256 of their bytes.
    public var distinctImages = 0
    /// Captions of the samples.
    public var captions = 0
    /// Samples with at least one caption.
    public var captionedSamples = 0
    /// Bytes of the samples' images.
    public var imageByteCount: Int64 = 0
    /// Shards in any state.
    public var shards = 0
    /// Shards whose file is gone.
    public var missingShards = 0
    /// Shards whose ingest is not finished.
    public var pendingShards = 0
    /// Samples by split.
    public var samplesBySplit: [String: Int] = [:]
    /// Samples by image format.
    public var samplesByFormat: [String: Int] = [:]
    /// Samples by the shorter side of the image in pixels: how many are at least as large as each of
    /// `CatalogCounts.sizeSteps` and smaller than the next.
    public var samplesBySize: [Int: Int] = [:]
    /// Quarantined ones by stage and code, written `stage/code`.
    public var quarantinedByReason: [String: Int] = [:]

    /// Shorter sides in pixels at which `samplesBySize` divides; the sizes that encoders take are among them.
    public static let sizeSteps = [0, 64, 128, 224, 256, 336, 384, 512, 768, 1024, 2048]
}

/// How often samples have an attribute.
public struct AttributeUse: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// Samples with a number.
    public var numbers: Int
    /// Samples with a text.
    public var texts: Int
    /// The smallest and the largest number; `nil` without numbers.
    public var range: ClosedRange<Double>?
}

extension SampleCatalog {
    /// Counts, all from one snapshot. Linear in the number of samples.
    ///
    /// - Parameter countsDistinctImages: whether `distinctImages` is wanted; else it is 0 and some time is saved.
    public func counts(
        ofDataset dataset: String? = nil, countsDistinctImages: Bool = true
    ) throws(CatalogError) -> CatalogCounts {
        try read { db in
            try SampleCatalog.check(dataset, db)
            var counts = CatalogCounts()
            var shards: [ShardID] = []
            for row in try Row.fetchAll(
                db,
                sql: """
                    SELECT h.id, h.state FROM shards h JOIN datasets d ON d.id = h.dataset_id
                    WHERE :dataset IS NULL OR d.name = :dataset
                    """, arguments: ["dataset": dataset])
            {
                shards.append(ShardID(rawValue: row[0]))
                counts.shards += 1
                if row[1] as String == "missing" { counts.missingShards += 1 }
                if row[1] as String == "pending" { counts.pendingShards += 1 }
            }
            for shard in shards { try count(shard, &counts, db) }
            if countsDistinctImages {
                counts.distinctImages = try SampleCatalog.distinctImageCount(ofDataset: dataset, db)
            }
            return counts
        }
    }

    /// Adds a shard: one group for each split, format and size, so the sort that groups stays small.
    private func count(_ shard: ShardID, _ counts: inout CatalogCounts, _ db: Database) throws {
        let size = CatalogCounts.sizeSteps.dropFirst().map {
            "WHEN min(s.pixel_width, s.pixel_height) < \($0) THEN \($0)"
        }
        let keys: StatementArguments = [shard.firstKey, shard.lastKey]
        let groups = try db.cachedStatement(
            sql: """
                SELECT s.split, s.format, CASE \(size.joined(separator: " ")) END, count(*), sum(s.byte_count),
                    sum(s.caption_count), count(*) FILTER (WHERE s.caption_count > 0)
                FROM samples s WHERE s.id BETWEEN ? AND ?
                    AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.id = s.id)
                GROUP BY 1, 2, 3
                """)
        let rows = try Row.fetchCursor(groups, arguments: keys)
        while let row = try rows.next() {
            let count: Int = row[3]
            counts.samples += count
            counts.samplesBySplit[row[0], default: 0] += count
            counts.samplesByFormat[row[1], default: 0] += count
            let next: Int? = row[2]
            let step = CatalogCounts.sizeSteps.last { step in next.map { step < $0 } ?? true } ?? 0
            counts.samplesBySize[step, default: 0] += count
            counts.imageByteCount += row[4] as Int64
            counts.captions += row[5] as Int
            counts.captionedSamples += row[6] as Int
        }
        let refused = try db.cachedStatement(sql: "SELECT count(DISTINCT id) FROM quarantine WHERE id BETWEEN ? AND ?")
        counts.quarantined += try Int.fetchOne(refused, arguments: keys) ?? 0
        let reasons = try db.cachedStatement(
            sql: "SELECT stage || '/' || code, count(*) FROM quarantine WHERE id BETWEEN ? AND ? GROUP BY 1")
        let reasonRows = try Row.fetchCursor(reasons, arguments: keys)
        while let row = try reasonRows.next() { counts.quarantinedByReason[row[0], default: 0] += row[1] as Int }
    }

    /// One ordered pass over the index if it covers all shards, else a sort.
    private static func distinctImageCount(ofDataset dataset: String?, _ db: Database) throws -> Int {
        let isCovered = try uncoveredShards(db).isEmpty
        return try Int.fetchOne(
            db,
            sql: """
                SELECT count(DISTINCT x.prefix)
                FROM \(isCovered ? "digest_index x" : "(SELECT substr(digest, 1, 8) AS prefix, id FROM samples) x")
                WHERE (:dataset IS NULL OR x.id >> 32 IN (
                        SELECT h.id FROM shards h JOIN datasets d ON d.id = h.dataset_id WHERE d.name = :dataset))
                    AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.id = x.id)
                """, arguments: ["dataset": dataset]) ?? 0
    }

    /// How often the usable samples of a data set have each attribute, by name; names that none has are left out.
    public func attributeUse(ofDataset dataset: String? = nil) throws(CatalogError) -> [AttributeUse] {
        try read { db in
            try SampleCatalog.check(dataset, db)
            var uses: [String: AttributeUse] = [:]
            let usable = """
                (:dataset IS NULL OR x.id >> 32 IN (
                    SELECT h.id FROM shards h JOIN datasets d ON d.id = h.dataset_id WHERE d.name = :dataset))
                AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.id = x.id)
                """
            func add(_ name: String, numbers: Int, texts: Int, _ low: Double?, _ high: Double?) {
                guard numbers + texts > 0 else { return }
                var use = uses[name] ?? AttributeUse(name: name, numbers: 0, texts: 0, range: nil)
                use.numbers += numbers
                use.texts += texts
                if let low, let high, low <= high {
                    use.range = min(low, use.range?.lowerBound ?? low)...max(high, use.range?.upperBound ?? high)
                }
                uses[name] = use
            }
            let names = try AttributeColumns.names(db)
            let numbers = names.filter { $0.column != nil && $0.hasNumbers }
            let texts = names.filter { $0.column != nil && $0.hasTexts }
            // One pass over each table for all its columns.
            let numberValues = numbers.compactMap(\.column).map { "count(\($0)), min(\($0)), max(\($0))" }
            if !numberValues.isEmpty,
                let row = try Row.fetchOne(
                    db,
                    sql: "SELECT \(numberValues.joined(separator: ", ")) FROM attribute_numbers x WHERE \(usable)",
                    arguments: ["dataset": dataset])
            {
                for (place, name) in numbers.enumerated() {
                    add(name.text, numbers: row[3 * place], texts: 0, row[3 * place + 1], row[3 * place + 2])
                }
            }
            let textValues = texts.compactMap(\.column).map { "count(\($0))" }
            if !textValues.isEmpty,
                let row = try Row.fetchOne(
                    db, sql: "SELECT \(textValues.joined(separator: ", ")) FROM attribute_texts x WHERE \(usable)",
                    arguments: ["dataset": dataset])
            {
                for (place, name) in texts.enumerated() { add(name.text, numbers: 0, texts: row[place], nil, nil) }
            }
            for row in try Row.fetchAll(
                db,
                sql: """
                    SELECT n.name, count(*) FILTER (WHERE typeof(x.value) <> 'text'),
                        count(*) FILTER (WHERE typeof(x.value) = 'text'),
                        min(x.value) FILTER (WHERE typeof(x.value) <> 'text'),
                        max(x.value) FILTER (WHERE typeof(x.value) <> 'text')
                    FROM rare_attributes x JOIN attribute_names n ON n.id = x.name_id WHERE \(usable) GROUP BY 1
                    """, arguments: ["dataset": dataset])
            {
                add(row[0], numbers: row[1], texts: row[2], row[3], row[4])
            }
            return uses.values.sorted { $0.name < $1.name }
        }
    }

    /// Samples recorded and things refused by ingest in one shard.
    public func ingestCounts(ofShard shard: ShardID) throws(CatalogError) -> IngestCounts {
        try read { db in
            let keys: StatementArguments = [shard.firstKey, shard.lastKey]
            var counts = IngestCounts()
            counts.samples =
                try Int.fetchOne(db, sql: "SELECT count(*) FROM samples WHERE id BETWEEN ? AND ?", arguments: keys) ?? 0
            for row in try Row.fetchAll(
                db,
                sql: """
                    SELECT code, count(*) FROM quarantine WHERE id BETWEEN ? AND ? AND stage = 'ingest' GROUP BY code
                    """, arguments: keys)
            {
                counts.quarantinedByCode[row[0]] = row[1]
            }
            return counts
        }
    }
}

/// What ingest made of one shard.
public struct IngestCounts: Hashable, Sendable {
    /// Samples recorded.
    public var samples = 0
    /// Things refused, by code.
    public var quarantinedByCode: [String: Int] = [:]
    /// Things refused.
    public var quarantined: Int { quarantinedByCode.values.reduce(0, +) }
}
