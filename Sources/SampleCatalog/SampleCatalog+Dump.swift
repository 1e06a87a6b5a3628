import Foundation
import GRDB
import Samples

extension SampleCatalog {
    /// Writes the whole content as sorted lines: identical for identical content, however and in however many runs it
    /// was ingested.
    ///
    /// Row ids, times, the absolute paths of roots and everything derived are left out. Texts are written as JSON strings. Lines are handed
    /// to `write` one by one, each with its newline, so memory does not grow with the catalog.
    public func dump(_ write: (String) throws -> Void) throws(CatalogError) {
        try read { db in
            for dataset in try Row.fetchAll(db, sql: "SELECT name FROM datasets ORDER BY name") {
                let name: String = dataset[0]
                try write("dataset \(SampleCatalog.quote(name))\n")
                let shards = try Row.fetchAll(
                    db, sql: SampleCatalog.shardQuery + " WHERE d.name = ? ORDER BY s.name", arguments: [name])
                for row in shards { try SampleCatalog.dump(try SampleCatalog.shard(row), db, write) }
            }
        }
    }

    /// The whole dump as one text; for small catalogs.
    public func dumpText() throws(CatalogError) -> String {
        var text = ""
        try dump { text += $0 }
        return text
    }

    private static func dump(_ shard: CatalogShard, _ db: Database, _ write: (String) throws -> Void) throws {
        let byteCount = shard.byteCount.map { "\($0)" } ?? "-"
        try write(
            "shard \(quote(shard.name)) \(shard.kind.rawValue) \(shard.compression.rawValue) \(quote(shard.path)) \(shard.state.rawValue) "
                + "\(quote(shard.settings)) \(byteCount) \(hexadecimal(shard.headerDigest)) "
                + "\(hexadecimal(shard.contentDigest)) \(shard.cursor.byteOffset) \(shard.cursor.ordinal)\n")
        let keys: StatementArguments = [shard.id.firstKey, shard.id.lastKey]
        for (table, columns) in [
            ("files", "path, key"),
            (
                "samples",
                "key, split, byte_offset, byte_count, format, pixel_width, pixel_height, orientation, digest"
            ),
            ("captions", "number, text"),
        ] {
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT id & 4294967295, \(columns) FROM \(table) WHERE id BETWEEN ? AND ?
                    ORDER BY id\(table == "captions" ? ", number" : "")
                    """, arguments: keys)
            while let row = try rows.next() { try write(line(table, row)) }
        }
        try AttributeColumns.forEach(from: shard.id.firstKey, through: shard.id.lastKey, db) { key, attributes in
            for attribute in attributes {
                try write(
                    "attributes \(key.ordinal) \(quote(attribute.name)) \(value(attribute.value.databaseValue))\n")
            }
        }
        let quarantine = try Row.fetchCursor(
            db,
            sql: """
                SELECT id & 4294967295, stage, key, byte_offset, code, reason FROM quarantine
                WHERE id BETWEEN ? AND ? ORDER BY id, stage
                """, arguments: keys)
        while let row = try quarantine.next() { try write(line("quarantine", row)) }
        let removed = try Row.fetchCursor(
            db, sql: "SELECT id & 4294967295 FROM removed_samples WHERE id BETWEEN ? AND ? ORDER BY id", arguments: keys
        )
        while let row = try removed.next() { try write(line("removed", row)) }
    }

    private static func line(_ table: String, _ row: Row) -> String {
        "\(table) " + row.databaseValues.map(value).joined(separator: " ") + "\n"
    }

    private static func value(_ value: DatabaseValue) -> String {
        switch value.storage {
        case .null: "-"
        case .int64(let number): "\(number)"
        case .double(let number): "\(number)"
        case .string(let text): quote(text)
        case .blob(let data): data.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        }
    }

    private static func hexadecimal(_ digest: Digest?) -> String { digest?.hexadecimal ?? "-" }

    /// A JSON string.
    private static func quote(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7F {
                    let digits = String(scalar.value, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }
}
