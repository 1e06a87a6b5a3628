import GRDB
import Samples

/// Where attributes are kept: the first 256 names have a column each, `aN` for the name with id N, in
/// `attribute_numbers` or `attribute_texts` or both; later names share `rare_attributes`, a row for each value.
///
/// Columns make a filter one ordered scan, and a sample with many attributes two rows; numbers lie apart from texts
/// because most filters ask for numbers, and texts are long.
struct AttributeColumns {
    /// Names that get columns. A record spends a byte on each column of its table.
    static let maximumColumnCount = 256

    /// Names kept in memory, against sources that call every field differently.
    private static let maximumKnownCount = 4096

    /// The attributes of one sample.
    struct Entry {
        let id: SampleKey
        var attributes: [SampleAttribute]
    }

    /// A name and where its values may be.
    struct Name {
        let id: Int64
        let text: String
        var hasNumbers: Bool
        var hasTexts: Bool

        /// `nil` for a rare one.
        var column: String? { id <= Int64(AttributeColumns.maximumColumnCount) ? "a\(id)" : nil }
    }

    private var known: [String: Name] = [:]

    /// Names that have or had values, by ascending id.
    static func names(_ db: Database) throws -> [Name] {
        try Row.fetchAll(db, sql: "SELECT id, name, has_numbers, has_texts FROM attribute_names ORDER BY id").map {
            Name(id: $0[0], text: $0[1], hasNumbers: $0[2], hasTexts: $0[3])
        }
    }

    /// Inserts the attributes of samples in ascending order of their keys; none of them may have rows yet.
    mutating func insert(_ entries: [Entry], _ db: Database) throws {
        var numberColumns: [Int64: Int] = [:]
        var textColumns: [Int64: Int] = [:]
        var numbers: [(SampleKey, [(Int64, DatabaseValue)])] = []
        var texts: [(SampleKey, [(Int64, DatabaseValue)])] = []
        for entry in entries {
            var numberValues: [(Int64, DatabaseValue)] = []
            var textValues: [(Int64, DatabaseValue)] = []
            for attribute in entry.attributes {
                let isText = attribute.value.isText
                let name = try name(attribute.name, isText: isText, db)
                let value = attribute.value.databaseValue
                if name.column == nil {
                    try db.cachedStatement(sql: "INSERT INTO rare_attributes VALUES (?, ?, ?)")
                        .execute(arguments: [entry.id.rawValue, name.id, value])
                } else if isText {
                    textColumns[name.id] = 0
                    textValues.append((name.id, value))
                } else {
                    numberColumns[name.id] = 0
                    numberValues.append((name.id, value))
                }
            }
            if !numberValues.isEmpty { numbers.append((entry.id, numberValues)) }
            if !textValues.isEmpty { texts.append((entry.id, textValues)) }
        }
        try Self.insert(numbers, columns: numberColumns.keys.sorted(), into: "attribute_numbers", db)
        try Self.insert(texts, columns: textColumns.keys.sorted(), into: "attribute_texts", db)
    }

    /// One statement for all rows, over every column that any of them has.
    private static func insert(
        _ rows: [(SampleKey, [(Int64, DatabaseValue)])], columns: [Int64], into table: String, _ db: Database
    ) throws {
        guard !rows.isEmpty else { return }
        let names = columns.map { "a\($0)" }
        let marks = repeatElement("?", count: names.count + 1).joined(separator: ", ")
        let statement = try db.makeStatement(
            sql: "INSERT INTO \(table) (\((["id"] + names).joined(separator: ", "))) VALUES (\(marks))")
        var places: [Int64: Int] = [:]
        for (place, column) in columns.enumerated() { places[column] = place + 1 }
        for (id, values) in rows {
            // Not DatabaseValue: GRDB takes those through a key path, which costs more than the insert.
            var arguments = [(any DatabaseValueConvertible)?](repeating: nil, count: columns.count + 1)
            arguments[0] = id.rawValue
            for (column, value) in values {
                if let place = places[column] { arguments[place] = value }
            }
            try statement.execute(arguments: StatementArguments(arguments))
        }
    }

