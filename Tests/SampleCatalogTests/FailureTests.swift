import Foundation
import GRDB
import Samples
import Testing

@testable import SampleCatalog

@Suite struct FailureTests {
    @Test func aFullDiskLosesNothing() throws {
        let fixture = try CatalogFixture()
        let catalog = fixture.catalog
        try fixture.add("0.tar", samples: [fixture.record(0, captions: ["kept"])])
        let shard = try #require(try catalog.register([fixture.registration("1.tar")]).first)
        let before = try catalog.dumpText()
        // The limit on pages stands for the end of the disk: SQLite says the same.
        try catalog.write { db in
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(pages + 8)")
        }
        var chunk = SampleChunk(cursor: .init(byteOffset: 1, ordinal: 1000, digest: nil))
        chunk.samples = (0..<1000).map {
            fixture.record($0, captions: ["a caption"], attributes: [.init(name: "new", value: .integer(1))])
        }
        #expect {
            try catalog.append(chunk, to: shard.id)
        } throws: {
            let error = $0 as? CatalogError
            return error?.code == .diskFull && error?.place == catalog.path
                && error?.message.contains("make room") == true
        }
        #expect(try catalog.dumpText() == before)
        _ = try catalog.write { db in try Int.fetchOne(db, sql: "PRAGMA max_page_count = 1000000") }
        try catalog.append(chunk, to: shard.id)
        #expect(try catalog.samples(matching: "new = 1").count == 1000)
    }

    @Test func aReaderSaysThatItOnlyReads() throws {
        let fixture = try CatalogFixture()
        try fixture.add("0.tar", samples: [fixture.record(0)])
        let reader = try SampleCatalog(path: fixture.catalog.path, access: .read)
        #expect { try reader.removeDataset("d") } throws: { ($0 as? CatalogError)?.code == .readOnly }
        #expect { try reader.prepareDerivedIndexes() } throws: { ($0 as? CatalogError)?.code == .readOnly }
    }

    /// What readers do in a folder that cannot be written; a test may run as root, whom no permission stops.
    @Test func aCatalogThatCannotChangeIsRead() throws {
        let fixture = try CatalogFixture()
        try fixture.add("0.tar", samples: [fixture.record(0)])
        let path = fixture.folder + "/a b?%#ü.sqlite"
        try fixture.catalog.close()
        try FileManager.default.copyItem(atPath: fixture.catalog.path, toPath: path)
        var configuration = SampleCatalog.configuration()
        configuration.readonly = true
        let queue = try SampleCatalog.openUnchangeable(path, configuration)
        #expect(try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM samples") } == 1)
        try queue.close()
        let files = try FileManager.default.contentsOfDirectory(atPath: fixture.folder)
        #expect(!files.contains { $0.hasPrefix("a b") && $0 != "a b?%#ü.sqlite" })
    }

    @Test(arguments: [
        (ResultCode.SQLITE_FULL, CatalogError.Code.diskFull), (.SQLITE_READONLY, .readOnly), (.SQLITE_BUSY, .busy),
        (.SQLITE_IOERR, .inputOutput), (.SQLITE_CORRUPT, .unreadable), (.SQLITE_CANTOPEN, .missing),
        (.SQLITE_CONSTRAINT, .inconsistent),
    ])
    func whatSQLiteSaysHasACode(result: ResultCode, code: CatalogError.Code) {
        let error = CatalogError(DatabaseError(resultCode: result, message: "words"), path: "/x/catalog.sqlite")
        #expect(error.code == code)
        #expect(error.description.hasPrefix("/x/catalog.sqlite: ") && error.description.hasSuffix("(words)"))
    }

    @Test func manyAttributeNamesAreKeptAndFound() throws {
        let fixture = try CatalogFixture()
        let catalog = fixture.catalog
        let names = (0..<300).map { "field \($0)" }
        let shard = try fixture.add(
            "0.tar",
            samples: [
                fixture.record(0, attributes: names.sorted().map { .init(name: $0, value: .integer(1)) }),
                fixture.record(1, attributes: names.sorted().map { .init(name: $0, value: .text("x")) }),
                fixture.record(
                    2, attributes: [.init(name: "ID", value: .real(0.5)), .init(name: "id", value: .text("y"))]),
            ])
        for ordinal in UInt32(0)..<2 {
            let attributes = try catalog.attributes(ofOrdinal: ordinal, inShard: shard.id)
            #expect(attributes.map(\.name) == names.sorted())
            #expect(Set(attributes.map(\.value)) == [ordinal == 0 ? .integer(1) : .text("x")])
        }
        for name in ["field 0", "field 299"] {
            #expect(try catalog.samples(matching: "\"\(name)\" = 1").ordinals(inShard: "0.tar", ofDataset: "d") == [0])
            #expect(try catalog.samples(matching: "`\(name)` = 'x'").ordinals(inShard: "0.tar", ofDataset: "d") == [1])
        }
        #expect(try catalog.samples(matching: "Id IN (0.5, 'y')").count == 1)
        #expect(try catalog.attributeNames().count == 302)
        let uses = try catalog.attributeUse()
        #expect(uses.count == 302)
        #expect(
            uses.first { $0.name == "field 299" } == AttributeUse(name: "field 299", numbers: 1, texts: 1, range: 1...1)
        )
        #expect(uses.first { $0.name == "ID" } == AttributeUse(name: "ID", numbers: 1, texts: 0, range: 0.5...0.5))
        try catalog.quarantine([fixture.refusal(2, stage: "embed")], inShard: shard.id)
        #expect(try catalog.attributeUse().count == 300)
        #expect {
            try catalog.samples(matching: "fild = 1")
        } throws: {
            let text = "\($0)"
            return text.contains("width") && text.contains("field 7,") == false && text.contains("ID, field 0")
                && text.contains("262 more")
        }
        try catalog.begin(shard.id, byteCount: 1, modifiedNanoseconds: 1, settings: "s")
        #expect(try catalog.attributeUse().isEmpty)
    }
}
