import Foundation
import Samples
import Testing

@testable import Shards

/// Tars that can only be read forward: compressed files, and what programs and web servers send.
@Suite struct StreamTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A tar of `count` samples, each with an image and a caption.
    private func tar(count: Int, imageByteCount: Int = 3000) throws -> String {
        var tar = TarFixture()
        for index in 0..<count {
            tar.member("k\(1000 + index).jpg", TarFixture.image(UInt8(index & 255), count: imageByteCount + index))
            tar.member("k\(1000 + index).txt", Array("caption \(index)".utf8))
        }
        tar.end()
        return try folder.write("plain.tar", tar.bytes)
    }

    private func run(_ command: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(command)")
    }

    private func items(_ bytes: consuming ShardBytes, from cursor: TarCursor = .start) throws -> [ShardItem] {
        var reader = TarSampleReader(bytes, from: cursor)
        var items: [ShardItem] = []
        while let item = try reader.next() { items.append(item) }
        return items
    }

    private func open(_ name: String) throws -> ShardBytes {
        try ShardBytes(file: try ReadOnlyFile(path: folder.path + "/" + name))
    }

    private func stream(_ source: String, stallSeconds: Int = 20) throws -> ShardBytes {
        try ShardBytes(try #require(StreamAddress(source: source)), stallSeconds: stallSeconds)
    }

    /// What identifies an item whatever it was read from.
    private func facts(_ items: [ShardItem]) -> [String] {
        items.map { item in
            switch item {
            case .sample(let sample):
                "\(sample.ordinal) \(sample.key) \(sample.image.location.range) \(Digest(hashing: sample.image.bytes)) "
                    + "\(sample.texts.map(\.bytes))"
            case .rejected(let item): "\(item)"
            }
        }
    }

    @Test(arguments: ["gzip -k", "zstd -q -k", "two members"])
    func compressedTarsGiveTheSame(_ command: String) throws {
        let path = try tar(count: 50)
        if command == "two members" {
            try run("(head -c 70000 plain.tar | gzip; tail -c +70001 plain.tar | gzip) > plain.tar.gz")
        } else {
            try run(command + " plain.tar")
        }
        let name = command.hasPrefix("zstd") ? "plain.tar.zst" : "plain.tar.gz"
        let plain = try items(open("plain.tar"))
        #expect(plain.count == 50)
        let compressed = try open(name)
        let (kind, compression, isSeekable) = (compressed.kind, compressed.compression, compressed.isSeekable)
        #expect(kind == .tar)
        #expect(compression == (name.hasSuffix("gz") ? "gzip" : "zstd"))
        #expect(!isSeekable)
        #expect(facts(try items(compressed)) == facts(plain))
        #expect(
            try TarHeaderDigest.ofFile(try ReadOnlyFile(path: folder.path + "/" + name))
                == TarHeaderDigest.ofFile(try ReadOnlyFile(path: path)))
    }

    @Test func goesOnFromACursor() throws {
        _ = try tar(count: 30)
        try run("gzip -k plain.tar")
        var reader = TarSampleReader(try open("plain.tar.gz"))
        var first: [ShardItem] = []
        for _ in 0..<11 { first.append(try #require(try reader.next())) }
        let rest = try items(open("plain.tar.gz"), from: reader.cursor)
        #expect(facts(first + rest) == facts(try items(open("plain.tar"))))
    }

    /// Cut anywhere and with any byte changed, a compressed tar gives whole samples and at most one item for the rest.
    @Test(arguments: ["gz", "zst"]) func damageIsOneItem(_ suffix: String) throws {
        _ = try tar(count: 12, imageByteCount: 50)
        try run(suffix == "gz" ? "gzip -k plain.tar" : "zstd -q -k plain.tar")
        let good = try items(open("plain.tar")).compactMap { $0.sample?.image }
        let bytes = Array(try #require(FileManager.default.contents(atPath: folder.path + "/plain.tar." + suffix)))
        for cut in stride(from: 4, to: bytes.count, by: 7) {
            try folder.write("cut", Array(bytes[..<cut]))
            let opened = try open("cut")
            if case .damagedCompression = opened.kind { continue }
            let found = try items(opened)
            let images = found.compactMap { $0.sample?.image.bytes }
            #expect(images == good.prefix(found.count - 1).map(\.bytes))
            #expect(found.last?.rejected?.code == .compressionDamaged)
        }
        for place in stride(from: 4, to: bytes.count, by: 5) {
            var changed = bytes
            changed[place] ^= 0x55
            try folder.write("changed", changed)
            let found = try items(open("changed"))
            #expect(found.count <= 40)
        }
    }

    @Test func membersOfCompressedTarsAreReadBack() throws {
        _ = try tar(count: 40)
        try run("zstd -q -k plain.tar")
        let samples = try items(open("plain.tar.zst")).compactMap(\.sample)
        let reader = ShardReader()
        for sample in samples + samples.reversed() {
            let bytes = try reader.read(
                sample.image.location, digest: Digest(hashing: sample.image.bytes))
            #expect(bytes == sample.image.bytes)
        }
    }

    @Test func aShardIsReadOnceForAllInOrder() throws {
        _ = try tar(count: 40)
        try run("gzip -k plain.tar")
        let file = try ReadOnlyFile(path: folder.path + "/plain.tar.gz")
        let shard = SequentialShard(.file(file))
        let samples = try items(open("plain.tar")).compactMap(\.sample)
        for sample in samples {
            #expect(try shard.read(sample.image.location.range) == sample.image.bytes)
        }
        #expect(shard.openCount == 1)
        #expect { try shard.read(ByteRange(offset: 1 << 40, byteCount: 4)) } throws: {
            ($0 as? ShardError)?.code == .fileChanged
        }
    }

    @Test func commandsAreStreamed() throws {
        let path = try tar(count: 25)
        let plain = facts(try items(open("plain.tar")))
        #expect(facts(try items(stream("pipe:cat '\(path)'"))) == plain)
        #expect(facts(try items(stream("pipe:gzip -c < '\(path)'"))) == plain)
    }

    @Test func aCommandThatFailsIsAnErrorNotDamage() throws {
        let path = try tar(count: 25)
        for command in ["pipe:head -c 20000 '\(path)'; echo no more >&2; exit 3", "pipe:cat '\(path)'; exit 3"] {
            var reader = TarSampleReader(try stream(command))
            #expect {
                while try reader.next() != nil {}
            } throws: { error in
                let error = error as? ShardError
                return error?.code == .streamFailed && error?.cause?.contains("exit status 3") == true
            }
        }
        #expect { _ = try stream("pipe:exit 7") } throws: { ($0 as? ShardError)?.code == .streamFailed }
    }

    @Test func aStreamThatStallsIsLeft() throws {
        // Nobody writes to the pipe, so nothing comes; it is the limit of the stream that ends the waiting.
        #expect(unsafe mkfifo(folder.path + "/quiet", 0o600) == 0)
        #expect {
            _ = try stream("pipe:printf x; cat '\(folder.path)/quiet'", stallSeconds: 1)
        } throws: {
            ($0 as? ShardError)?.code == .streamStalled
        }
    }

    @Test func webAddressesAreReadWithCurl() throws {
        // curl itself opens no files when told to use the web only, so this shows that it ran, and how it failed.
        #expect {
            _ = try stream("http://127.0.0.1:1/a.tar")
        } throws: { error in
            let error = error as? ShardError
            return error?.code == .streamFailed && error?.path == "http://127.0.0.1:1/a.tar"
        }
    }

    @Test func commandsOfACatalogAreNotRun() throws {
        let address = try #require(StreamAddress(source: "pipe:touch '\(folder.path)/ran'"))
        let location = MemberLocation(path: address.text, range: ByteRange(offset: 512, byteCount: 1))
        #expect { _ = try ShardReader().read(location) } throws: { ($0 as? ShardError)?.code == .commandRefused }
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/ran"))
        #expect { _ = try ShardReader(runsCommands: true).read(location) } throws: {
            ($0 as? ShardError)?.code == .fileChanged
        }
        #expect(FileManager.default.fileExists(atPath: folder.path + "/ran"))
    }

    @Test(
        arguments: [
            ("https://h.org/d/a.tar", "h.org/d/a.tar"), ("https://h.org/a.tar?token=s/x", "h.org/a.tar"),
            ("pipe:cat /x/y", "pipe:cat /x/y"),
        ])
    func addressesHaveNames(_ source: String, _ name: String) throws {
        let address = try #require(StreamAddress(source: source))
        #expect(address.text == source)
        #expect(address.shardName == name)
        for path in ["/data/pipe:/x", "pipe:", "https:/x", "a.tar"] { #expect(StreamAddress(source: path) == nil) }
    }

    @Test func imagesNeedNotBeRead() throws {
        _ = try tar(count: 5)
        var reader = try TarSampleReader(
            file: try ReadOnlyFile(path: folder.path + "/plain.tar"), readsImages: false)
        let sample = try #require(try reader.next()?.sample)
        #expect(sample.image.bytes.count == ImageFormat.recognitionByteCount)
        #expect(!sample.image.isWhole)
        #expect(sample.texts.count == 1)
    }
}
