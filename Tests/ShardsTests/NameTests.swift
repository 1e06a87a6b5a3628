import Testing

@testable import Shards

@Suite struct NameTests {
    @Test(arguments: [
        ("a.jpg", "a", "jpg"), ("d/a.b.JPG", "d/a", "b.jpg"), ("d.e/a.txt", "d.e/a", "txt"), ("./a.x", "a", "x"),
        ("a.", "a", ""), ("d/ä b.json", "d/ä b", "json"),
    ])
    func dividesNamesInTarsAtTheFirstDot(_ path: String, _ key: String, _ suffix: String) throws {
        let parts = try #require(SampleKey.inTar(path.utf8))
        #expect(String(decoding: parts.key, as: UTF8.self) == key)
        #expect(String(decoding: parts.suffix, as: UTF8.self) == suffix)
    }

    @Test(arguments: ["a", "d/a", ".a", "d/.a.jpg", "", "d.e/a", "__a.b__", "d/"])
    func leavesOutNamesWithoutKey(_ path: String) {
        #expect(SampleKey.inTar(path.utf8) == nil)
    }

    @Test(arguments: [
        ("a.b.jpg", "a.b", "jpg"), ("d.e/a", "d.e/a", ""), ("d/.a", "d/.a", ""), ("d/a.PNG", "d/a", "png"),
    ])
    func dividesNamesInFoldersAtTheLastDot(_ path: String, _ key: String, _ suffix: String) {
        let parts = SampleKey.inFolder(path.utf8)
        #expect(String(decoding: parts.key, as: UTF8.self) == key)
        #expect(String(decoding: parts.suffix, as: UTF8.self) == suffix)
    }

    static let byteNames: [[UInt8]] = [
        [], [0x61], Array("ä/ö 漢字 🌟".utf8), [0xFF], [0x61, 0x00, 0x62], [0xC3], [0xC3, 0x28], [0xED, 0xA0, 0x80],
        [0xF4, 0x90, 0x80, 0x80], Array("\\".utf8), Array("\\x41".utf8), Array("\\\\x41".utf8), Array("a\\b".utf8),
        [0x5C, 0xFF], [0x5C, 0x78, 0xFF], Array("\\x".utf8), [0xE2, 0x82], Array(0...255),
    ]

    @Test(arguments: byteNames) func keepsAnyBytesAsText(_ bytes: [UInt8]) {
        let text = TextFromBytes.text(ofBytes: bytes)
        #expect(TextFromBytes.bytes(ofText: text) == bytes)
        #expect(!text.utf8.contains(0))
    }

    @Test func ordinaryNamesStayAsTheyAre() {
        for name in ["a/b c.jpg", "漢字", "a\\b", "C:\\dir"] {
            #expect(TextFromBytes.text(ofBytes: Array(name.utf8)) == name)
        }
        #expect(TextFromBytes.text(ofBytes: [0x61, 0xFF, 0x0]) == "a\\xFF\\x00")
    }

    @Test(arguments: [
        ("a.tar", ["a.tar"]), ("{00..03}.tar", ["00.tar", "01.tar", "02.tar", "03.tar"]),
        ("{8..10}", ["8", "9", "10"]), ("{08..10}", ["08", "09", "10"]), ("{3..1}", ["3", "2", "1"]),
        ("{7..7}x", ["7x"]), ("{a,b}/{0..1}", ["a/0", "a/1", "b/0", "b/1"]),
        ("{x{1..2},y}z", ["x1z", "x2z", "yz"]), ("a,b", ["a", "b"]), ("{a,b},c", ["a", "b", "c"]),
        ("a\\{1\\},b", ["a{1}", "b"]), ("a\\,b", ["a,b"]), ("../a..b/{1..2}", ["../a..b/1", "../a..b/2"]),
        ("{00000..00002}", ["00000", "00001", "00002"]), ("a\\b", ["a\\b"]),
    ])
    func expandsPatterns(_ pattern: String, _ names: [String]) throws {
        #expect(try BracePattern.expand(pattern) == names)
    }

    @Test(arguments: [
        "{", "}", "{a", "a}", "{}", "{a}", "{a,}", "a,,b", "{0..9999999}", "{0..99999999999999999999}",
        "{0..999}{0..999}{0..999}", String(repeating: "{a,", count: 40) + "b" + String(repeating: "}", count: 40),
    ])
    func refusesPatterns(_ pattern: String) {
        #expect {
            try BracePattern.expand(pattern)
        } throws: {
            ($0 as? ShardError)?.code == .patternInvalid
        }
    }

    @Test(arguments: [
        ("cat", "cat.jpg"), ("a/b/../c", "a_b_.._c.jpg"), ("../../etc/passwd", "_._.._etc_passwd.jpg"),
        ("..", "_.jpg"), ("", "_.jpg"), ("-rf", "_rf.jpg"), (".hidden", "_hidden.jpg"),
        ("a\u{0}b\u{1B}[31m", "a_b_[31m.jpg"),
        ("gpj\u{202E}exe", "gpj_exe.jpg"), ("C:\\x", "C__x.jpg"), ("漢字 🌟", "漢字 🌟.jpg"), ("a. ", "a.jpg"),
    ])
    func makesSafeNames(_ key: String, _ name: String) {
        #expect(SafeFileName(key: key, fileExtension: "jpg").text == name)
    }

    @Test func safeNamesAreShort() {
        let long = SafeFileName(key: String(repeating: "漢", count: 500), fileExtension: "jpg").numbered(9999)
        #expect(long.text.utf8.count <= 255)
        #expect(long.text.hasSuffix("-9999.jpg"))
    }

    @Test(
        arguments: [
            ("/a/b", "/a", "b"), ("/a", "/a", ""), ("/ab", "/a", nil), ("/a/b", "/", "a/b"), ("/b", "/a", nil),
            ("/a/\u{301}b", "/a", "\u{301}b"), ("/e\u{301}/b", "/\u{E9}", nil),
        ] as [(String, String, String?)])
    func relativePaths(_ path: String, _ folder: String, _ expected: String?) {
        #expect(SourcePath.relative(path, to: folder) == expected)
    }

    @Test func aNameMayStartWithACombiningMark() {
        let path = "/a/\u{301}b/\u{308}c"
        #expect(SourcePath.parent(path) == "/a/\u{301}b")
        #expect(SourcePath.lastComponents(path, count: 2) == "\u{301}b/\u{308}c")
        #expect(SourcePath.relative(ofFile: "../\u{308}x", base: "/a/\u{301}b", root: "/a") == "\u{308}x")
        #expect(SourcePath.relative(ofFile: "x", base: "/a", root: "/a/\u{301}b") == "../x")
    }
}
