import Foundation
import GRDB
import Samples
import Testing

@testable import SampleCatalog

@Suite struct SampleCatalogTests {
    private let fixture: CatalogFixture
    private var folder: String { fixture.folder }
    private var catalog: SampleCatalog { fixture.catalog }

    init() throws {
        fixture = try CatalogFixture()
    }

    @Test func theSchemaIsTheOneThatIsWrittenDown() throws {
        let tests = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        let file = tests.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent(
            "Schemas/catalog.sql")
        let written = try String(contentsOf: file, encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("--") }
            .joined(separator: "\n")
        #expect(try catalog.schemaText() == written, "write the output of schemaText() to Schemas/catalog.sql")
    }

    /// More rows than the connection may keep, so that pages come and go.
    @Test func aSmallCacheHoldsForEveryConnectionAndChangesNothing() throws {
        let shard = try fixture.add(
            "0.tar",
            samples: (0..<4000).map { fixture.record($0, captions: [String(repeating: "word \($0) ", count: 60)]) })
        for access in [SampleCatalog.Access.read, .write] {
            let small = try SampleCatalog(path: catalog.path, access: access, cacheSize: .small)
            let kibibytes = try small.database.read { try Int.fetchOne($0, sql: "PRAGMA cache_size") }
            #expect(kibibytes == -1024)
            #expect(try small.samples(ofShard: shard.id) == catalog.samples(ofShard: shard.id))
        }
    }

    @Test func samplesComeBackAsTheyWere() throws {
        let shard = try fixture.add(
            "t/0.tar",
            samples: [
                fixture.record(0, captions: ["one", "zwei 🌟"], attributes: [.init(name: "a", value: .real(0.5))]),
                fixture.record(2, key: "weird\\xFF", split: "test", orientation: .transposed),
            ])
        let samples = try catalog.samples(ofShard: shard.id)
        #expect(samples.map(\.ordinal) == [0, 2])
        #expect(samples[0].captions == ["one", "zwei 🌟"])
        #expect(samples[0].imagePath == "/data/t/0.tar")
        #expect(samples[0].image == ByteRange(offset: 512, byteCount: 100))
        #expect(samples[0].digest == Digest(hashing: "image 0"))
        #expect(samples[1].identity == SampleIdentity(dataset: "d", shard: "t/0.tar", ordinal: 2))
        #expect(samples[1].orientedPixelWidth == 480)
        #expect(samples[1].split == Split(rawValue: "test"))
        #expect(try catalog.attributes(ofOrdinal: 0, inShard: shard.id) == [.init(name: "a", value: .real(0.5))])
        let hits = try catalog.samples([
            SampleIdentity(dataset: "d", shard: "t/0.tar", ordinal: 2),
            SampleIdentity(dataset: "d", shard: "t/0.tar", ordinal: 1),
            SampleIdentity(dataset: "x", shard: "t/0.tar", ordinal: 2),
        ])
        #expect(hits.map { $0?.key } == ["weird\\xFF", nil, nil])
    }

    @Test(arguments: [1, 2, 3, 7, 100]) func chunksCoverAShardOnce(_ count: Int) throws {
        let shard = try fixture.add(
            "0.tar", samples: (0..<7).map { fixture.record($0 * 3, split: $0 % 2 == 0 ? "train" : "test") })
        var ordinals: [UInt32] = []
        try catalog.forEachChunk(ofShard: shard.id, count: count) { chunk in
            #expect(chunk.count <= count)
            ordinals += chunk.map(\.ordinal)
        }
        #expect(ordinals == (0..<7).map { $0 * 3 })
        var trained: [UInt32] = []
        try catalog.forEachChunk(ofShard: shard.id, count: count, split: .train) { trained += $0.map(\.ordinal) }
        #expect(trained == [0, 6, 12, 18])
    }

    @Test func listsShardsByDatasetAndSplit() throws {
        try fixture.add("b.tar", samples: [fixture.record(0, split: "test")])
        try fixture.add("a.tar", samples: [fixture.record(0)])
        try fixture.add("c.tar", dataset: "e", samples: [fixture.record(0)])
        #expect(try catalog.shards().map(\.name) == ["a.tar", "b.tar", "c.tar"])
        #expect(try catalog.shards(ofDataset: "d").map(\.name) == ["a.tar", "b.tar"])
        #expect(try catalog.shards(split: Split(rawValue: "test")).map(\.name) == ["b.tar"])
        #expect(try catalog.datasetNames() == ["d", "e"])
        #expect { try catalog.shards(ofDataset: "nobody") } throws: { ($0 as? CatalogError)?.code == .unknownName }
        try catalog.removeDataset("d")
        #expect(try catalog.shards().map(\.name) == ["c.tar"])
        #expect(try catalog.counts().samples == 1)
    }

