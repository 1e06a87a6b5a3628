import Testing

@testable import Reports

@Suite("Terminal text")
struct TerminalTests {
    @Test(
        "control characters never reach a terminal",
        arguments: [
            ("a\u{1B}[31mb", "a[31mb"), ("a\u{9B}31m", "a31m"), ("x\ny\tz", "x y z"), ("\u{202E}abc\u{2066}", "abc"),
            ("  a  b ", "a b"), ("", ""), ("\u{0}\u{7}", ""), ("a\u{200B}b\u{FEFF}", "ab"),
            ("क्\u{200D}ष", "क्\u{200D}ष"),
            ("a\u{2028}b", "a b"), ("]0;title\u{7}", "]0;title"),
        ])
    func sanitized(text: String, expected: String) {
        #expect(Array(TerminalText.sanitized(text).unicodeScalars) == Array(expected.unicodeScalars))
    }

    @Test("nothing hostile survives", arguments: hostileTexts)
    func hostile(text: String) {
        for scalar in TerminalText.sanitized(text).unicodeScalars { #expect(!scalar.isUnsafeToShow) }
        let table = TerminalTable(columns: [.init(text), .init("b")], rows: [[text, text]])
        let lines = table.text(width: 40, usesColor: false).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 3)
        for line in lines { #expect(TerminalText.width(String(line)) <= 40) }
    }

    @Test(
        "display width",
        arguments: [
            ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("猫", 2), ("ネコ", 4), ("ｶ", 1), ("！", 2), ("각", 2),
            ("\u{1100}\u{1161}", 2), ("🙂", 2), ("👨‍👩‍👧", 2), ("❤\u{FE0F}", 2), ("🇩🇪", 2), ("…", 1), ("กำ", 2), ("قطة", 3),
        ])
    func width(text: String, expected: Int) {
        #expect(TerminalText.width(text) == expected)
    }

    @Test("truncation never exceeds the width and marks what is missing", arguments: 0..<14)
    func truncation(width: Int) {
        for text in ["an orange cat", "橙色的猫在阳光下", "a猫b狗c", "", "🙂🙂🙂🙂🙂🙂🙂🙂"] {
            let cut = TerminalText.truncated(text, toWidth: width)
            #expect(TerminalText.width(cut) <= width)
            if TerminalText.width(text) <= width {
                #expect(cut == text)
            } else if width > 0 {
                #expect(cut.hasSuffix("…"))
                #expect(TerminalText.width(cut) >= width - 1)
            }
        }
    }

    @Test("a table, exactly")
    func table() {
        var table = TerminalTable(
            columns: [
                .init("#", alignsRight: true), .init("score", alignsRight: true), .init("caption", isFlexible: true),
                .init("key"),
            ])
        table.rows = [["1", "0.312", "an orange cat in the sun", "k1"], ["10", "0.2", "橙色的猫在阳光下", "k2"], ["11"]]
        #expect(
            table.text(width: nil, usesColor: false) == """
                 #  score  caption                   key
                 1  0.312  an orange cat in the sun  k1
                10    0.2  橙色的猫在阳光下          k2
                11

                """)
        #expect(
            table.text(width: 29, usesColor: false) == """
                 #  score  caption        key
                 1  0.312  an orange ca…  k1
                10    0.2  橙色的猫在阳…  k2
                11

                """)
    }

    @Test("colour only when asked, and width holds however narrow", arguments: [1, 5, 9, 20, 80])
    func colour(width: Int) {
        let table = TerminalTable(
            columns: [.init("#"), .init("caption", isFlexible: true), .init("key", isFlexible: true)],
            rows: [["1", String(repeating: "caption ", count: 9), String(repeating: "k", count: 50)]])
        let plain = table.text(width: width, usesColor: false)
        #expect(!plain.contains("\u{1B}"))
        for line in plain.split(separator: "\n") { #expect(TerminalText.width(String(line)) <= max(width, 7)) }
        let coloured = table.text(width: width, usesColor: true)
        #expect(coloured.contains("\u{1B}[1m"))
        let stripped = coloured.replacing("\u{1B}[1m", with: "").replacing("\u{1B}[2m", with: "").replacing(
            "\u{1B}[0m", with: "")
        #expect(stripped == plain)
    }
}
