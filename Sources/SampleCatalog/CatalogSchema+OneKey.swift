import GRDB

extension CatalogSchema {
    /// Version 0.2, frozen: every row of a sample is keyed by one integer (see `SampleKey`), attributes get columns of
    /// their own, derived indexes and tombstones come in, and shards know manifests, streams and compression.
    static let oneKey = """
        CREATE TABLE new_shards (
            id INTEGER PRIMARY KEY,
            dataset_id INTEGER NOT NULL REFERENCES datasets ON DELETE CASCADE,
            root_id INTEGER NOT NULL REFERENCES roots,
            name TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('tar', 'folder', 'manifest', 'stream')),
            compression TEXT NOT NULL DEFAULT 'none' CHECK (compression IN ('none', 'gzip', 'zstd')),
            path TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('pending', 'complete', 'missing')),
            settings TEXT NOT NULL,
            byte_count INTEGER,
            modified_nanoseconds INTEGER,
            header_digest BLOB,
            content_digest BLOB,
            cursor_byte_offset INTEGER NOT NULL DEFAULT 0,
            cursor_ordinal INTEGER NOT NULL DEFAULT 0,
            cursor_digest BLOB,
            UNIQUE (dataset_id, name)
        ) STRICT;
        INSERT INTO new_shards
            SELECT id, dataset_id, root_id, name, kind, 'none', path, state, settings, byte_count, modified_nanoseconds,
                header_digest, content_digest, cursor_byte_offset, cursor_ordinal, cursor_digest
            FROM shards ORDER BY id;
        DROP TABLE shards;
        ALTER TABLE new_shards RENAME TO shards;
        CREATE INDEX shards_by_path ON shards (path, root_id);

        CREATE TABLE new_files (
            id INTEGER PRIMARY KEY,
            path TEXT NOT NULL,
            key TEXT NOT NULL,
            signature BLOB NOT NULL
        ) STRICT;
        INSERT INTO new_files
            SELECT shard_id << 32 | ordinal, path, key, signature FROM files ORDER BY shard_id, ordinal;
        DROP TABLE files;
        ALTER TABLE new_files RENAME TO files;
        CREATE INDEX files_by_path ON files (path);

        CREATE TABLE new_samples (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL,
            split TEXT NOT NULL,
            byte_offset INTEGER NOT NULL,
            byte_count INTEGER NOT NULL,
            format TEXT NOT NULL,
            pixel_width INTEGER NOT NULL,
            pixel_height INTEGER NOT NULL,
            orientation INTEGER NOT NULL,
            caption_count INTEGER NOT NULL,
            digest BLOB NOT NULL
        ) STRICT;
        INSERT INTO new_samples
            SELECT s.shard_id << 32 | s.ordinal, s.key, s.split, s.byte_offset, s.byte_count, s.format, s.pixel_width,
                s.pixel_height, s.orientation,
                (SELECT count(*) FROM captions c WHERE c.shard_id = s.shard_id AND c.ordinal = s.ordinal), s.digest
            FROM samples s ORDER BY s.shard_id, s.ordinal;
        DROP TABLE samples;
        ALTER TABLE new_samples RENAME TO samples;

        CREATE TABLE new_captions (
            id INTEGER NOT NULL,
            number INTEGER NOT NULL,
            text TEXT NOT NULL,
            PRIMARY KEY (id, number)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO new_captions
            SELECT shard_id << 32 | ordinal, number, text FROM captions ORDER BY shard_id, ordinal, number;
        DROP TABLE captions;
        ALTER TABLE new_captions RENAME TO captions;

        CREATE TABLE new_quarantine (
            id INTEGER NOT NULL,
            stage TEXT NOT NULL,
            key TEXT NOT NULL,
            byte_offset INTEGER NOT NULL,
            code TEXT NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (id, stage)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO new_quarantine
            SELECT shard_id << 32 | ordinal, stage, key, byte_offset, code, reason FROM quarantine
            ORDER BY shard_id, ordinal, stage;
        DROP TABLE quarantine;
        ALTER TABLE new_quarantine RENAME TO quarantine;

        CREATE TABLE attribute_names (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            has_numbers INTEGER NOT NULL DEFAULT 0,
            has_texts INTEGER NOT NULL DEFAULT 0
        ) STRICT;

        CREATE TABLE attribute_numbers (id INTEGER PRIMARY KEY) STRICT;

        CREATE TABLE attribute_texts (id INTEGER PRIMARY KEY) STRICT;

        CREATE TABLE rare_attributes (
            id INTEGER NOT NULL,
            name_id INTEGER NOT NULL REFERENCES attribute_names,
            value ANY NOT NULL,
            PRIMARY KEY (id, name_id)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE removed_samples (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            id INTEGER NOT NULL UNIQUE
        ) STRICT;

        CREATE TABLE derived_versions (
            name TEXT PRIMARY KEY,
            version INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE derived_shards (
            shard_id INTEGER PRIMARY KEY,
            row_count INTEGER NOT NULL,
            has_captions INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE digest_index (
            prefix BLOB NOT NULL,
            id INTEGER NOT NULL,
            PRIMARY KEY (prefix, id)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE key_index (
            key TEXT NOT NULL,
            id INTEGER NOT NULL,
            PRIMARY KEY (key, id)
        ) STRICT, WITHOUT ROWID;

        CREATE VIRTUAL TABLE caption_index USING fts5 (
            text, content = '', tokenize = "unicode61 remove_diacritics 2 categories 'L* N* M* Co'"
        );
        """

    /// Puts the attributes of version 0.1 into columns, shard by shard.
    static func moveAttributes(_ db: Database) throws {
        var columns = AttributeColumns()
        let rows = try Row.fetchCursor(
            db, sql: "SELECT shard_id, ordinal, name, value FROM attributes ORDER BY shard_id, ordinal, name")
        var batch: [AttributeColumns.Entry] = []
        while let row = try rows.next() {
            let id = SampleKey(shard: ShardID(rawValue: row[0]), ordinal: UInt32(truncatingIfNeeded: row[1] as Int64))
            let attribute = SampleAttribute(name: row[2], value: try SampleCatalog.attributeValue(row[3]))
            if batch.last?.id == id {
                batch[batch.count - 1].attributes.append(attribute)
                continue
            }
            if batch.count == 1024 {
                try columns.insert(batch, db)
                batch.removeAll(keepingCapacity: true)
            }
            batch.append(AttributeColumns.Entry(id: id, attributes: [attribute]))
        }
        try columns.insert(batch, db)
    }
}
