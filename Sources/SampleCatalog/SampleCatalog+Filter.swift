import GRDB
import Samples

extension SampleCatalog {
    /// Columns that a filter may name besides attributes, in the order of the documentation.
    public static let filterColumns = [
        "dataset", "shard", "ordinal", "key", "split", "format", "width", "height", "bytes", "captions", "caption",
    ]

    /// Names of the attributes that samples have or had, sorted. Names that differ only in the case of ASCII letters are
    /// one column of a filter.
    public func attributeNames() throws(CatalogError) -> [String] {
        try read { db in try AttributeColumns.names(db).map(\.text).sorted() }
    }

    /// The usable samples for which a condition in SQL holds.
    ///
    /// Columns are `dataset`, `shard`, `ordinal`, `key`, `split`, `format`, `width` and `height` (of the upright image),
    /// `bytes`, `captions` (their number), `caption` (the first), and every attribute by its own name, NULL where a
    /// sample has none. An attribute called like one of the former is `attribute_NAME`. Examples:
    ///
    ///     similarity > 0.3 AND width >= 512
    ///     split = 'test' AND caption LIKE '%cat%'
    ///
    /// The condition runs on a connection that cannot write, as part of one statement; only the columns that it names
    /// are read. Throws `filterInvalid` with SQLite's words and the known names if it is none.
    public func samples(matching condition: String, ofDataset dataset: String? = nil) throws(CatalogError) -> SampleSet
    {
        try samples(matching: condition, ofDatasets: dataset.map { [$0] } ?? [])
    }

