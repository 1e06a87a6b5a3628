import Foundation
import SampleCatalog
import Samples
import Shards
import Synchronization
import Testing

@testable import Workflows

@Suite struct IngestWorkflowTests {
    let fixture: IngestFixture

    init() throws { fixture = try IngestFixture() }

    @Test func recordsWhatATarHolds() async throws {
        let tar = try fixture.writeTar("set/00000.tar", count: 60)
        let report = try await fixture.ingest(["set/00000.tar"])
        #expect(report.accounting.foundCount == 60)
        #expect(report.quarantinedByReason == ["image-missing": 2, "json-invalid": 2])
        #expect(report.shards == [.added: 1])
        #expect(report.examinedCount == 60)
        try fixture.reading { catalog in
            let shard = try #require(try catalog.shards().first)
            #expect(shard.absolutePath == tar)
            let sample = try #require(try catalog.samples(ofShard: shard.id, limit: 1).first)
            let bytes = try ShardReader().read(
                MemberLocation(path: sample.imagePath, range: sample.image), digest: sample.digest)
            let original = try IngestFixture.image(0)
            #expect(bytes == original)
            #expect(sample.pixelWidth == 3)
            #expect(sample.pixelHeight == 2)
            #expect(sample.captions == ["caption 0", "more"])
            #expect(try catalog.attributes(ofOrdinal: 0, inShard: shard.id).map(\.name) == ["n"])
            let bad = try catalog.quarantine()
            #expect(bad.map(\.record.ordinal) == [7, 9, 49, 57])
            #expect(bad.first?.record.key == "k1007")
            #expect(try catalog.counts().found == 60)
        }
    }

    @Test func everySplitRule() async throws {
        for index in 0..<60 { try fixture.write("p/\(index).png", IngestFixture.image(index)) }
        try fixture.write("p/0.json", #"{"split":"val"}"#)
        _ = try await fixture.ingest(["p"])
        let bySplit = try fixture.reading { try $0.counts().samplesBySplit }
        let heldOut = (1..<60).filter { Split.byHash(ofKey: "p/\($0)") == .heldOut }.count
        #expect(heldOut > 0)
        #expect(bySplit == ["val": 1, "heldout": heldOut, "train": 59 - heldOut])
        let report = try await fixture.ingest(["p"], change: { $0.split = "test" })
        #expect(report.shards == [.replaced: 1])
        #expect(try fixture.reading { try $0.counts().samplesBySplit } == ["test": 60])
    }

    @Test func patternsAndSeveralSources() async throws {
        for index in 0..<3 { try fixture.writeTar("t/0000\(index).tar", count: 5, salt: index) }
        try fixture.write("q/x.jpg", IngestFixture.image(1, format: "jpeg"))
        let report = try await fixture.ingest(["t/{00000..00002}.tar", "q", "t/00001.tar"])
        #expect(report.shards == [.added: 4])
        #expect(report.accounting.foundCount == 16)
        #expect(
            try fixture.reading { try $0.shards().map(\.name) }.suffix(3) == [
                "t/00000.tar", "t/00001.tar", "t/00002.tar",
            ])
    }