    @Test func namesStayUnique() throws {
        let first = try fixture.add("0.tar", root: "/data/train", samples: [])
        let second = try fixture.add("0.tar", root: "/data/dev", samples: [])
        let third = try fixture.add("0.tar", root: "/other/dev", samples: [])
        #expect([first, second, third].map(\.name) == ["0.tar", "dev/0.tar", "other/dev/0.tar"])
        #expect(try catalog.tar(atPath: "/data/dev/0.tar", ofDataset: "d")?.id == second.id)
        #expect(try catalog.tar(atPath: "/data/0.tar", ofDataset: "d") == nil)
        #expect(try catalog.shard(named: "dev/0.tar", ofDataset: "d")?.id == second.id)
    }

    @Test func foundIsSamplesPlusQuarantined() throws {
        let shard = try fixture.add(
            "0.tar", samples: [fixture.record(0, captions: ["x", "y"]), fixture.record(1), fixture.record(3)],
            quarantine: [
                QuarantineRecord(ordinal: 2, stage: "ingest", key: "k2", byteOffset: 5, code: "c", reason: "r")
            ])
        var counts = try catalog.counts(ofDataset: "d")
        let first: [Int] = [
            counts.found, counts.samples, counts.quarantined, counts.captions, counts.captionedSamples,
        ]
        #expect(first == [4, 3, 1, 2, 1] as [Int])
        let late = QuarantineRecord(ordinal: 0, stage: "embed", key: "k0", byteOffset: 9, code: "e", reason: "later")
        try catalog.quarantine([late, late], inShard: shard.id)
        counts = try catalog.counts()
        let second: [Int] = [counts.found, counts.samples, counts.quarantined, counts.captions]
        #expect(second == [4, 2, 2, 0] as [Int])
        #expect(counts.quarantinedByReason == ["ingest/c": 1, "embed/e": 1])
        #expect(try catalog.samples(ofShard: shard.id, includesQuarantined: false).map(\.ordinal) == [1, 3])
        #expect(try catalog.quarantine(stage: "embed").map(\.record) == [late])
        #expect(try catalog.quarantine(limit: 1).map(\.record.ordinal) == [0])
        try catalog.clearQuarantine(ofStage: "embed", inShard: shard.id)
        #expect(try catalog.counts().samples == 3)
        #expect(try catalog.ingestCounts(ofShard: shard.id).quarantinedByCode == ["c": 1])
    }

    @Test func captionsComeInAFixedOrder() throws {
        try fixture.add("b.tar", samples: [fixture.record(0, captions: ["3"])])
        try fixture.add(
            "a.tar",
            samples: [fixture.record(0, captions: ["1", "2"]), fixture.record(1, split: "test", captions: ["hidden"])])
        var captions: [String] = []
        try catalog.forEachCaption(ofDataset: "d", split: .train) { captions.append($0) }
        #expect(captions == ["1", "2", "3"])
    }

    @Test func aChunkAndItsCursorAreOneTransaction() throws {
        let shard = try #require(try catalog.register([fixture.registration("0.tar")]).first)
        #expect(shard.state == .pending)
        try catalog.begin(shard.id, byteCount: 10, modifiedNanoseconds: 20, settings: "t")
        var chunk = SampleChunk(cursor: .init(byteOffset: 77, ordinal: 2, digest: Digest(hashing: "c")))
        chunk.samples = [fixture.record(0), fixture.record(0)]
        #expect(throws: CatalogError.self) { try catalog.append(chunk, to: shard.id) }
        #expect(try catalog.shard(shard.id).cursor == .start)
        #expect(try catalog.counts().samples == 0)
        chunk.samples = [fixture.record(0), fixture.record(1)]
        try catalog.append(chunk, to: shard.id)
        #expect(try catalog.shard(shard.id).cursor == chunk.cursor)
        #expect(try catalog.shard(shard.id).settings == "t")
        try catalog.append(SampleChunk(cursor: chunk.cursor), to: shard.id, completingWith: Digest(hashing: "h"))
        let whole = try catalog.shard(shard.id)
        #expect(whole.state == .complete)
        #expect(whole.contentDigest != nil)
        try catalog.markMissing(shard.id)
        #expect(try catalog.counts().missingShards == 1)
        #expect(try catalog.samples(ofShard: shard.id).count == 2)
        try catalog.begin(shard.id, byteCount: 1, modifiedNanoseconds: 2, settings: "t")
        #expect(try catalog.samples(ofShard: shard.id).isEmpty)
    }

