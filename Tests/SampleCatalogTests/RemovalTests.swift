import Foundation
import Samples
import Testing

@testable import SampleCatalog

@Suite struct RemovalTests {
    private let fixture: CatalogFixture
    private var catalog: SampleCatalog { fixture.catalog }

    init() throws {
        fixture = try CatalogFixture()
    }

    private func addFolder(_ name: String = "in", root: String = "/data") throws -> CatalogShard {
        try fixture.add(
            name, root: root,
            samples: [0, 1, 3].map {
                fixture.record(
                    $0, captions: ["caption \($0)"], attributes: [.init(name: "n", value: .integer(Int64($0)))])
            },
            quarantine: [fixture.refusal(2)],
            files: (0..<4).map { fixture.file($0, "\(name)/\($0).jpg") })
    }

    @Test(arguments: [false, true]) func removalLeavesATombstoneAndTheDigest(isIndexed: Bool) throws {
        let shard = try addFolder()
        if isIndexed { try catalog.prepareDerivedIndexes() }
        #expect(try catalog.removeSamples([1, 2, 77], ofShard: shard.id) == 2)
        #expect(try catalog.removeSamples([1], ofShard: shard.id) == 0)
        #expect(try catalog.samples(ofShard: shard.id).map(\.ordinal) == [0, 3])
        #expect(try catalog.files(ofShard: shard.id).map(\.ordinal) == [0, 3])
        #expect(try catalog.attributes(ofOrdinal: 1, inShard: shard.id).isEmpty)
        let counts = try catalog.counts()
        #expect([counts.found, counts.samples, counts.quarantined, counts.captions] == [2, 2, 0, 2] as [Int])
        #expect(try catalog.shard(shard.id).contentDigest == shard.contentDigest)
        #expect(try catalog.samples(withKeys: ["k1"]).isEmpty)
        try catalog.prepareDerivedIndexes()
        #expect(try catalog.samples(withCaption: "caption").matches.count == 2)

        let removed = try catalog.removedSamples()
        #expect(removed.map(\.identity.ordinal) == [1, 2])
        #expect(removed.allSatisfy { $0.identity.shard == "in" && $0.shardID == shard.id })
        #expect(try catalog.removedOrdinals(ofShard: shard.id) == [1, 2])
        try catalog.removeSamples([0], ofShard: shard.id)
        let later = try catalog.removedSamples(after: removed[1].sequence)
        #expect(later.map(\.identity.ordinal) == [0])
        #expect(try catalog.removedSamples(limit: 1).map(\.identity.ordinal) == [1])
        #expect(try catalog.dumpText().contains("removed 0\nremoved 1\nremoved 2\n"))

        // Ingested anew, nothing is removed any more; and a later removal has a later number.
        try catalog.begin(shard.id, byteCount: nil, modifiedNanoseconds: nil, settings: "s")
        #expect(try catalog.removedSamples().isEmpty)
        let other = try addFolder("more")
        try catalog.removeSamples([0], ofShard: other.id)
        #expect(try #require(try catalog.removedSamples().first).sequence > later[0].sequence)
        try catalog.removeDataset("d")
        #expect(try catalog.removedSamples().isEmpty)
    }