    @Test func missingSourcesAreNamedBeforeAnythingIsDone() async throws {
        try fixture.writeTar("a.tar", count: 2)
        await #expect {
            _ = try await fixture.ingest(["a.tar", "nowhere.tar", "b{1..2}.tar"])
        } throws: { error in
            let error = error as? WorkflowError
            return error?.code == .noInput && error?.place?.contains("nowhere.tar") == true
        }
        #expect(try fixture.dump() == "")
        await #expect { _ = try await fixture.ingest(["{a"]) } throws: { ($0 as? WorkflowError)?.code == .usage }
    }

    @Test func theDumpDoesNotDependOnThreadsOrRepetition() async throws {
        for index in 0..<4 { try fixture.writeTar("t/\(index).tar", count: 300 + index, salt: index) }
        for index in 0..<30 { try fixture.write("p/\(index).png", IngestFixture.image(index)) }
        var dumps: [String] = []
        for threads in [1, 2, 5] {
            let other = fixture.path + "/\(threads).sqlite"
            _ = try await fixture.ingest(["t", "p"], threads: threads, into: other)
            let again = try await fixture.ingest(["t", "p"], threads: threads, into: other)
            #expect(again.shards == [.unchanged: 5])
            #expect(again.examinedCount == 0)
            #expect(again.accounting.foundCount == 1236)
            dumps.append(try fixture.dump(other))
        }
        #expect(Set(dumps).count == 1)
    }

    /// Stops after every n-th transaction, and kills there: the catalog's files are copied as they are at that moment.
    @Test(arguments: [1, 2]) func interruptedIngestsConverge(threads: Int) async throws {
        for index in 0..<2 { try fixture.writeTar("t/\(index).tar", count: 600, salt: index, cut: index * 700) }
        for index in 0..<40 { try fixture.write("p/\(index).png", IngestFixture.image(index)) }
        let commits = Mutex(0)
        let whole = try await fixture.ingest(
            ["p", "t"], threads: threads, didCommit: { count in commits.withLock { $0 = count } })
        let expected = try fixture.dump()
        let total = commits.withLock { $0 }
        #expect(total >= 9)
        for stopping in 1...total {
            let stopped = fixture.path + "/stopped-\(stopping).sqlite"
            let killed = fixture.path + "/killed-\(stopping).sqlite"
            let stop = IngestFixture.quietStop()
            let failure = Mutex<String?>(nil)
            let first = try await fixture.ingest(["p", "t"], threads: threads, into: stopped, stop: stop) { count in
                guard count == stopping else { return }
                stop.request()
                do {
                    for suffix in ["", "-wal"] {
                        try FileManager.default.copyItem(atPath: stopped + suffix, toPath: killed + suffix)
                    }
                } catch {
                    failure.withLock { $0 = "\(error)" }
                }
            }
            #expect(failure.withLock { $0 } == nil)
            #expect(first.isInterrupted || stopping >= total - 1, "stopped after \(stopping)")
            for (path, label) in [(stopped, "stopped"), (killed, "killed")] {
                let counts = try SampleCatalog(path: path, access: .write).counts()
                #expect(counts.found == counts.samples + counts.quarantined)
                let report = try await fixture.ingest(["p", "t"], threads: threads, into: path)
                #expect(!report.isInterrupted)
                #expect(report.accounting.foundCount == whole.accounting.foundCount, "\(label) after \(stopping)")
                #expect(try fixture.dump(path) == expected, "\(label) after \(stopping)")
            }
        }
    }

    @Test func aTouchedTarIsKnownByItsHeaders() async throws {
        let tar = try fixture.writeTar("t/0.tar", count: 20)
        _ = try await fixture.ingest(["t/0.tar"])
        let before = try fixture.dump()
        try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: tar)
        let report = try await fixture.ingest(["t/0.tar"])
        #expect(report.shards == [.unchanged: 1])
        #expect(report.examinedCount == 0)
        #expect(try fixture.dump() == before)
    }

    @Test func aChangedTarIsReadAnew() async throws {
        try fixture.writeTar("t/0.tar", count: 20)
        _ = try await fixture.ingest(["t/0.tar"])
        try fixture.writeTar("t/0.tar", count: 30, salt: 5)
        let report = try await fixture.ingest(["t/0.tar"])
        #expect(report.shards == [.replaced: 1])
        #expect(report.accounting.foundCount == 30)
        let other = fixture.path + "/fresh.sqlite"
        _ = try await fixture.ingest(["t/0.tar"], into: other)
        #expect(try fixture.dump() == fixture.dump(other))
    }

    @Test func aVanishedTarIsMarkedAndComesBack() async throws {
        let tar = try fixture.writeTar("t/0.tar", count: 20)
        try fixture.writeTar("t/1.tar", count: 20)
        _ = try await fixture.ingest(["t"])
        let before = try fixture.dump()
        try FileManager.default.moveItem(atPath: tar, toPath: fixture.path + "/away")
        for source in ["t", "t/0.tar"] {
            let report = try await fixture.ingest([source])
            #expect(report.shards[.missing] == 1, "\(source)")
            #expect(report.failures.first?.code == .fileMissing)
        }
        try fixture.reading { catalog in
            #expect(try catalog.shards(states: [.missing]).map(\.name) == ["t/0.tar"])
            let shard = try #require(try catalog.shards(states: [.missing]).first)
            let sample = try #require(try catalog.samples(ofShard: shard.id).first)
            #expect {
                try ShardReader().read(MemberLocation(path: sample.imagePath, range: sample.image))
            } throws: {
                ($0 as? ShardError)?.code == .fileMissing
            }
        }
        try FileManager.default.moveItem(atPath: fixture.path + "/away", toPath: tar)
        let report = try await fixture.ingest(["t"])
        #expect(report.shards == [.unchanged: 2])
        #expect(try fixture.dump() == before)
    }

    @Test func aTarThatVanishedHalfReadIsReadAnew() async throws {
        let tar = try fixture.writeTar("t/0.tar", count: 600)
        let stop = IngestFixture.quietStop()
        let half = try await fixture.ingest(["t/0.tar"], stop: stop, didCommit: { if $0 == 3 { stop.request() } })
        #expect(half.isInterrupted)
        #expect(half.accounting.foundCount == 256)
        try FileManager.default.moveItem(atPath: tar, toPath: fixture.path + "/away")
        #expect(try await fixture.ingest(["t/0.tar"]).accounting.foundCount == 0)
        try FileManager.default.moveItem(atPath: fixture.path + "/away", toPath: tar)
        let whole = try await fixture.ingest(["t/0.tar"])
        #expect(whole.shards == [.replaced: 1])
        #expect(whole.accounting.foundCount == 600)
    }

    @Test func laterFilesOpenNewShards() async throws {
        for index in 0..<1030 { try fixture.write("p/\(10_000 + index).png", IngestFixture.image(index)) }
        let first = try await fixture.ingest(["p"])
        #expect(first.shards == [.added: 2])
        try fixture.write("p/00000.png", IngestFixture.image(1))
        try fixture.write("p/sub/x.png", IngestFixture.image(2))
        let second = try await fixture.ingest(["p"])
        #expect(second.shards == [.added: 1, .unchanged: 2])
        try fixture.reading { catalog in
            let shards = try catalog.shards()
            #expect(shards.map(\.name) == ["p#00000", "p#00001", "p#00002"])
            #expect(try shards.map { try catalog.ingestCounts(ofShard: $0.id).samples } == [1024, 6, 2])
            #expect(try catalog.samples(ofShard: shards[2].id).map(\.key) == ["p/00000", "p/sub/x"])
        }
        // A part of a known folder is known.
        let part = try await fixture.ingest(["p/sub"])
        #expect(part.shards[.added] == nil)
        #expect(try fixture.reading { try $0.counts().samples } == 1032)
    }

    @Test func changedAndVanishedFilesKeepTheirOrdinals() async throws {
        for index in 0..<5 { try fixture.write("p/\(index).png", IngestFixture.image(index)) }
        _ = try await fixture.ingest(["p"])
        try fixture.write("p/1.png", IngestFixture.image(4))
        try fixture.write("p/2.txt", "now with a caption")
        try fixture.remove("p/3.png")
        let report = try await fixture.ingest(["p"])
        #expect(report.shards == [.replaced: 1])
        #expect(report.files == [.changed: 2, .renamed: 0, .removed: 1])
        #expect(report.accounting.foundCount == 4)
        try fixture.reading { catalog in
            let shard = try #require(try catalog.shards().first)
            let samples = try catalog.samples(ofShard: shard.id)
            #expect(samples.map(\.ordinal) == [0, 1, 2, 4])
            #expect(try samples[1].digest == Digest(hashing: IngestFixture.image(4)))
            #expect(samples[2].captions == ["now with a caption"])
            #expect(try catalog.removedOrdinals(ofShard: shard.id) == [3])
        }
        let same = try await fixture.ingest(["p"])
        #expect(same.shards == [.unchanged: 1])
        try fixture.write("p/1.png", IngestFixture.image(1))
        try fixture.write("p/3.png", IngestFixture.image(3))
        try fixture.remove("p/2.txt")
        let back = try await fixture.ingest(["p"])
        #expect(back.shards == [.replaced: 1, .added: 1])
        #expect(back.accounting.foundCount == 5)
    }

    @Test func keyCollisionsKeepTheExtension() async throws {
        try fixture.write("p/a.png", IngestFixture.image(1))
        try fixture.write("p/a.jpg", IngestFixture.image(2, format: "jpeg"))
        try fixture.write("p/a.txt", "both")
        try fixture.write("p/notes.txt", "no image")
        let report = try await fixture.ingest(["p"])
        #expect(report.collisionCount == 2)
        #expect(report.ignoredFiles == [".txt": 1])
        try fixture.reading { catalog in
            let shard = try #require(try catalog.shards().first)
            let samples = try catalog.samples(ofShard: shard.id)
            #expect(samples.map(\.key) == ["p/a.jpg", "p/a.png"])
            #expect(samples.map(\.captions) == [["both"], ["both"]])
        }
    }

    @Test func settingsDecideWhetherRowsAreGoodEnough() async throws {
        var truncated = try IngestFixture.image(3, format: "jpeg")
        truncated.removeLast(6)
        try fixture.write("p/bad.jpg", truncated)
        try fixture.write("p/good.png", IngestFixture.image(1))
        try fixture.write("p/good.txt", "words")
        let headers = try await fixture.ingest(["p"])
        #expect(headers.accounting.quarantinedCount == 0)
        let decoded = try await fixture.ingest(["p"], change: { $0.check = .decode })
        #expect(decoded.shards == [.replaced: 1])
        #expect(decoded.accounting.quarantinedCount == 1)
        let weaker = try await fixture.ingest(["p"], change: { $0.check = .headers })
        #expect(weaker.shards == [.unchanged: 1])
        let silent = try await fixture.ingest(
            ["p"],
            change: { options in
                options.check = .decode
                options.readsCaptions = false
            })
        #expect(silent.shards == [.replaced: 1])
        #expect(try fixture.reading { try $0.counts().captions } == 0)
        let strict = try await fixture.ingest(
            ["p"],
            change: { options in
                options.check = .decode
                options.readsCaptions = false
                options.maximumBadShare = 0.4
            })
        #expect(strict.isPastBadShare)
    }

    @Test func filesThatAreNoShardsAreQuarantined() async throws {
        try fixture.write("a.tar.gz", [0x1F, 0x8B, 8, 0])
        try fixture.write("b.bin", Array("hello".utf8))
        try fixture.write("c.png", IngestFixture.image(1))
        try fixture.write("d.tar", [UInt8](repeating: 0, count: 1024))
        let report = try await fixture.ingest(["a.tar.gz", "b.bin", "c.png", "d.tar"])
        #expect(report.quarantinedByReason == ["compression-damaged": 1, "source-unrecognized": 2])
        #expect(report.accounting.foundCount == 3)
        #expect(try await fixture.ingest(["a.tar.gz", "d.tar"]).shards == [.unchanged: 2])
    }

    @Test func optionsAreCheckedTogether() async throws {
        await #expect {
            _ = try await fixture.ingest(
                [],
                change: { options in
                    options.dataset = "a\nb"
                    options.split = ""
                })
        } throws: { error in
            let message = (error as? WorkflowError)?.message ?? ""
            return message.contains("source") && message.contains("data set") && message.contains("split")
        }
    }

    @Test func orientationCanBeIgnored() async throws {
        // A JPEG with an EXIF segment that says orientation 6.
        let plain = try IngestFixture.image(1, format: "jpeg")
        let tiff: [UInt8] = [
            0x4D, 0x4D, 0, 0x2A, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0,
        ]
        let exif = Array("Exif\0\0".utf8) + tiff
        let turned = Array(plain.prefix(2)) + [0xFF, 0xE1, 0, UInt8(exif.count + 2)] + exif + Array(plain.dropFirst(2))
        try fixture.write("p/a.jpg", turned)
        _ = try await fixture.ingest(["p"])
        let orientations = {
            try self.fixture.reading { catalog in
                try catalog.shards().flatMap { try catalog.samples(ofShard: $0.id).map(\.orientation) }
            }
        }
        #expect(try orientations() == [.rotated90Clockwise])
        _ = try await fixture.ingest(["p"], change: { $0.orientation = .none })
        #expect(try orientations() == [.upright])
    }

    @Test func oneWriterAtATime() throws {
        let workspace = try Workspace.findOrCreate(explicit: fixture.path + "/w", environment: [:], directory: "/")
        do {
            let lock = try workspace.lock()
            #expect { _ = try workspace.lock() } throws: { ($0 as? WorkflowError)?.code.exitStatus == 75 }
            _ = consume lock
        }
        _ = try workspace.lock()
    }
}