    /// The name's place, made when it is new.
    private mutating func name(_ text: String, isText: Bool, _ db: Database) throws -> Name {
        if let name = known[text], name.column == nil || (isText ? name.hasTexts : name.hasNumbers) { return name }
        try db.execute(sql: "INSERT OR IGNORE INTO attribute_names (name) VALUES (?)", arguments: [text])
        guard
            let row = try Row.fetchOne(
                db, sql: "SELECT id, has_numbers, has_texts FROM attribute_names WHERE name = ?", arguments: [text])
        else { throw SampleCatalog.inconsistent("an attribute") }
        var name = Name(id: row[0], text: text, hasNumbers: row[1], hasTexts: row[2])
        if !(isText ? name.hasTexts : name.hasNumbers) {
            let kind = isText ? "texts" : "numbers"
            if let column = name.column {
                try db.execute(sql: "ALTER TABLE attribute_\(kind) ADD COLUMN \(column) ANY")
            }
            try db.execute(sql: "UPDATE attribute_names SET has_\(kind) = 1 WHERE id = ?", arguments: [name.id])
            if isText { name.hasTexts = true } else { name.hasNumbers = true }
        }
        if known.count >= Self.maximumKnownCount { known.removeAll(keepingCapacity: true) }
        known[text] = name
        return name
    }

    /// Hands over the attributes of samples with keys in a range: by ascending key, each with its attributes by name.
    ///
    /// Memory is bounded by one sample. Three cursors are merged, for the three tables are in the same order.
    static func forEach(
        from first: Int64, through last: Int64, _ db: Database, _ body: (SampleKey, [SampleAttribute]) throws -> Void
    ) throws {
        let names = try names(db)
        var texts: [Int64: String] = [:]
        for name in names { texts[name.id] = name.text }
        let wide = try [
            ("attribute_numbers", names.filter(\.hasNumbers)), ("attribute_texts", names.filter(\.hasTexts)),
        ]
        .map { table, names in
            let columns = names.filter { $0.column != nil }
            return (
                columns: columns,
                rows: try Row.fetchCursor(
                    db,
                    sql: """
                        SELECT \((["id"] + columns.compactMap(\.column)).joined(separator: ", ")) FROM \(table)
                        WHERE id BETWEEN ? AND ? ORDER BY id
                        """, arguments: [first, last])
            )
        }
        let rare = try Row.fetchCursor(
            db, sql: "SELECT id, name_id, value FROM rare_attributes WHERE id BETWEEN ? AND ? ORDER BY id, name_id",
            arguments: [first, last])
        var heads = try wide.map { try $0.rows.next()?.copy() }
        var rareHead = try rare.next()?.copy()
        while let id = (heads + [rareHead]).compactMap({ $0?[0] as Int64? }).min() {
            var attributes: [SampleAttribute] = []
            for index in wide.indices {
                guard let row = heads[index], row[0] as Int64 == id else { continue }
                for (place, name) in wide[index].columns.enumerated() {
                    let value: DatabaseValue = row[place + 1]
                    if value.isNull { continue }
                    attributes.append(
                        SampleAttribute(name: name.text, value: try SampleCatalog.attributeValue(value)))
                }
                heads[index] = try wide[index].rows.next()?.copy()
            }
            while let row = rareHead, row[0] as Int64 == id {
                guard let name = texts[row[1]] else { throw SampleCatalog.inconsistent("an attribute") }
                attributes.append(SampleAttribute(name: name, value: try SampleCatalog.attributeValue(row[2])))
                rareHead = try rare.next()?.copy()
            }
            // The order of the bytes, as SQLite has it: it does not depend on a locale.
            try body(
                SampleKey(rawValue: id),
                attributes.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) })
        }
    }
}

extension AttributeValue {
    var isText: Bool {
        if case .text = self { true } else { false }
    }

    var databaseValue: DatabaseValue {
        switch self {
        case .integer(let value): value.databaseValue
        case .real(let value): value.databaseValue
        case .text(let value): value.databaseValue
        }
    }
}
