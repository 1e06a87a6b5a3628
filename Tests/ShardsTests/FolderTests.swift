import Foundation
import Testing

@testable import Shards

@Suite struct FolderTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func groups(limits: ShardLimits = ShardLimits()) throws -> (groups: [FolderGroup], failures: [ShardError]) {
        var walker = try FolderWalker(rootPath: folder.path, folder: "", limits: limits)
        var groups: [FolderGroup] = []
        var failures: [ShardError] = []
        while let step = walker.next() {
            switch step {
            case .group(let group): groups.append(group)
            case .failure(let error): failures.append(error)
            }
        }
        return (groups, failures)
    }

    @Test func walksInTheOrderOfPaths() throws {
        for name in [
            "b.jpg", "b/c.png", "b.txt", "a.jpg", "b-.jpg", ".hidden.jpg", ".vlmpipe/x.jpg", "b/d/e.jpg", "b/.x",
        ] {
            try folder.write(name, TarFixture.image(1))
        }
        let found = try groups().groups
        #expect(found.map(\.key) == ["a", "b", "b-", "b/c", "b/d/e"])
        #expect(found[1].candidates.map(\.path) == ["b.jpg"])
        #expect(found[1].texts.map(\.path) == ["b.txt"])
    }

    @Test func classifiesByContent() throws {
        var tar = TarFixture()
        tar.member("x.jpg", TarFixture.image(1))
        tar.end()
        try folder.write("g.jpg", TarFixture.image(1))
        try folder.write("g.xyz", TarFixture.image(2))
        try folder.write("h.dat", tar.bytes)
        try folder.write("i.png", Array("no picture".utf8))
        try folder.write("j.md", Array("# notes".utf8))
        let kinds = try groups().groups.flatMap { $0.classify(unknown: $0.candidates, rootPath: folder.path) }
        let items = kinds.compactMap { kind -> FolderItem? in if case .item(let item) = kind { item } else { nil } }
        #expect(items.map(\.key) == ["g.jpg", "g.xyz", "i"])
        #expect(items.map(\.isCollision) == [true, true, false])
        #expect(kinds.contains(.tar("h.dat")))
        #expect(kinds.last == .ignored)
    }

    @Test func readsASampleWithItsTexts() throws {
        try folder.write("d/a.jpg", TarFixture.image(1))
        try folder.write("d/a.txt", Array("cat".utf8))
        try folder.write("d/a.json", Array("{}".utf8))
        var lookup = FolderLookup(rootPath: folder.path)
        let known = lookup.item(forFileAt: "d/a.jpg", key: "d/a")
        let item = try #require(known)
        let sample = try #require(FolderSamples.read(item, ordinal: 5, rootPath: folder.path).sample)
        #expect(sample.ordinal == 5)
        #expect(sample.image.bytes == TarFixture.image(1))
        #expect(sample.image.location.path == "d/a.jpg")
        #expect(sample.texts.map(\.suffix) == ["json", "txt"])
        for path in ["d/b.jpg", "e/b.jpg"] {
            let missing = lookup.item(forFileAt: path, key: "b")
            #expect(missing == nil)
        }
    }

    @Test func doesNotFollowLinksToFoldersNorWaitForPipes() throws {
        try folder.write("a.jpg", TarFixture.image(1))
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/loop", withDestinationPath: folder.path)
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/l.jpg", withDestinationPath: "a.jpg")
        #expect(unsafe mkfifo(folder.path + "/p.jpg", 0o600) == 0)
        #expect(try groups().groups.map(\.key) == ["a", "l"])
        #expect(throws: ShardError.self) { try ReadOnlyFile(path: folder.path + "/p.jpg") }
    }

    @Test func keepsNamesThatAreNotUTF8() throws {
        let name = Array((folder.path + "/").utf8) + [0xFF, 0x61] + Array(".jpg".utf8)
        let terminated = (name + [0]).map { CChar(bitPattern: $0) }
        let descriptor = unsafe open(terminated, O_CREAT | O_WRONLY, 0o600)
        #expect(descriptor >= 0)
        let image = TarFixture.image(3)
        #expect(unsafe write(descriptor, image, image.count) == image.count)
        close(descriptor)
        let group = try #require(try groups().groups.first)
        #expect(group.key == "\\xFFa")
        let candidate = group.classify(unknown: group.candidates, rootPath: folder.path).first
        guard case .item(let item)? = candidate else {
            Issue.record("no item: \(String(describing: candidate))")
            return
        }
        #expect(FolderSamples.read(item, ordinal: 0, rootPath: folder.path).sample?.image.bytes == image)
    }

    @Test func stopsAtADepth() throws {
        try folder.write("1/2/3/4/a.jpg", TarFixture.image(1))
        try folder.write("1/b.jpg", TarFixture.image(1))
        var limits = ShardLimits()
        limits.maximumFolderDepth = 3
        let result = try groups(limits: limits)
        #expect(result.groups.map(\.key) == ["1/b"])
        #expect(result.failures.map(\.code) == [.folderTooDeep])
    }
}