    /// The usable samples of some data sets (all if none is named) for which a condition in SQL holds; see
    /// `samples(matching:ofDataset:)`.
    public func samples(
        matching condition: String, ofDatasets datasets: [String]
    ) throws(CatalogError) -> SampleSet {
        var names: [AttributeColumns.Name] = []
        do {
            return try database.read { db in
                names = try AttributeColumns.names(db)
                return try SampleCatalog.samples(matching: condition, datasets, names, db)
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR || error.resultCode == .SQLITE_MISUSE
        {
            throw CatalogError(
                .filterInvalid,
                "The filter is not a condition in SQL. Columns are "
                    + SampleCatalog.filterColumns.joined(separator: ", ")
                    + SampleCatalog.list(names.map(\.text)) + ".",
                place: condition, cause: error.message)
        } catch {
            throw CatalogError(error, path: path)
        }
    }

    /// Most attribute names in a message.
    private static let listedNameCount = 40

    private static func list(_ names: [String]) -> String {
        if names.isEmpty { return "; there are no attributes" }
        let rest = names.count - listedNameCount
        return "; attributes are " + names.sorted().prefix(listedNameCount).joined(separator: ", ")
            + (rest > 0 ? " and \(rest) more" : "")
    }

    private static func samples(
        matching condition: String, _ datasets: [String], _ attributes: [AttributeColumns.Name], _ db: Database
    ) throws -> SampleSet {
        for dataset in datasets { try check(dataset, db) }
        let shards = try Row.fetchAll(
            db, sql: "SELECT h.id, d.name, h.name FROM shards h JOIN datasets d ON d.id = h.dataset_id ORDER BY h.id")
        let statement = try db.makeStatement(sql: query(condition, attributes))
        guard statement.isReadonly else {
            throw CatalogError(.filterInvalid, "A filter may only read.", place: condition)
        }
        var names: [ShardID: (dataset: String, shard: String)] = [:]
        for row in shards { names[ShardID(rawValue: row[0])] = (row[1], row[2]) }
        var set = SampleSet()
        for range in ranges(of: shards, datasets) {
            let keys = (first: ShardID(rawValue: range.first).firstKey, last: ShardID(rawValue: range.last).lastKey)
            let matches = try Int64.fetchCursor(statement, arguments: ["first": keys.first, "last": keys.last])
            let quarantined = try Int64.fetchCursor(
                db, sql: "SELECT DISTINCT id FROM quarantine WHERE id BETWEEN ? AND ? ORDER BY id",
                arguments: [keys.first, keys.last])
            var refused = try quarantined.next()
            var current: (shard: ShardID, ordinals: [UInt32]) = (ShardID(rawValue: range.first), [])
            func finish() {
                if let name = names[current.shard] {
                    set.append(current.ordinals, inShard: name.shard, ofDataset: name.dataset)
                }
            }
            while let id = try matches.next() {
                while let next = refused, next < id { refused = try quarantined.next() }
                if refused == id { continue }
                let key = SampleKey(rawValue: id)
                if key.shard != current.shard {
                    finish()
                    current = (key.shard, [])
                }
                current.ordinals.append(key.ordinal)
            }
            finish()
        }
        return set
    }

    /// Ranges of shard ids, ascending, that hold shards of the data sets and no others.
    private static func ranges(of shards: [Row], _ datasets: [String]) -> [(first: Int64, last: Int64)] {
        var ranges: [(first: Int64, last: Int64)] = []
        var isOpen = false
        for row in shards {
            let isWanted = datasets.isEmpty || datasets.contains(row[1])
            if isWanted, isOpen {
                ranges[ranges.count - 1].last = row[0]
            } else if isWanted {
                ranges.append((row[0], row[0]))
            }
            isOpen = isWanted
        }
        return ranges
    }

    /// The statement: keys in ascending order. The condition stands on lines of its own, so that a comment in it ends
    /// there.
    private static func query(_ condition: String, _ names: [AttributeColumns.Name]) -> String {
        let words = folded(condition)
        func isNamed(_ column: String) -> Bool { words.contains(folded(column)) }
        var columns = [
            "s.id AS \"sample key\"", "s.key AS key", "s.split AS split", "s.format AS format",
            "s.id & 4294967295 AS ordinal",
            "CASE WHEN s.orientation >= 5 THEN s.pixel_height ELSE s.pixel_width END AS width",
            "CASE WHEN s.orientation >= 5 THEN s.pixel_width ELSE s.pixel_height END AS height",
            "s.byte_count AS bytes", "s.caption_count AS captions",
        ]
        var joins = ""
        if isNamed("dataset") || isNamed("shard") {
            columns += ["d.name AS dataset", "h.name AS shard"]
            joins += " JOIN shards h ON h.id = s.id >> 32 JOIN datasets d ON d.id = h.dataset_id"
        }
        if isNamed("caption") {
            columns.append("c.text AS caption")
            joins += " LEFT JOIN captions c ON c.id = s.id AND c.number = 0"
        }
        // Names that differ only in the case of letters share a column, as they would in SQL.
        var values: [(column: String, values: [String])] = []
        var places: [String: Int] = [:]
        var isJoined = (numbers: false, texts: false)
        for name in names {
            let isTaken = filterColumns.contains(lowercased(name.text))
            let column = isTaken ? "attribute_" + name.text : name.text
            guard isNamed(column) else { continue }
            var found: [String] = []
            if let stored = name.column {
                if name.hasNumbers { found.append("n." + stored) }
                if name.hasTexts { found.append("t." + stored) }
                isJoined.numbers = isJoined.numbers || name.hasNumbers
                isJoined.texts = isJoined.texts || name.hasTexts
            } else {
                found.append("(SELECT r.value FROM rare_attributes r WHERE r.id = s.id AND r.name_id = \(name.id))")
            }
            if let place = places[lowercased(column)] {
                values[place].values += found
            } else {
                places[lowercased(column)] = values.count
                values.append((column, found))
            }
        }
        for (column, values) in values {
            let value = values.count == 1 ? values[0] : "coalesce(\(values.joined(separator: ", ")))"
            columns.append("\(value) AS \(quoted(column))")
        }
        if isJoined.numbers { joins += " LEFT JOIN attribute_numbers n ON n.id = s.id" }
        if isJoined.texts { joins += " LEFT JOIN attribute_texts t ON t.id = s.id" }
        return """
            SELECT "sample key" FROM (
                SELECT \(columns.joined(separator: ", "))
                FROM samples s\(joins) WHERE s.id BETWEEN :first AND :last
            )
            WHERE (
            \(condition)
            )
            ORDER BY "sample key"
            """
    }

    /// Text without quotes and case, in which the name of a column is found however the condition quotes it.
    private static func folded(_ text: String) -> String {
        lowercased(String(text.filter { $0 != "\"" && $0 != "`" }))
    }

    private static func lowercased(_ text: String) -> String {
        String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    private static func quoted(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
