import GRDB

/// The schema of the catalog as named steps that are never edited once released, each one transaction.
enum CatalogSchema {
    /// The steps in order.
    static let names = ["0.1 samples", "0.2 one key"]

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration(names[0]) { db in
            try db.execute(sql: samples)
        }
        migrator.registerMigration(names[1]) { db in
            try db.execute(sql: oneKey)
            try moveAttributes(db)
            try db.execute(sql: "DROP TABLE attributes")
        }
        return migrator
    }

    /// All tables and indexes of an open catalog as SQL, in order of creation: what `Schemas/catalog.sql` holds. The
    /// tables in which SQLite keeps the full-text index are its own affair.
    static func text(_ db: Database) throws -> String {
        try String.fetchAll(
            db,
            sql: """
                SELECT sql FROM sqlite_master
                WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND name <> 'grdb_migrations'
                    AND name NOT LIKE 'caption_index\\_%' ESCAPE '\\'
                ORDER BY rowid
                """
        ).map { $0 + ";\n" }.joined(separator: "\n")
    }
}
