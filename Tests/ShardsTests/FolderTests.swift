import Foundation
import Testing

@testable import Shards

@Suite struct FolderTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func groups(limits: ShardLimits = ShardLimits()) throws -> (groups: [FolderGroup], failures: [ShardError]) {
        let found = try walk(limits: limits)
        return (found.groups, found.failures)
    }

    private func walk(
        _ name: String = "", excludes: [GlobPattern] = [], limits: ShardLimits = ShardLimits()
    ) throws -> (groups: [FolderGroup], failures: [ShardError], tally: FolderTally) {
        var walker = try FolderWalker(rootPath: folder.path, folder: name, excludes: excludes, limits: limits)
        var groups: [FolderGroup] = []
        var failures: [ShardError] = []
        while let step = walker.next() {
            switch step {
            case .group(let group): groups.append(group)
            case .failure(_, let error): failures.append(error)
            }
        }
        return (groups, failures, walker.tally)
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
        #expect(kinds.last == .ignored(.other(label: ".md")))
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

    @Test func followsEachFolderOnceAndNamesLoops() throws {
        let elsewhere = try TemporaryFolder()
        try elsewhere.write("far/z.jpg", TarFixture.image(1))
        try folder.write("a.jpg", TarFixture.image(1))
        try folder.write("m/b.jpg", TarFixture.image(1))
        for (link, target) in [
            ("loop", folder.path), ("m/up", ".."), ("above", "/"), ("again", "m"), ("out", elsewhere.path),
            ("out2", elsewhere.path + "/far"), ("l.jpg", "a.jpg"), ("broken.jpg", "nowhere"),
        ] {
            try FileManager.default.createSymbolicLink(atPath: folder.path + "/" + link, withDestinationPath: target)
        }
        try FileManager.default.createSymbolicLink(
            atPath: elsewhere.path + "/far/back", withDestinationPath: folder.path)
        #expect(unsafe mkfifo(folder.path + "/p.jpg", 0o600) == 0)
        let (groups, failures, tally) = try walk()
        #expect(groups.map(\.key) == ["a", "l", "m/b", "out/far/z"])
        #expect(failures.isEmpty)
        #expect(tally.loops == ["above", "loop", "m/up", "out/far/back"])
        #expect(tally.loopCount == 4)
        #expect(tally.repeatedLinkCount == 2)
        #expect(tally.specialCount == 2)
        #expect(throws: ShardError.self) { try ReadOnlyFile(path: folder.path + "/p.jpg") }
    }

    @Test func countsWhatIsHiddenAndExcluded() throws {
        for name in [
            "a.jpg", "._a.jpg", ".b.jpg", ".git/c.jpg", "thumbs/d.jpg", "x/thumbs/e.jpg", "x/f small.jpg", "x/g.jpg",
            "x/y/h.jpg", "x/naïve?.jpg",
        ] {
            try folder.write("top/" + name, TarFixture.image(1))
        }
        let excludes = try ["thumbs/", "* small.jpg", "x/y/**"].map { try GlobPattern($0) }
        let (groups, _, tally) = try walk("top", excludes: excludes)
        #expect(groups.map(\.key) == ["top/a", "top/x/g", "top/x/naïve?"])
        #expect(tally.appleDoubleCount == 1)
        #expect(tally.hiddenCount == 2)
        #expect(tally.excludedCount == 4)
    }

    @Test func saysWhatItLeavesAlone() throws {
        for (name, bytes) in [
            ("c.CR2", Array("II*".utf8)), ("d_stats.json", [0x7B, 0x7D]),
            ("e.parquet", Array("PAR1".utf8)), ("f", [1]), ("g.tgz", [0x1F, 0x8B]), ("h.svg.gz", [0x1F, 0x8B]),
        ] {
            try folder.write(name, bytes)
        }
        let kinds = try walk().groups.flatMap { group in
            group.classify(unknown: group.candidates, rootPath: folder.path)
        }
        #expect(
            kinds == [
                .ignored(.raw), .ignored(.other(label: ".parquet")),
                .ignored(.other(label: "no extension")), .tar("g.tgz"), .ignored(.other(label: ".gz")),
            ])
        #expect(IgnoredFile(path: "x/00000_stats.json") == .other(label: "_stats.json"))
    }

    @Test(
        arguments: [
            ("*.jpg", "a/b.jpg", true), ("*.jpg", "b.jpeg", false), ("a/*", "a/b/c", false), ("a/**", "a/b/c", true),
            ("**/c", "c", true), ("**/c", "x/y/c", true), ("a?c", "aéc", true), ("a?c", "a/c", false),
            ("[!a-c]x", "dx", true), ("[!a-c]x", "bx", false), ("[]]", "]", true), ("/a", "x/a", false),
            ("/a", "a", true), ("\\*", "*", true), ("\\*", "b", false),
            (String(repeating: "*a", count: 40), String(repeating: "a", count: 4000) + "b", false),
        ] as [(String, String, Bool)])
    func globs(_ pattern: String, _ path: String, _ isMatch: Bool) throws {
        #expect(try GlobPattern(pattern).matches(path.utf8) == isMatch)
    }

    @Test(arguments: ["", "[a", "[b-a]"]) func globsThatMeanNothing(_ pattern: String) {
        #expect { _ = try GlobPattern(pattern) } throws: { ($0 as? ShardError)?.code == .patternInvalid }
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
