import Foundation
import SampleCatalog
import Samples
import Shards
import Synchronization
import Testing

@testable import Workflows

/// Renames, removals, manifests, compressed and streamed tars.
@Suite struct IngestSourcesTests {
    let fixture: IngestFixture

    init() throws { fixture = try IngestFixture() }

    private func run(_ command: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        process.currentDirectoryURL = URL(fileURLWithPath: fixture.path)
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(command)")
    }

    private func samples() throws -> [CatalogSample] {
        try fixture.reading { catalog in
            try catalog.shards().flatMap { try catalog.samples(ofShard: $0.id, limit: 5000) }
        }
    }

    private func contentDigests() throws -> [Digest?] {
        try fixture.reading { try $0.shards().map(\.contentDigest) }
    }

    @Test func aRenamedFolderIsNotReadAndKeepsItsVectors() async throws {
        for index in 0..<1100 {
            try fixture.write("p/old/\(10_000 + index).png", IngestFixture.image(index))
            if index % 3 == 0 { try fixture.write("p/old/\(10_000 + index).txt", "caption \(index)") }
        }
        try fixture.write("p/stays.png", IngestFixture.image(7))
        _ = try await fixture.ingest(["p"])
        let before = try samples()
        let digests = try contentDigests()
        try run("mv p/old p/new")
        let report = try await fixture.ingest(["p"])
        #expect(report.examinedCount == 0)
        #expect(report.files[.renamed] == 1100)
        #expect(report.files[.removed] == 0)
        #expect(report.shards == [.updated: 2])
        let after = try samples()
        #expect(after.map(\.identity) == before.map(\.identity))
        #expect(after.map(\.digest) == before.map(\.digest))
        #expect(after.map(\.captions) == before.map(\.captions))
        #expect(after.map(\.split) == before.map(\.split))
        #expect(after.map(\.key) == before.map { $0.key.replacing("p/old/", with: "p/new/") })
        #expect(try contentDigests() == digests)
        for sample in after.prefix(3) {
            _ = try ShardReader().read(
                MemberLocation(path: sample.imagePath, range: sample.image), digest: sample.digest)
        }
        #expect(try await fixture.ingest(["p"]).shards == [.unchanged: 2])
    }

    @Test func aRenamedFileIsKnownByItsBytes() async throws {
        for index in 0..<4 { try fixture.write("p/\(index).png", IngestFixture.image(index)) }
        try fixture.write("p/1.txt", "one")
        _ = try await fixture.ingest(["p"])
        let digests = try contentDigests()
        try run("mv p/1.png p/x.png; mv p/1.txt p/x.txt; mv p/2.png p/y.png; touch p/y.png; rm p/3.png")
        try fixture.write("p/z.png", IngestFixture.image(9))
        let report = try await fixture.ingest(["p"])
        #expect(report.files == [.added: 1, .changed: 0, .renamed: 2, .removed: 1])
        #expect(report.accounting.foundCount == 4)
        let after = try samples()
        #expect(after.map(\.key) == ["p/0", "p/x", "p/y", "p/z"])
        #expect(after.map(\.ordinal) == [0, 1, 2, 0])
        #expect(after[1].captions == ["one"])
        #expect(try contentDigests().first == digests.first)
        // With another caption beside it, it keeps its place and is embedded anew.
        try run("mv p/x.png p/w.png; echo two > p/w.txt")
        let other = try await fixture.ingest(["p"])
        #expect(other.files[.renamed] == 1)
        #expect(try samples()[1].captions == ["two"])
        #expect(try contentDigests().first != digests.first)
    }

