import GRDB

extension SampleCatalog {
    /// Bytes of the file by table; indexes count with their table, and the tables of the index of captions with it.
    /// Reads every page.
    ///
    /// Throws `inputOutput` where SQLite was built without its `dbstat` table.
    public func byteCounts() throws(CatalogError) -> [String: Int] {
        try read { db in
            var counts: [String: Int] = [:]
            for row in try Row.fetchAll(
                db,
                sql: """
                    SELECT CASE WHEN x.name LIKE 'caption\\_index\\_%' ESCAPE '\\' THEN 'caption_index'
                        ELSE coalesce(m.tbl_name, x.name) END, sum(x.pgsize)
                    FROM dbstat('main', 1) x LEFT JOIN sqlite_master m ON m.name = x.name GROUP BY 1
                    """)
            {
                counts[row[0]] = row[1]
            }
            return counts
        }
    }
}
