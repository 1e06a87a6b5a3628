import GRDB
import Samples

extension SampleCatalog {
    /// Columns that a filter may name besides attributes, in the order of the documentation.
    public static let filterColumns = [
        "dataset", "shard", "ordinal", "key", "split", "format", "width", "height", "bytes", "captions", "caption",
    ]

    /// Most attribute names that a filter can tell apart; SQLite allows 2,000 columns.
    static let maximumAttributeColumnCount = 1500

    /// The usable samples for which a condition in SQL holds.
    ///
    /// Columns are `dataset`, `shard`, `ordinal`, `key`, `split`, `format`, `width` and `height` (of the upright image),
    /// `bytes`, `captions` (their number), `caption` (the first), and every attribute by its own name, NULL where a
    /// sample has none. An attribute called like one of the former is `attribute_NAME`. Examples:
    ///
    ///     width >= 512 AND license = 'cc0'
    ///     split = 'test' AND caption LIKE '%cat%'
    ///
    /// The condition runs on a connection that cannot write, as part of one statement. Throws `filterInvalid` with
    /// SQLite's words if it is none.
    public func samples(matching condition: String, ofDataset dataset: String? = nil) throws(CatalogError) -> SampleSet
    {
        do {
            return try pool.read { db in
                try SampleCatalog.check(dataset, db)
                let statement = try db.makeStatement(sql: try SampleCatalog.filterQuery(condition, db))
                guard statement.isReadonly else {
                    throw CatalogError(.filterInvalid, "A filter may only read.", place: condition)
                }
                var set = SampleSet()
                let rows = try Row.fetchCursor(statement, arguments: ["dataset": dataset])
                while let row = try rows.next() {
                    guard let ordinal = UInt32(exactly: row[2] as Int64) else {
                        throw SampleCatalog.inconsistent("a sample")
                    }
                    set.insert(SampleIdentity(dataset: row[0], shard: row[1], ordinal: ordinal))
                }
                return set
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR || error.resultCode == .SQLITE_MISUSE
        {
            throw CatalogError(
                .filterInvalid,
                "The filter is not a condition in SQL. Columns are "
                    + SampleCatalog.filterColumns.joined(separator: ", ") + " and the attributes of the samples.",
                place: condition, cause: error.message)
        } catch {
            throw CatalogError(error, path: path)
        }
    }

    /// The condition stands on lines of its own, so that a comment in it ends there.
    private static func filterQuery(_ condition: String, _ db: Database) throws -> String {
        """
        SELECT dataset, shard, ordinal FROM (
            SELECT d.name AS dataset, h.name AS shard, s.ordinal AS ordinal, s.key AS key, s.split AS split,
                s.format AS format,
                CASE WHEN s.orientation >= 5 THEN s.pixel_height ELSE s.pixel_width END AS width,
                CASE WHEN s.orientation >= 5 THEN s.pixel_width ELSE s.pixel_height END AS height,
                s.byte_count AS bytes,
                (SELECT count(*) FROM captions c WHERE c.shard_id = s.shard_id AND c.ordinal = s.ordinal) AS captions,
                (SELECT c.text FROM captions c
                    WHERE c.shard_id = s.shard_id AND c.ordinal = s.ordinal AND c.number = 0) AS caption
                \(try attributeColumns(db))
            FROM samples s JOIN shards h ON h.id = s.shard_id JOIN datasets d ON d.id = h.dataset_id
            WHERE (:dataset IS NULL OR d.name = :dataset) AND NOT EXISTS (
                SELECT 1 FROM quarantine q WHERE q.shard_id = s.shard_id AND q.ordinal = s.ordinal)
        )
        WHERE (
        \(condition)
        )
        """
    }

    /// One column per attribute name; names that differ only in the case of letters share one, as SQL's columns do.
    private static func attributeColumns(_ db: Database) throws -> String {
        let names = try String.fetchAll(db, sql: "SELECT DISTINCT name FROM attributes ORDER BY name")
        var taken = Set(filterColumns)
        var columns = ""
        for name in names.prefix(maximumAttributeColumnCount) {
            let column = filterColumns.contains(asciiLowercased(name)) ? "attribute_" + name : name
            guard taken.insert(asciiLowercased(column)).inserted else { continue }
            columns += """
                , (SELECT a.value FROM attributes a WHERE a.shard_id = s.shard_id AND a.ordinal = s.ordinal
                    AND a.name = \(literal(name)) COLLATE NOCASE LIMIT 1) AS \(quoted(column))
                """
        }
        return columns
    }

    private static func asciiLowercased(_ text: String) -> String {
        String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    private static func literal(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }

    private static func quoted(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
