import Foundation
import Samples
import Testing

@testable import SampleCatalog

@Suite struct DerivedIndexTests {
    private let fixture: CatalogFixture
    private var catalog: SampleCatalog { fixture.catalog }

    init() throws {
        fixture = try CatalogFixture()
        for shard in 0..<5 {
            try fixture.add(
                "\(shard).tar", dataset: shard < 3 ? "d" : "e",
                samples: (0..<7).map { ordinal in
                    fixture.record(
                        ordinal, key: "k\(ordinal % 3)", captions: ["word\(ordinal) shard\(shard)", "twice"],
                        image: ordinal == 6 ? "same" : "image \(shard) \(ordinal)")
                })
        }
    }

    /// Everything that lookups say, as text.
    private func answers(_ catalog: SampleCatalog, captions: Bool = true) throws -> [String] {
        var lines = try catalog.samples(withKeys: ["k1", "none"], ofDataset: "d").map { "key \($0.identity)" }
        lines += try catalog.samples(withDigests: [Digest(hashing: "same")]).map { "digest \($0.identity)" }
        try catalog.forEachDuplicate { lines.append("duplicate \($0) \($1)") }
        try catalog.forEachDuplicate(ofDataset: "e") { lines.append("duplicate in e \($0) \($1)") }
        lines.append("images \(try catalog.counts().distinctImages)")
        guard captions else { return lines }
        for query in ["word3", "shard2 twice", "absent"] {
            let found = try catalog.samples(withCaption: query)
            #expect(found.unindexedShards == 0 && found.isExhaustive)
            lines += found.matches.map { "\(query) \($0.identity) \($0.score)" }
        }
        return lines
    }

    @Test func answersDoNotDependOnTheIndex() throws {
        let without = try answers(catalog, captions: false)
        #expect(without.count { $0.hasPrefix("key") } == 6)
        #expect(without.count { $0.hasPrefix("digest") } == 5)
        #expect(without.count { $0.hasPrefix("duplicate") } == 2)
        #expect(try catalog.samples(withCaption: "word3").unindexedShards == 5)
        #expect(try catalog.samples(withCaption: "word3").matches.isEmpty)
        let before = try catalog.dumpText()
        #expect(try catalog.derivedIndexState() == DerivedIndexState(shardsWithoutKeys: 5, shardsWithoutCaptions: 5))
        #expect(try catalog.prepareDerivedIndexes().isComplete)
        #expect(try catalog.dumpText() == before)
        #expect(try answers(catalog, captions: false) == without)
        #expect(try answers(catalog).count { $0.hasPrefix("word3") } == 5)
        // Half of it covered, by a shard that came later.
        try fixture.add("5.tar", dataset: "e", samples: [fixture.record(0, key: "k1", image: "same")])
        let mixed = try answers(catalog, captions: false)
        try catalog.prepareDerivedIndexes()
        #expect(try answers(catalog, captions: false) == mixed)
        try catalog.dropDerivedIndexes()
        #expect(try answers(catalog, captions: false) == mixed)
        #expect(mixed.count { $0.hasPrefix("digest") } == 6)
    }

    /// The files as a kill would leave them after each transaction, opened and finished.
    @Test func aKillBetweenBatchesCostsNothing() throws {
        let fixture = fixture
        var copies: [String] = []
        func copy() throws {
            let path = fixture.folder + "/copy\(copies.count).sqlite"
            for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: catalog.path + suffix) {
                try FileManager.default.copyItem(atPath: catalog.path + suffix, toPath: path + suffix)
            }
            copies.append(path)
        }
        try copy()
        var stopAfter = 1
        while try !catalog.prepareDerivedIndexes(
            captionBatchRowCount: 1, shouldStop: { stopAfter == 0 }, progress: { _, _ in stopAfter -= 1 }
        ).isComplete {
            try copy()
            stopAfter = 1
        }
        let expected = try answers(catalog)
        #expect(copies.count == 5)
        for path in copies {
            let copy = try SampleCatalog(path: path, access: .write)
            try copy.prepareDerivedIndexes()
            #expect(try answers(copy) == expected)
            #expect(try copy.dumpText() == catalog.dumpText())
        }
    }

    @Test func rowsLeaveTheIndexWithTheirShard() throws {
        try catalog.prepareDerivedIndexes()
        let shard = try #require(try catalog.shard(named: "1.tar", ofDataset: "d"))
        try catalog.begin(shard.id, byteCount: 1, modifiedNanoseconds: 1, settings: "s")
        #expect(
            try catalog.samples(withCaption: "word3").matches.map(\.identity.shard) == [
                "0.tar", "2.tar", "3.tar", "4.tar",
            ])
        #expect(try catalog.samples(withKeys: ["k2"]).count == 8)
        #expect(try catalog.samples(withDigests: [Digest(hashing: "same")]).count == 4)
        // Rows of an unfinished shard are found too, except by caption.
        var chunk = SampleChunk(cursor: .init(byteOffset: 1, ordinal: 1, digest: nil))
        chunk.samples = [fixture.record(0, key: "fresh", captions: ["word3 word3"], image: "same")]
        try catalog.append(chunk, to: shard.id)
        #expect(try catalog.prepareDerivedIndexes().isComplete)
        #expect(try catalog.samples(withKeys: ["fresh"]).count == 1)
        #expect(try catalog.samples(withDigests: [Digest(hashing: "same")]).count == 5)
        #expect(try catalog.samples(withCaption: "word3").matches.count == 4)
        try catalog.append(SampleChunk(cursor: chunk.cursor), to: shard.id, completingWith: Digest(hashing: "h"))
        try catalog.prepareDerivedIndexes()
        #expect(try catalog.samples(withCaption: "word3").matches.first?.identity.shard == "1.tar")
        // One data set of two, and then the other: bit by bit, and all at once.
        try catalog.removeDataset("e")
        #expect(try catalog.samples(withCaption: "word3").matches.map(\.identity.shard) == ["1.tar", "0.tar", "2.tar"])
        try catalog.removeDataset("d")
        #expect(try catalog.samples(withCaption: "word3").matches.isEmpty)
        #expect(try catalog.samples(withKeys: ["k0"]).isEmpty)
        #expect(try catalog.derivedIndexState().isComplete)
    }

    @Test func anotherRuleForWordsIndexesAgain() throws {
        try catalog.prepareDerivedIndexes()
        let expected = try answers(catalog)
        try catalog.write { db in
            try db.execute(sql: "UPDATE derived_versions SET version = 0")
            try db.execute(sql: "INSERT INTO caption_index (rowid, text) VALUES (99, 'word3')")
        }
        try catalog.prepareDerivedIndexes()
        #expect(try answers(catalog) == expected)
    }

    @Test func quarantinedSamplesAreNoDuplicates() throws {
        let shard = try #require(try catalog.shard(named: "4.tar", ofDataset: "e"))
        try catalog.prepareDerivedIndexes()
        try catalog.quarantine([fixture.refusal(6, stage: "embed")], inShard: shard.id)
        var groups: [[SampleIdentity]] = []
        try catalog.forEachDuplicate { groups.append($1) }
        #expect(groups.map(\.count) == [4])
        #expect(try catalog.samples(withCaption: "word6").matches.count == 4)
        #expect(try catalog.counts().distinctImages == 31)
    }
}
