-- The tables of catalog.sqlite, version 0.2. Written by SampleCatalog.schemaText(); a test compares both.
--
-- Keys. The column id of samples, captions, attribute_*, rare_attributes, quarantine, files, removed_samples,
-- digest_index, key_index and the rowid of caption_index is shard id << 32 | ordinal: rows lie in the order of
-- (shard, ordinal), in which they are inserted, and the rows of a shard are one range.
-- shards.kind: a tar; a folder or manifest (up to 1,024 samples each, with rows in files); or a stream, a tar read from
-- an address or command. Offsets are those of the unpacked bytes where compression is not 'none'.
-- Attributes. The name with id N <= 256 is column aN (type ANY, added when the name first comes) of attribute_numbers if
-- has_numbers, and of attribute_texts if has_texts; values of later names are in rare_attributes.
-- removed_samples: what was taken out of shards that stay, for whoever keeps vectors.
-- Derived, made again from the rest at any time: derived_versions, derived_shards (which shards the next ones cover),
-- digest_index (first 8 bytes of samples.digest), key_index, caption_index (all captions of a sample, cut into words).
CREATE TABLE datasets (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE roots (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE "shards" (
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

CREATE INDEX shards_by_path ON shards (path, root_id);

CREATE TABLE "files" (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    key TEXT NOT NULL,
    signature BLOB NOT NULL
) STRICT;

CREATE INDEX files_by_path ON files (path);

CREATE TABLE "samples" (
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

CREATE TABLE "captions" (
    id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE "quarantine" (
    id INTEGER NOT NULL,
    stage TEXT NOT NULL,
    key TEXT NOT NULL,
    byte_offset INTEGER NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (id, stage)
) STRICT, WITHOUT ROWID;

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