    @Test func renamesConvergeAfterAKill() async throws {
        func make(_ name: String) throws -> String {
            let catalog = "\(fixture.path)/\(name).sqlite"
            try? FileManager.default.removeItem(atPath: fixture.path + "/p")
            for index in 0..<1500 { try fixture.write("p/a/\(10_000 + index).png", IngestFixture.image(index % 700)) }
            return catalog
        }
        func change() throws { try run("mv p/a p/b; rm p/b/10003.png p/b/11300.png; mv p/b/10009.png p/b/q.png") }
        let undisturbed = try make("undisturbed")
        _ = try await fixture.ingest(["p"], into: undisturbed)
        try change()
        let commits = Mutex(0)
        _ = try await fixture.ingest(["p"], into: undisturbed, didCommit: { count in commits.withLock { $0 = count } })
        let expected = try fixture.dump(undisturbed)
        let total = commits.withLock { $0 }
        #expect(total >= 3)
        for stopping in 1...total {
            let catalog = try make("killed-\(stopping)")
            _ = try await fixture.ingest(["p"], into: catalog)
            try change()
            let killed = catalog + ".copy"
            _ = try await fixture.ingest(["p"], into: catalog) { count in
                guard count == stopping else { return }
                for suffix in ["", "-wal"] {
                    try? FileManager.default.copyItem(atPath: catalog + suffix, toPath: killed + suffix)
                }
            }
            _ = try await fixture.ingest(["p"], into: killed)
            #expect(try fixture.dump(killed) == expected, "killed after \(stopping) of \(total)")
        }
    }

    @Test func anEmptyFolderIsRatherAMissingDrive() async throws {
        for index in 0..<3 { try fixture.write("p/\(index).png", IngestFixture.image(index)) }
        _ = try await fixture.ingest(["p"])
        let before = try fixture.dump()
        try run("rm p/*")
        let report = try await fixture.ingest(["p"])
        #expect(report.failures.map(\.code) == [.sourceMissing])
        #expect(try fixture.dump() == before)
    }

