import Foundation
import GRDB
import Samples
import Testing

@testable import SampleCatalog

/// Catalogs of every older version become current ones with all they hold.
@Suite struct MigrationTests {
    /// A catalog of version 0.1: the schema as released, with rows of every table.
    static let version01 = """
        CREATE TABLE datasets (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
        CREATE TABLE roots (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE) STRICT;
        CREATE TABLE shards (
            id INTEGER PRIMARY KEY, dataset_id INTEGER NOT NULL REFERENCES datasets ON DELETE CASCADE,
            root_id INTEGER NOT NULL REFERENCES roots, name TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('tar', 'folder')), path TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('pending', 'complete', 'missing')), settings TEXT NOT NULL,
            byte_count INTEGER, modified_nanoseconds INTEGER, header_digest BLOB, content_digest BLOB,
            cursor_byte_offset INTEGER NOT NULL DEFAULT 0, cursor_ordinal INTEGER NOT NULL DEFAULT 0,
            cursor_digest BLOB, UNIQUE (dataset_id, name)) STRICT;
        CREATE INDEX shards_by_path ON shards (path, root_id);
        CREATE TABLE files (
            shard_id INTEGER NOT NULL REFERENCES shards ON DELETE CASCADE, ordinal INTEGER NOT NULL,
            path TEXT NOT NULL, key TEXT NOT NULL, signature BLOB NOT NULL,
            PRIMARY KEY (shard_id, ordinal)) STRICT, WITHOUT ROWID;
        CREATE INDEX files_by_path ON files (path);
        CREATE TABLE samples (
            shard_id INTEGER NOT NULL REFERENCES shards ON DELETE CASCADE, ordinal INTEGER NOT NULL,
            key TEXT NOT NULL, split TEXT NOT NULL, byte_offset INTEGER NOT NULL, byte_count INTEGER NOT NULL,
            format TEXT NOT NULL, pixel_width INTEGER NOT NULL, pixel_height INTEGER NOT NULL,
            orientation INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (shard_id, ordinal)) STRICT, WITHOUT ROWID;
        CREATE TABLE captions (
            shard_id INTEGER NOT NULL REFERENCES shards ON DELETE CASCADE, ordinal INTEGER NOT NULL,
            number INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (shard_id, ordinal, number)) STRICT, WITHOUT ROWID;
        CREATE TABLE attributes (
            shard_id INTEGER NOT NULL REFERENCES shards ON DELETE CASCADE, ordinal INTEGER NOT NULL,
            name TEXT NOT NULL, value ANY NOT NULL, PRIMARY KEY (shard_id, ordinal, name)) STRICT, WITHOUT ROWID;
        CREATE TABLE quarantine (
            shard_id INTEGER NOT NULL REFERENCES shards ON DELETE CASCADE, ordinal INTEGER NOT NULL,
            stage TEXT NOT NULL, key TEXT NOT NULL, byte_offset INTEGER NOT NULL, code TEXT NOT NULL,
            reason TEXT NOT NULL, PRIMARY KEY (shard_id, ordinal, stage)) STRICT, WITHOUT ROWID;
        CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
        INSERT INTO grdb_migrations VALUES ('0.1 samples');
        INSERT INTO datasets VALUES (1, 'photos');
        INSERT INTO roots VALUES (1, '/data');
        INSERT INTO shards VALUES
            (1, 1, 1, '0.tar', 'tar', 't/0.tar', 'complete', 'check=headers', 4096, 77, zeroblob(32), zeroblob(32),
                4000, 3, zeroblob(32)),
            (3, 1, 1, 'in#00000', 'folder', 'in', 'complete', 'check=headers', NULL, NULL, NULL, zeroblob(32), 0, 1,
                NULL);
        INSERT INTO files VALUES (3, 0, 'in/a.png', 'in/a', zeroblob(32));
        INSERT INTO samples VALUES
            (1, 0, 'one', 'train', 512, 100, 'jpeg', 640, 480, 6, randomblob(32)),
            (1, 2, 'three', 'test', 2048, 200, 'png', 64, 32, 1, randomblob(32)),
            (3, 0, 'in/a', 'train', 0, 300, 'webp', 8, 8, 1, randomblob(32));
        INSERT INTO captions VALUES (1, 0, 0, 'an orange cat'), (1, 0, 1, '一只橙色的猫'), (3, 0, 0, 'a dog');
        INSERT INTO attributes VALUES
            (1, 0, 'licence', 'cc0'), (1, 0, 'similarity', 0.25), (1, 2, 'similarity', 3), (3, 0, 'licence', 7);
        INSERT INTO quarantine VALUES (1, 1, 'ingest', 'two', 1024, 'malformed', 'no picture');
        """

    @Test func version01BecomesCurrent() throws {
        let fixture = try CatalogFixture()
        let path = fixture.folder + "/old.sqlite"
        let old = try DatabaseQueue(path: path)
        try old.write { try $0.execute(sql: MigrationTests.version01) }
        try old.close()
        #expect {
            try SampleCatalog(path: path, access: .read)
        } throws: {
            ($0 as? CatalogError)?.message.contains("older version") == true
        }

        let catalog = try SampleCatalog(path: path, access: .write)
        #expect(try catalog.schemaText() != fixture.catalog.schemaText())
        let lines = try catalog.dumpText().split(separator: "\n").map { line in
            line.hasPrefix("samples") ? line.split(separator: " ").dropLast().joined(separator: " ") : String(line)
        }
        let zeros = String(repeating: "0", count: 64)
        #expect(
            lines == [
                #"dataset "photos""#,
                #"shard "0.tar" tar none "t/0.tar" complete "check=headers" 4096 \#(zeros) \#(zeros) 4000 3"#,
                #"samples 0 "one" "train" 512 100 "jpeg" 640 480 6"#,
                #"samples 2 "three" "test" 2048 200 "png" 64 32 1"#,
                #"captions 0 0 "an orange cat""#,
                #"captions 0 1 "一只橙色的猫""#,
                #"attributes 0 "licence" "cc0""#,
                #"attributes 0 "similarity" 0.25"#,
                #"attributes 2 "similarity" 3"#,
                #"quarantine 1 "ingest" "two" 1024 "malformed" "no picture""#,
                #"shard "in#00000" folder none "in" complete "check=headers" - - \#(zeros) 0 1"#,
                #"files 0 "in/a.png" "in/a""#,
                #"samples 0 "in/a" "train" 0 300 "webp" 8 8 1"#,
                #"captions 0 0 "a dog""#,
                #"attributes 0 "licence" 7"#,
            ])
        // What was moved is used, not only kept.
        #expect(try catalog.counts().captions == 3)
        #expect(try catalog.samples(matching: "licence = 7 OR similarity > 1").count == 2)
        try catalog.prepareDerivedIndexes()
        #expect(try catalog.samples(withCaption: "橙色的猫").matches.map(\.identity.shard) == ["0.tar"])
        try catalog.close()
        // A second start finds nothing to do.
        let again = try SampleCatalog(path: path, access: .write)
        #expect(try again.counts().found == 4)
    }

    @Test func aNewerVersionIsRefused() throws {
        let fixture = try CatalogFixture()
        let path = fixture.folder + "/newer.sqlite"
        let future = try SampleCatalog(path: path, access: .write)
        try future.write { db in try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('9.9 future')") }
        try future.close()
        for access in [SampleCatalog.Access.read, .write] {
            #expect {
                try SampleCatalog(path: path, access: access)
            } throws: {
                let error = $0 as? CatalogError
                return error?.code == .tooNew && error?.cause?.contains("9.9 future") == true && error?.place == path
            }
        }
    }
}
