extension CatalogSchema {
    /// Version 0.1, frozen: existing workspaces went through it.
    static let samples = """
        CREATE TABLE datasets (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE
        ) STRICT;

        CREATE TABLE roots (
            id INTEGER PRIMARY KEY,
            path TEXT NOT NULL UNIQUE
        ) STRICT;

        CREATE TABLE shards (
            id INTEGER PRIMARY KEY,
            dataset_id INTEGER NOT NULL REFERENCES datasets ON DELETE CASCADE,
            root_id INTEGER NOT NULL REFERENCES roots,
            name TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('tar', 'folder')),
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

        CREATE INDEX shards_by_path ON shards (path, root_id);

        CREATE TABLE files (
            shard_id INTEGER NOT NULL REFERENCES shards ON DELETE CASCADE,
            ordinal INTEGER NOT NULL,
            path TEXT NOT NULL,
            key TEXT NOT NULL,
            signature BLOB NOT NULL,
            PRIMARY KEY (shard_id, ordinal)
        ) STRICT, WITHOUT ROWID;

        CREATE INDEX files_by_path ON files (path);

        CREATE TABLE samples (
            shard_id INTEGER NOT NULL REFERENCES shards ON DELETE CASCADE,
            ordinal INTEGER NOT NULL,
            key TEXT NOT NULL,
            split TEXT NOT NULL,
            byte_offset INTEGER NOT NULL,
            byte_count INTEGER NOT NULL,
            format TEXT NOT NULL,
            pixel_width INTEGER NOT NULL,
            pixel_height INTEGER NOT NULL,
            orientation INTEGER NOT NULL,
            digest BLOB NOT NULL,
            PRIMARY KEY (shard_id, ordinal)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE captions (
            shard_id INTEGER NOT NULL REFERENCES shards ON DELETE CASCADE,
            ordinal INTEGER NOT NULL,
            number INTEGER NOT NULL,
            text TEXT NOT NULL,
            PRIMARY KEY (shard_id, ordinal, number)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE attributes (
            shard_id INTEGER NOT NULL REFERENCES shards ON DELETE CASCADE,
            ordinal INTEGER NOT NULL,
            name TEXT NOT NULL,
            value ANY NOT NULL,
            PRIMARY KEY (shard_id, ordinal, name)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE quarantine (
            shard_id INTEGER NOT NULL REFERENCES shards ON DELETE CASCADE,
            ordinal INTEGER NOT NULL,
            stage TEXT NOT NULL,
            key TEXT NOT NULL,
            byte_offset INTEGER NOT NULL,
            code TEXT NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (shard_id, ordinal, stage)
        ) STRICT, WITHOUT ROWID;
        """
}