    @Test(arguments: [false, true]) func aRenameChangesNamesOnly(isIndexed: Bool) throws {
        let shard = try addFolder()
        if isIndexed { try catalog.prepareDerivedIndexes() }
        let before = try catalog.samples(ofShard: shard.id)
        try catalog.renameFiles([fixture.file(1, "new/ü.jpg"), fixture.file(2, "new/bad.jpg")], ofShard: shard.id)
        let after = try catalog.samples(ofShard: shard.id)
        #expect(after.map(\.key) == ["k0", "new/ü", "k3"])
        #expect(after[1].imagePath == "/data/new/ü.jpg")
        #expect(after.map(\.identity) == before.map(\.identity))
        #expect(after.map(\.split) == before.map(\.split))
        #expect(try catalog.shard(shard.id).contentDigest == shard.contentDigest)
        #expect(try catalog.samples(withKeys: ["k1", "new/ü"]).map(\.ordinal) == [1])
        #expect(try catalog.quarantine().map(\.record.key) == ["new/bad"])
        #expect(try catalog.knownFile(atPath: "new/ü.jpg", root: "/data", ofDataset: "d")?.record.ordinal == 1)
        let dump = try catalog.dumpText()
        #expect {
            try catalog.renameFiles([fixture.file(0, "x"), fixture.file(9, "y")], ofShard: shard.id)
        } throws: {
            ($0 as? CatalogError)?.code == .unknownName
        }
        #expect(try catalog.dumpText() == dump)
    }

    @Test func keysAreNotContentButSplitsAre() throws {
        let first = try fixture.add("a", samples: [fixture.record(0, key: "one")])
        let second = try fixture.add("b", samples: [fixture.record(0, key: "two")])
        let third = try fixture.add("c", samples: [fixture.record(0, key: "one", split: "test")])
        #expect(first.contentDigest == second.contentDigest)
        #expect(first.contentDigest != third.contentDigest)
    }

    @Test func knownFilesComeInTheOrderOfTheirPaths() throws {
        let shard = try addFolder("in")
        _ = try addFolder("B")
        _ = try addFolder("elsewhere", root: "/other")
        var paths: [String] = []
        try catalog.forEachKnownFile(belowRoot: "/data", ofDataset: "d") { paths.append($0.record.path) }
        #expect(paths == ["B", "in"].flatMap { folder in (0..<4).map { "\(folder)/\($0).jpg" } })
        #expect(try catalog.hasFiles(belowRoot: "/data", ofDataset: "d"))
        #expect(try !catalog.hasFiles(belowRoot: "/data", ofDataset: "d", kind: .manifest))
        #expect(try catalog.knownFile(atPath: "in/0.jpg", root: "/data", ofDataset: "d")?.shardID == shard.id)
        #expect(try catalog.knownFile(atPath: "in/0.jpg", root: "/data", ofDataset: "d", kind: .manifest) == nil)
    }

    @Test func streamsAndManifestsAreKept() throws {
        let source = "pipe:zstd -dc /x/y.tar.zst"
        let shards = try catalog.register([
            ShardRegistration(
                dataset: "d", rootPath: "", path: source, kind: .stream, name: "y.tar", settings: "s",
                compression: .zstd),
            fixture.registration("list.csv#0", kind: .manifest),
        ])
        #expect(shards.map(\.kind) == [.stream, .manifest])
        #expect(shards.map(\.compression) == [.zstd, .none])
        #expect(shards[0].absolutePath == source)
        #expect(try catalog.stream(from: source, ofDataset: "d")?.id == shards[0].id)
        #expect(try catalog.stream(from: "https://host/y.tar", ofDataset: "d") == nil)
        #expect { try catalog.relocate(from: "/x", to: "/z") } throws: { ($0 as? CatalogError)?.code == .unknownName }
    }

    @Test func retryMarksWhatFailed() throws {
        let folder = try addFolder()
        let tar = try fixture.add(
            "0.tar", samples: [fixture.record(0), fixture.record(1)], quarantine: [fixture.refusal(2, code: "x")])
        try fixture.add("1.tar", samples: [fixture.record(0)])
        try catalog.quarantine(
            [fixture.refusal(1, stage: "embed"), fixture.refusal(0, stage: "train")], inShard: tar.id)
        var seen: [String] = []
        try catalog.forEachQuarantined { seen.append("\($0.path) \($0.record.stage) \($0.image?.offset ?? -1)") }
        #expect(
            seen == [
                "/data/0.tar train 512", "/data/0.tar embed 1536", "/data/0.tar ingest -1", "/data/in/2.jpg ingest -1",
            ])
        var coded: [UInt32] = []
        try catalog.forEachQuarantined(code: "x") { coded.append($0.record.ordinal) }
        #expect(coded == [2])

        let later = try catalog.markForRetry(stage: "embed")
        #expect(later == .init(samples: 1, shardsToIngest: 0, shardsToEmbed: 1))
        #expect(try catalog.shard(tar.id).contentDigest != tar.contentDigest)
        #expect(try catalog.shard(tar.id).settings == "s")
        let all = try catalog.markForRetry()
        #expect(all == .init(samples: 3, shardsToIngest: 2, shardsToEmbed: 0))
        #expect(try catalog.shard(tar.id).settings == "retry")
        #expect(try catalog.shard(folder.id).settings == "s")
        let signatures = try catalog.files(ofShard: folder.id).map(\.signature)
        #expect(
            signatures.enumerated().map { $1 == fixture.file(UInt32($0), "in/\($0).jpg").signature } == [
                true, true, false, true,
            ])
        let counts = try catalog.counts()
        #expect([counts.samples, counts.quarantined] == [6, 2] as [Int])
        #expect { try catalog.markForRetry(ofDataset: "x") } throws: { ($0 as? CatalogError)?.code == .unknownName }
    }
}
