import Foundation
import Samples
import Testing

@testable import Shards

@Suite struct WritingAndReadingBackTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(_ keys: [String], to name: String, maximumSampleCount: Int = 3) throws -> [ShardWriter
        .WrittenShard]
    {
        var writer = try ShardWriter(
            directory: folder.path + "/" + name, prefix: "s-", maximumSampleCount: maximumSampleCount)
        for (index, key) in keys.enumerated() {
            try writer.write(
                key: key,
                members: [
                    ("jpg", TarFixture.image(UInt8(index), count: 500 + index)), ("txt", Array("cap \(index)".utf8)),
                ])
        }
        return try writer.finish()
    }

    static let keys = [
        "plain", "with/folder/key", String(repeating: "n", count: 96), String(repeating: "n", count: 97),
        String(repeating: "d/", count: 70) + "key", String(repeating: "long", count: 90), "ümläut 漢字", "bytes\\xFF",
    ]

    @Test func whatIsWrittenIsRead() throws {
        let shards = try write(Self.keys, to: "out")
        #expect(
            shards.map { ($0.path as NSString).lastPathComponent } == ["s-00000.tar", "s-00001.tar", "s-00002.tar"])
        #expect(shards.map(\.sampleCount) == [3, 3, 2])
        var samples: [FoundSample] = []
        for shard in shards {
            let bytes = try #require(FileManager.default.contents(atPath: shard.path))
            #expect(bytes.count == shard.byteCount)
            #expect(bytes.count % 512 == 0)
            samples += try folder.items(Array(bytes)).map { try #require($0.sample) }
        }
        #expect(samples.map(\.key) == Self.keys)
        #expect(samples.enumerated().allSatisfy { $1.image.bytes == TarFixture.image(UInt8($0), count: 500 + $0) })
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/out").count == 3)
    }

    @Test func bytesAreTheSameTwice() throws {
        let first = try write(Self.keys, to: "one")
        let second = try write(Self.keys, to: "two")
        for (left, right) in zip(first, second) {
            #expect(FileManager.default.contents(atPath: left.path) == FileManager.default.contents(atPath: right.path))
        }
    }

    @Test(arguments: ["a.b", "", "/abs", "../up", "a/../b", "a//b", ".hidden", "nul\\x00"])
    func refusesKeysThatWouldComeBackDifferently(_ key: String) throws {
        var writer = try ShardWriter(directory: folder.path)
        do {
            try writer.write(key: key, members: [("jpg", [1])])
            Issue.record("'\(key)' was written")
        } catch {
            #expect(error.code == .sampleUnwritable)
        }
    }

    @Test func readsBytesBackAndNoticesChanges() throws {
        let shard = try #require(try write(["a", "b"], to: "out").first)
        let file = try ReadOnlyFile(path: shard.path)
        var tar = try TarSampleReader(file: file)
        _ = try tar.next()
        let sample = try #require(try tar.next()?.sample)
        let digest = Digest(hashing: sample.image.bytes)
        let reader = ShardReader(openFileCount: 1)
        // What cannot be fetched ahead is no matter.
        reader.prefetch([
            sample.image.location, MemberLocation(path: folder.path + "/none", range: sample.image.location.range),
            MemberLocation(path: "pipe:false", range: sample.image.location.range), sample.image.location,
        ])
        #expect(try reader.read(sample.image.location, expecting: file.facts, digest: digest) == sample.image.bytes)

        var bytes = Array(try #require(FileManager.default.contents(atPath: shard.path)))
        bytes[Int(sample.image.location.range.offset) + 10] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: shard.path))
        #expect(code { try reader.read(sample.image.location, digest: digest) } == .fileChanged)
        #expect(code { try reader.read(sample.image.location, expecting: file.facts) } == .fileChanged)
        try Data(bytes.prefix(1500)).write(to: URL(fileURLWithPath: shard.path))
        #expect(code { try reader.read(sample.image.location) } == .fileChanged)
        try FileManager.default.removeItem(atPath: shard.path)
        #expect(code { try reader.read(sample.image.location) } == .fileMissing)
    }

    private func code(_ body: () throws -> [UInt8]) -> ShardError.Code? {
        do {
            _ = try body()
            return nil
        } catch {
            return (error as? ShardError)?.code
        }
    }

    @Test func extractionStaysInItsFolder() throws {
        let outside = try folder.write("secret.txt", Array("keep".utf8))
        let target = folder.path + "/hits"
        let extractor = try HitExtractor(directory: target)
        for key in ["../secret", "/etc/passwd", "a/../../secret", "..", "x\u{0}y", ".bashrc"] {
            let path = try extractor.extract([1, 2, 3], key: key, fileExtension: "txt")
            #expect((path as NSString).deletingLastPathComponent == target, "\(key)")
            #expect(FileManager.default.fileExists(atPath: path))
        }
        #expect(FileManager.default.contents(atPath: outside) == Data("keep".utf8))
    }

    @Test func extractionNeverOverwritesNorFollowsLinks() throws {
        let outside = try folder.write("victim.jpg", [9])
        let target = folder.path + "/hits"
        let extractor = try HitExtractor(directory: target)
        #expect(try extractor.extract([1], key: "a", fileExtension: "jpg") == target + "/a.jpg")
        #expect(try extractor.extract([2], key: "a", fileExtension: "jpg") == target + "/a-2.jpg")
        #expect(try extractor.extract([1], key: "a", fileExtension: "jpg") == target + "/a.jpg")
        try FileManager.default.createSymbolicLink(atPath: target + "/b.jpg", withDestinationPath: outside)
        #expect(try extractor.extract([9], key: "b", fileExtension: "jpg") == target + "/b-2.jpg")
        #expect(FileManager.default.contents(atPath: outside) == Data([9]))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: target).sorted() == [
                "a-2.jpg", "a.jpg", "b-2.jpg", "b.jpg",
            ])
    }

    @Test(
        arguments: [
            ([0xFF, 0xD8, 0xFF], ContentKind.image), ([0x1F, 0x8B, 8], .compressed("gzip")),
            ([0x28, 0xB5, 0x2F, 0xFD], .compressed("zstd")), ([], .empty), ([0, 0, 0], .empty), ([1, 2, 3], .other),
        ] as [([UInt8], ContentKind)])
    func recognisesContent(_ bytes: [UInt8], _ kind: ContentKind) {
        #expect(ContentKind(firstBytes: bytes) == kind)
    }

    @Test func recognisesTars() {
        var tar = TarFixture()
        tar.header(Array("a.jpg".utf8), size: .octal(3))
        #expect(ContentKind(firstBytes: tar.bytes) == .tar)
        var old = TarFixture()
        old.header(Array("a.jpg".utf8), size: .octal(3), magic: .none)
        #expect(ContentKind(firstBytes: old.bytes) == .tar)
        var damaged = TarFixture()
        damaged.header(Array("a.jpg".utf8), size: .octal(3), breaksChecksum: true)
        #expect(ContentKind(firstBytes: damaged.bytes) == .damagedTar)
    }
}
