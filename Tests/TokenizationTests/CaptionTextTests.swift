import Foundation
import Testing

@testable import Tokenization

@Suite("Cleaning and pre-tokens")
struct CaptionTextTests {
    @Test(
        "cleaning",
        arguments: [
            ("", ""), ("   \t\r\n", ""), ("  A  Cat\n", "a cat"), ("ＡＢＣ　１２３！", "abc 123!"), ("ｶﾞ", "ガ"),
            ("e\u{301}", "é"), ("É", "é"), ("a\u{0}b\u{1B}[0m", "ab[0m"), ("x\u{202E}y\u{2066}z", "xyz"),
            ("“it’s”", "\"it's\""), ("ﬁsh", "fish"), ("❤\u{FE0F}", "❤"), ("a\u{200B}b", "a b"),
            ("İ", "i\u{307}"), ("\u{1100}\u{1161}\u{11A8}", "각"), ("soft\u{AD}hyphen", "softhyphen"),
        ])
    func cleaning(text: String, cleaned: String) {
        #expect(Array(CaptionText.cleaned(text).unicodeScalars) == Array(cleaned.unicodeScalars))
    }

    @Test(
        "pre-tokens",
        arguments: [
            ("An orange cat.", ["an", "orange", "cat", "."]),
            ("橙色的猫", ["橙", "色", "的", "猫"]),
            ("a猫b", ["a", "猫", "b"]),
            ("ネコがスーパーへ", ["ネコ", "が", "スーパー", "へ"]),
            ("らーめん", ["らーめん"]),
            ("고양이 cat고양이", ["고양이", "cat", "고양이"]),
            ("dog's don't they'll I'd", ["dog", "'s", "don", "'t", "they", "'ll", "i", "'d"]),
            (
                "'start' 'tis dogs' rock'n'roll",
                ["'", "start", "'", "'", "tis", "dogs", "'", "rock", "'", "n", "'", "roll"]
            ),
            ("2024 1,5", ["2", "0", "2", "4", "1", ",", "5"]),
            ("wow!!! 🙂🙂", ["wow", "!!!", "🙂🙂"]),
            ("कखि", ["कखि"]), ("可口可乐 24瓶", ["可", "口", "可", "乐", "2", "4", "瓶"]),
            ("々〇", ["々", "〇"]),
        ])
    func preTokens(text: String, expected: [String]) {
        #expect(CaptionText.preTokens(of: text) == expected)
    }

    @Test("a run ends after 64 scalars, and nothing is lost", arguments: [0, 1, 63, 64, 65, 127, 1000])
    func runs(length: Int) {
        for letter in ["a", "é", "あ", "가", "!", "🙂"] {
            let text = String(repeating: letter, count: length)
            let pieces = CaptionText.preTokens(of: text)
            #expect(pieces.joined() == text)
            #expect(pieces.count == (length + 63) / 64)
        }
    }

    @Test("cleaning twice is cleaning once, and pre-tokens hold all but spaces", arguments: 0..<200)
    func idempotent(seed: UInt64) {
        var generator = SeededGenerator(state: seed)
        let text = randomText(&generator, scalarCount: 40)
        let once = CaptionText.cleaned(text)
        #expect(Array(CaptionText.cleaned(once).utf8) == Array(once.utf8), "seed \(seed): \(once.debugDescription)")
        let joined = CaptionText.preTokens(of: text).map { Array($0.utf8) }.joined()
        #expect(Array(joined) == once.utf8.filter { $0 != 0x20 }, "seed \(seed)")
        for scalar in once.unicodeScalars {
            #expect(scalar.properties.generalCategory != .control, "seed \(seed)")
        }
    }

    @Test(
        "a long run without a resting point is composed as a short one is",
        arguments: [
            "\u{1112}\u{1161}\u{11AB}", "\u{1100}\u{1161}", "क\u{93C}", "α\u{301}", "ق\u{64B}", "\u{1F600}\u{2190}",
        ])
    func longRuns(piece: String) {
        let one = CaptionText.cleaned(piece)
        let many = CaptionText.cleaned(String(repeating: piece, count: 999))
        #expect(Array(many.utf8) == Array(String(repeating: one, count: 999).utf8))
    }

    @Test("at most 30 marks follow a letter")
    func marks() {
        let text = "b" + String(repeating: "\u{323}", count: 5000) + "c"
        #expect(CaptionText.cleaned(text).unicodeScalars.count == 31)
    }
}
