import Foundation
import Samples
import Testing

@testable import SampleCatalog

@Suite struct SampleCatalogTests {
    let folder: String
    let catalog: SampleCatalog

    init() throws {
        folder = NSTemporaryDirectory() + "vlmpipe-catalog-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        catalog = try SampleCatalog(path: folder + "/catalog.sqlite", access: .write)
    }

    private func record(
        _ ordinal: UInt32, key: String? = nil, split: String = "train", captions: [String] = [],
        attributes: [SampleAttribute] = [], orientation: ImageOrientation = .upright
    ) -> SampleRecord {
        SampleRecord(
            ordinal: ordinal, key: key ?? "k\(ordinal)", split: Split(rawValue: split),
            image: ByteRange(offset: Int64(ordinal) * 1024 + 512, byteCount: 100), format: .jpeg, pixelWidth: 640,
            pixelHeight: 480, orientation: orientation, digest: Digest(hashing: "image \(ordinal)"), captions: captions,
            attributes: attributes)
    }

    private func registration(
        _ path: String, root: String = "/data", dataset: String = "d", kind: CatalogShard.Kind = .tar
    ) -> ShardRegistration {
        ShardRegistration(dataset: dataset, rootPath: root, path: path, kind: kind, name: path, settings: "s")
    }

    @discardableResult
    private func add(
        _ path: String, root: String = "/data", dataset: String = "d", samples: [SampleRecord],
        quarantine: [QuarantineRecord] = [], files: [FileRecord] = []
    ) throws -> CatalogShard {
        var chunk = SampleChunk(cursor: .init(byteOffset: 9, ordinal: UInt32(samples.count), digest: nil))
        chunk.samples = samples
        chunk.quarantine = quarantine
        chunk.files = files
        return try catalog.registerComplete(
            registration(path, root: root, dataset: dataset, kind: files.isEmpty ? .tar : .folder), chunk: chunk)
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

    @Test func samplesComeBackAsTheyWere() throws {
        let shard = try add(
            "t/0.tar",
            samples: [
                record(0, captions: ["one", "zwei 🌟"], attributes: [.init(name: "a", value: .real(0.5))]),
                record(2, key: "weird\\xFF", split: "test", orientation: .transposed),
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
        let shard = try add("0.tar", samples: (0..<7).map { record($0 * 3, split: $0 % 2 == 0 ? "train" : "test") })
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
        try add("b.tar", samples: [record(0, split: "test")])
        try add("a.tar", samples: [record(0)])
        try add("c.tar", dataset: "e", samples: [record(0)])
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
        let first = try add("0.tar", root: "/data/train", samples: [])
        let second = try add("0.tar", root: "/data/dev", samples: [])
        let third = try add("0.tar", root: "/other/dev", samples: [])
        #expect([first, second, third].map(\.name) == ["0.tar", "dev/0.tar", "other/dev/0.tar"])
        #expect(try catalog.tar(atPath: "/data/dev/0.tar", ofDataset: "d")?.id == second.id)
        #expect(try catalog.tar(atPath: "/data/0.tar", ofDataset: "d") == nil)
        #expect(try catalog.shard(named: "dev/0.tar", ofDataset: "d")?.id == second.id)
    }

    @Test func foundIsSamplesPlusQuarantined() throws {
        let shard = try add(
            "0.tar", samples: [record(0, captions: ["x", "y"]), record(1), record(3)],
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
        try add("b.tar", samples: [record(0, captions: ["3"])])
        try add("a.tar", samples: [record(0, captions: ["1", "2"]), record(1, split: "test", captions: ["hidden"])])
        var captions: [String] = []
        try catalog.forEachCaption(ofDataset: "d", split: .train) { captions.append($0) }
        #expect(captions == ["1", "2", "3"])
    }

    @Test func aChunkAndItsCursorAreOneTransaction() throws {
        let shard = try #require(try catalog.register([registration("0.tar")]).first)
        #expect(shard.state == .pending)
        try catalog.begin(shard.id, byteCount: 10, modifiedNanoseconds: 20, settings: "t")
        var chunk = SampleChunk(cursor: .init(byteOffset: 77, ordinal: 2, digest: Digest(hashing: "c")))
        chunk.samples = [record(0), record(0)]
        #expect(throws: CatalogError.self) { try catalog.append(chunk, to: shard.id) }
        #expect(try catalog.shard(shard.id).cursor == .start)
        #expect(try catalog.counts().samples == 0)
        chunk.samples = [record(0), record(1)]
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
                chunk.samples = [record(9)]
                _ = try target.registerComplete(registration("x.tar", dataset: "gone"), chunk: chunk)
                try target.removeDataset("gone")
            }
            for name in names {
                var chunk = SampleChunk(cursor: .init(byteOffset: 1, ordinal: 1, digest: nil))
                chunk.samples = [record(0, key: "quo\"te\n\\", captions: ["\u{7F}c"])]
                chunk.samples[0].attributes = [.init(name: "n", value: .integer(3))]
                _ = try target.registerComplete(registration(name, root: "/r\(index)"), chunk: chunk)
            }
        }
        let text = try catalog.dumpText()
        #expect(try other.dumpText() == text)
        #expect(text.contains(#"samples 0 "quo\"te\n\\" "train""#))
        #expect(text.contains(#"captions 0 0 "\u007fc""#))
        #expect(!text.contains("/r0"))
    }

    @Test func relocationMovesRootsAndSplitsThem() throws {
        try add("train/0.tar", root: "/old/drive", samples: [record(0)])
        try add(
            "pics/in", root: "/mnt", samples: [record(0)],
            files: [FileRecord(ordinal: 0, path: "pics/in/a.jpg", key: "a", signature: Digest(hashing: "s"))])
        try add("stay/1.tar", root: "/mnt", samples: [record(0)])
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

    struct FilterCase: CustomTestStringConvertible, Sendable {
        let condition: String
        let ordinals: Set<UInt32>
        var testDescription: String { condition }
    }

    static let filters = [
        FilterCase(condition: "1", ordinals: [0, 1, 2]),
        FilterCase(condition: "width > height", ordinals: [0, 2]),
        FilterCase(condition: "split = 'test' -- a comment", ordinals: [1]),
        FilterCase(condition: "captions = 2 AND caption LIKE '%CAT%'", ordinals: [0]),
        FilterCase(condition: "score >= 0.5", ordinals: [0, 1]),
        FilterCase(condition: "license = 'cc0' AND score < 1", ordinals: [1]),
        FilterCase(condition: "license IS NULL", ordinals: [2]),
        FilterCase(condition: "attribute_key = 'inner'", ordinals: [2]),
        FilterCase(condition: "\"odd \"\"name\" = 'o''k'", ordinals: [2]),
        FilterCase(condition: "key IN ('k0', 'k2') OR ordinal = 9", ordinals: [0, 2]),
        FilterCase(
            condition: "dataset = 'd' AND shard = '0.tar' AND bytes = 100 AND format = 'jpeg'", ordinals: [0, 1, 2]),
    ]

    private func addFiltered() throws {
        try add(
            "0.tar",
            samples: [
                record(
                    0, captions: ["a cat", "b"],
                    attributes: [
                        .init(name: "license", value: .text("cc0")), .init(name: "score", value: .integer(1)),
                    ]),
                record(
                    1, split: "test",
                    attributes: [
                        .init(name: "license", value: .text("cc0")), .init(name: "score", value: .real(0.5)),
                    ], orientation: .rotated90Clockwise),
                record(
                    2,
                    attributes: [
                        .init(name: "key", value: .text("inner")), .init(name: "odd \"name", value: .text("o'k")),
                        .init(name: "score", value: .real(0.25)),
                    ]),
            ])
    }

    @Test(arguments: filters) func filtersByColumnsAndAttributes(_ filter: FilterCase) throws {
        try addFiltered()
        let set = try catalog.samples(matching: filter.condition, ofDataset: "d")
        #expect(set.ordinals(inShard: "0.tar", ofDataset: "d") == filter.ordinals)
        #expect(set.count == filter.ordinals.count)
        #expect(set.contains(SampleIdentity(dataset: "d", shard: "0.tar", ordinal: 1)) == filter.ordinals.contains(1))
    }

    @Test(arguments: [
        "nonsense >", "unknown_column = 1", "1; DELETE FROM samples", "1) ; DELETE FROM samples --", "",
        "1); DROP TABLE samples; SELECT (1", "load_extension('x')", "(DELETE FROM samples)", "writefile('x', 'y')",
    ])
    func filtersCannotWrite(_ condition: String) throws {
        try addFiltered()
        let before = try catalog.dumpText()
        #expect {
            try catalog.samples(matching: condition)
        } throws: {
            ($0 as? CatalogError)?.code == .filterInvalid
        }
        #expect(try catalog.dumpText() == before)
    }

    @Test func readersSeeASnapshotAndNeverWait() throws {
        try add("0.tar", samples: [record(0)])
        let reader = try SampleCatalog(path: folder + "/catalog.sqlite", access: .read)
        try reader.read { db in
            let before = try Int.fetchOne(db, sql: "SELECT count(*) FROM samples")
            try add("1.tar", samples: [record(0)])
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
        let newer = folder + "/newer.sqlite"
        let future = try SampleCatalog(path: newer, access: .write)
        try future.write { db in try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('9.9 future')") }
        try future.close()
        #expect { try SampleCatalog(path: newer, access: .write) } throws: { ($0 as? CatalogError)?.code == .tooNew }
    }
}