    @Test func excludedFilesAreLeftOutAndTakenOut() async throws {
        for name in ["a.png", "thumbs/a.png", "x/thumbs/b.png", "x/c.jpg.png"] {
            try fixture.write("p/" + name, IngestFixture.image(1))
        }
        _ = try await fixture.ingest(["p"])
        #expect(try samples().count == 4)
        let report = try await fixture.ingest(["p"], change: { options in try? options.read(exclude: ["thumbs"]) })
        #expect(report.files[.removed] == 2)
        #expect(report.tally.excludedCount == 2)
        #expect(try samples().map(\.key) == ["p/a", "p/x/c.jpg"])
        var options = IngestOptions(sources: ["x"])
        #expect { try options.read(exclude: ["["], captionTemplate: "{", delimiter: "ab") } throws: { error in
            let message = (error as? WorkflowError)?.message ?? ""
            return message.contains("'['") && message.contains("template") && message.contains("delimiter")
        }
    }

    @Test(arguments: ["gzip", "zstd -q"]) func compressedTarsAreTheSame(_ program: String) async throws {
        try fixture.writeTar("t/0.tar", count: 300)
        _ = try await fixture.ingest(["t/0.tar"])
        let plain = try samples()
        try run("mkdir c; \(program) < t/0.tar > c/0.tar.x")
        let path = fixture.path + "/c.sqlite"
        let report = try await fixture.ingest(["c/0.tar.x"], into: path)
        #expect(report.sequentialShardCount == 1)
        let catalog = try SampleCatalog(path: path, access: .read)
        let shard = try #require(try catalog.shards().first)
        let found = try catalog.samples(ofShard: shard.id, limit: 500)
        #expect(found.map(\.digest) == plain.map(\.digest))
        #expect(found.map(\.image) == plain.map(\.image))
        let images = SampleImages()
        for sample in found.prefix(20) { #expect(try Digest(hashing: images.bytes(of: sample)) == sample.digest) }
        #expect(try await fixture.ingest(["c/0.tar.x"], into: path).shards == [.unchanged: 1])
    }

    @Test func streamsAreReadAndResumed() async throws {
        let tar = try fixture.writeTar("t/0.tar", count: 600)
        // The first time the stream breaks off in the middle, the next time it is whole.
        let command =
            "pipe:if [ -e '\(fixture.path)/whole' ]; then cat '\(tar)'; else head -c 700000 '\(tar)'; exit 9; fi"
        let size = try #require(FileFacts.ofFile(atPath: tar)).byteCount
        #expect(size > 700_000)
        let broken = try await fixture.ingestAsWritten([command])
        #expect(broken.failures.map(\.code) == [.streamFailed])
        #expect(broken.shards == [.failed: 1])
        #expect((1..<600).contains(broken.accounting.foundCount))
        try fixture.write("whole", "")
        let report = try await fixture.ingestAsWritten([command])
        #expect(report.shards == [.resumed: 1])
        #expect(report.accounting.foundCount == 600)
        #expect(try await fixture.ingestAsWritten([command]).shards == [.unchanged: 1])
        _ = try await fixture.ingest(["t/0.tar"], into: fixture.path + "/plain.sqlite")
        let plain = try SampleCatalog(path: fixture.path + "/plain.sqlite", access: .read)
        let shard = try #require(try plain.shards().first)
        #expect(try samples().map(\.digest) == plain.samples(ofShard: shard.id, limit: 1000).map(\.digest))
        let sample = try #require(try samples().first)
        #expect { _ = try SampleImages().bytes(of: sample) } throws: { ($0 as? ShardError)?.code == .commandRefused }
    }

    private func writeCatalogue(_ rows: Int, title: (Int) -> String = { "Chair \($0)" }, skipping: Set<Int> = []) throws
    {
        var text = "sku;photo;title;price\n"
        for index in 0..<rows where !skipping.contains(index) {
            text += "S\(index);img/\(index % 50).png;\"\(title(index))\";\(index).5\n"
        }
        try fixture.write("cat/list.csv", text)
    }

    @Test func aManifestIsReadTwiceWithoutReadingImagesTwice() async throws {
        for index in 0..<49 { try fixture.write("cat/img/\(index).png", IngestFixture.image(index)) }
        try writeCatalogue(2100)
        let report = try await fixture.ingest(["cat/list.csv"])
        #expect(report.shards == [.added: 3])
        #expect(report.accounting.foundCount == 2100)
        #expect(report.quarantinedByReason == ["file-missing": 42])
        #expect(report.notes.first?.contains("rows divided by ';', UTF-8; images from 'photo'") == true)
        try fixture.reading { catalog in
            let shards = try catalog.shards()
            #expect(shards.map(\.name) == ["cat/list.csv#00000", "cat/list.csv#00001", "cat/list.csv#00002"])
            #expect(shards.map(\.kind) == [.manifest, .manifest, .manifest])
            let sample = try #require(try catalog.samples(ofShard: shards[0].id).first)
            #expect(sample.key == "S0")
            #expect(sample.captions == ["Chair 0"])
            #expect(try catalog.attributes(ofOrdinal: 1, inShard: shards[0].id).map(\.value) == [.real(1.5)])
            #expect(try Digest(hashing: SampleImages().bytes(of: sample)) == Digest(hashing: IngestFixture.image(0)))
        }
        let again = try await fixture.ingest(["cat/list.csv"])
        #expect(again.shards == [.unchanged: 3])
        #expect(again.examinedCount == 0)
        // A row less at the front, one with another title, one more at the end: ordinals stay.
        let identities = try Dictionary(samples().map { ($0.key, $0.identity) }) { first, _ in first }
        try writeCatalogue(2101, title: { $0 == 1500 ? "Stool" : "Chair \($0)" }, skipping: [0])
        let changed = try await fixture.ingest(["cat/list.csv"])
        #expect(changed.files == [.added: 1, .changed: 1, .renamed: 0, .removed: 1])
        #expect(changed.shards == [.updated: 1, .replaced: 1, .unchanged: 1, .added: 1])
        for sample in try samples() where sample.key != "S2100" { #expect(identities[sample.key] == sample.identity) }
        #expect(try samples().first { $0.key == "S1500" }?.captions == ["Stool"])
        try fixture.write("cat/img/49.png", IngestFixture.image(49))
        let found = try await fixture.ingest(["cat/list.csv"])
        #expect(found.quarantinedByReason.isEmpty)
        #expect(found.accounting.foundCount == 2100)
    }

    @Test func manifestsConvergeAfterAKill() async throws {
        for index in 0..<50 { try fixture.write("cat/img/\(index).png", IngestFixture.image(index)) }
        try writeCatalogue(3000)
        _ = try await fixture.ingest(["cat/list.csv"])
        let expected = try fixture.dump()
        for stopping in 1...3 {
            let path = "\(fixture.path)/\(stopping).sqlite"
            let stop = IngestFixture.quietStop()
            _ = try await fixture.ingest(["cat/list.csv"], into: path, stop: stop) {
                if $0 == stopping { stop.request() }
            }
            _ = try await fixture.ingest(["cat/list.csv"], into: path)
            #expect(try fixture.dump(path) == expected, "stopped after \(stopping)")
        }
    }

    @Test func manifestsThatCannotBeReadAreRefused() async throws {
        try fixture.write("a.csv", "foo,bar\n1,2\n")
        try fixture.write("b.parquet", "PAR1xxxx")
        for (name, words) in [("a.csv", "--image-column"), ("b.parquet", "read_parquet")] {
            await #expect {
                _ = try await fixture.ingest([name])
            } throws: { error in
                let error = error as? WorkflowError
                return error?.code == .badData && error?.message.contains(words) == true
            }
        }
        #expect(try fixture.dump() == "")
    }

    @Test func aPreviewShowsSamplesAndWritesNothing() async throws {
        try fixture.write("cat/img/0.png", IngestFixture.image(0))
        try writeCatalogue(3, title: { "A\nB \($0)" })
        var options = IngestOptions(sources: [fixture.path + "/cat/list.csv"])
        try options.read(exclude: [], captionTemplate: "{title} for {price}")
        let text = try IngestPreview.text(of: options, count: 2)
        #expect(text.contains("\nS0\n  image    img/0.png, png, 3 × 2\n"))
        #expect(text.contains("  caption  A B 0 for 0.5\n"))
        #expect(text.contains("  price = 0.5 (real)\n"))
        #expect(text.contains("S1: quarantined, file-missing"))
        #expect(!text.contains("S2"))
    }

    @Test func uncheckedImagesAreNotRead() async throws {
        try fixture.writeTar("t/0.tar", count: 20)
        let report = try await fixture.ingest(["t/0.tar"], change: { $0.check = .none })
        #expect(report.examinedByteCount < 20 * 100)
        let sample = try #require(try samples().first)
        #expect(sample.digest.isOfUnreadBytes)
        #expect(try SampleImages().bytes(of: sample) == IngestFixture.image(0))
        #expect(Set(try samples().map(\.digest)).count == 18)
        #expect(try await fixture.ingest(["t/0.tar"]).shards == [.replaced: 1])
    }

    @Test func aTextAmongTarsStopsNoRun() async throws {
        try fixture.writeTar("a.tar", count: 5)
        try fixture.write("notes.txt", "Kilts\n")
        let report = try await fixture.ingest(["notes.txt", "a.tar"])
        #expect(report.quarantinedByReason["source-unrecognized"] == 1)
        #expect(report.accounting.sampleCount == 5)
        await #expect(throws: WorkflowError.self) { _ = try await fixture.ingest(["notes.txt"]) }
    }

    @Test func namesThatLookAlikeAreTwoFiles() async throws {
        // One accented letter, and a letter with an accent behind it; and a name that starts with an accent.
        let names = ["p/caf\u{E9}.png", "p/cafe\u{301}.png", "p/\u{301}x.png", "p/b\u{301}/y.png"]
        for (number, name) in names.enumerated() { try fixture.write(name, IngestFixture.image(number)) }
        _ = try await fixture.ingest(["p"])
        let again = try await fixture.ingest(["p"])
        #expect(again.shards == [.unchanged: 1])
        #expect(again.examinedCount == 0)
        let images = SampleImages()
        for sample in try samples() { #expect(Digest(hashing: try images.bytes(of: sample)) == sample.digest) }
        try run("mv p/b\u{301} p/c")
        let renamed = try await fixture.ingest(["p"])
        #expect(renamed.files[.renamed] == 1)
        #expect(Set(try samples().map { Array($0.key.utf8) }).count == 4)
    }
}