    @Test func theDumpKnowsNoHistory() throws {
        let other = try SampleCatalog(path: folder + "/other.sqlite", access: .write)
        for (index, target) in [catalog, other].enumerated() {
            var names = ["a.tar", "b.tar"]
            if index == 1 {
                names.reverse()
                var chunk = SampleChunk(cursor: .start)
                chunk.samples = [fixture.record(9)]
                _ = try target.registerComplete(fixture.registration("x.tar", dataset: "gone"), chunk: chunk)
                try target.removeDataset("gone")
            }
            for name in names {
                var chunk = SampleChunk(cursor: .init(byteOffset: 1, ordinal: 1, digest: nil))
                chunk.samples = [fixture.record(0, key: "quo\"te\n\\", captions: ["\u{7F}c"])]
                chunk.samples[0].attributes = [.init(name: "n", value: .integer(3))]
                _ = try target.registerComplete(fixture.registration(name, root: "/r\(index)"), chunk: chunk)
            }
        }
        let text = try catalog.dumpText()
        #expect(try other.dumpText() == text)
        #expect(text.contains(#"samples 0 "quo\"te\n\\" "train""#))
        #expect(text.contains(#"captions 0 0 "\u007fc""#))
        #expect(!text.contains("/r0"))
    }

    @Test func relocationMovesRootsAndSplitsThem() throws {
        try fixture.add("train/0.tar", root: "/old/drive", samples: [fixture.record(0)])
        try fixture.add(
            "pics/in", root: "/mnt", samples: [fixture.record(0)],
            files: [FileRecord(ordinal: 0, path: "pics/in/a.jpg", key: "a", signature: Digest(hashing: "s"))])
        try fixture.add("stay/1.tar", root: "/mnt", samples: [fixture.record(0)])
        #expect(try catalog.relocate(from: "/old", to: "/new/place") == 1)
        #expect(try catalog.relocate(from: "/mnt/pics", to: "/media/p") == 1)
        #expect(
            try catalog.shards().map(\.absolutePath)
                == ["/media/p/in", "/mnt/stay/1.tar", "/new/place/drive/train/0.tar"])
        let shard = try #require(try catalog.shard(named: "pics/in", ofDataset: "d"))
        #expect(try catalog.samples(ofShard: shard.id).first?.imagePath == "/media/p/in/a.jpg")
        #expect(try catalog.rootPaths() == ["/media/p", "/mnt", "/new/place/drive"])
        #expect { try catalog.relocate(from: "/nowhere", to: "/x") } throws: {
            ($0 as? CatalogError)?.code == .unknownName
        }
    }

    @Test func readersSeeASnapshotAndNeverWait() throws {
        try fixture.add("0.tar", samples: [fixture.record(0)])
        let reader = try SampleCatalog(path: folder + "/catalog.sqlite", access: .read)
        try reader.read { db in
            let before = try Int.fetchOne(db, sql: "SELECT count(*) FROM samples")
            try fixture.add("1.tar", samples: [fixture.record(0)])
            #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM samples") == before)
        }
        #expect(try reader.counts().samples == 2)
        #expect(throws: CatalogError.self) { try reader.removeDataset("d") }
    }

    @Test func refusesWhatIsNoCatalog() throws {
        let missing = folder + "/nothing.sqlite"
        #expect { try SampleCatalog(path: missing, access: .read) } throws: { ($0 as? CatalogError)?.code == .missing }
        let text = folder + "/text.sqlite"
        try String(repeating: "no database ", count: 500).write(toFile: text, atomically: true, encoding: .utf8)
        #expect { try SampleCatalog(path: text, access: .write) } throws: { ($0 as? CatalogError)?.code == .unreadable }
    }
}
