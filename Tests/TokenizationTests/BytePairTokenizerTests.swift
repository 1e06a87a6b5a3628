import Foundation
import Testing

@testable import Tokenization

@Suite("Encoding")
struct BytePairTokenizerTests {
    let tokenizer: BytePairTokenizer

    init() throws { tokenizer = try Golden.load().tokenizer() }

    @Test("framing")
    func framing() {
        #expect(tokenizer.padTokenID == 0)
        #expect(tokenizer.startTokenID == 1)
        #expect(tokenizer.endTokenID == 2)
        #expect(tokenizer.encode("", contextLength: 8) == [1, 2])
        #expect(tokenizer.encode("", contextLength: 2) == [1, 2])
        #expect(tokenizer.encode("cat", contextLength: 2) == [1, 2])
        let tokens = tokenizer.encode("A cat", contextLength: 64)
        #expect(tokens.first == 1 && tokens.last == 2 && tokens.count == 4)
        #expect(tokens == tokenizer.encode("  a\tCAT ", contextLength: 64))
    }

    @Test("round trip", arguments: 0..<100)
    func roundTrip(seed: UInt64) {
        var generator = SeededGenerator(state: seed &+ 1000)
        let text = randomText(&generator, scalarCount: 30)
        let encoded = tokenizer.encodeReportingTruncation(text, contextLength: 4096)
        #expect(encoded.droppedCharacterCount == 0)
        #expect(encoded.tokens.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize })
        let decoded = tokenizer.decode(encoded.tokens).utf8.filter { $0 != 0x20 }
        #expect(decoded == CaptionText.cleaned(text).utf8.filter { $0 != 0x20 }, "seed \(seed)")
    }

    @Test(
        "no text becomes a special token",
        arguments: ["<pad>", "<start>", "<end>", "a <end> b", "<|endoftext|>", "</w>"])
    func specials(text: String) {
        let body = tokenizer.encode(text, contextLength: 64).dropFirst().dropLast()
        #expect(body.count >= 3)
        #expect(body.allSatisfy { $0 > 2 })
    }

    @Test("truncation keeps the end token and counts what it drops")
    func truncation() {
        let text = "a cat 猫狗 in the sun"
        let whole = tokenizer.encodeReportingTruncation(text, contextLength: 64)
        #expect(!whole.wasTruncated)
        #expect(tokenizer.encodeReportingTruncation(text, contextLength: whole.tokens.count) == whole)
        for length in 2..<whole.tokens.count {
            let cut = tokenizer.encodeReportingTruncation(text, contextLength: length)
            #expect(cut.tokens.count == length)
            #expect(cut.tokens == Array(whole.tokens[..<(length - 1)]) + [2])
            #expect(cut.wasTruncated)
            let kept = tokenizer.decode(cut.tokens)
            if !kept.unicodeScalars.contains("\u{FFFD}") {
                let rest = text.dropFirst(kept.count).drop { $0 == " " }
                // 猫狗 decodes with a space between, which the text does not have.
                let expected = kept.contains("猫 狗") ? rest.count + 1 : rest.count
                #expect(abs(cut.droppedCharacterCount - expected) <= 1, "\(length): \(kept)")
            }
        }
        #expect(tokenizer.encodeReportingTruncation("a b c d", contextLength: 4).droppedCharacterCount == 3)
        // An unseen character of three byte tokens, cut after the second: it counts as dropped.
        #expect(tokenizer.encodeReportingTruncation("龘", contextLength: 4).droppedCharacterCount == 1)
    }

    @Test("merging agrees with the definition", arguments: 0..<200)
    func twin(seed: UInt64) throws {
        var generator = SeededGenerator(state: seed &+ 5000)
        let letters = Array("aeiourntslcd橙猫高")
        let length = 1 + Int(generator.next() % 20)
        let text = String((0..<length).map { _ in letters[Int(generator.next() % UInt64(letters.count))] })
        let expected = CaptionText.preTokens(of: text).flatMap { naive(Array($0.utf8)) }
        #expect(
            Array(tokenizer.encode(text, contextLength: 1000).dropFirst().dropLast()) == expected,
            "seed \(seed): \(text)")
    }

    /// Takes the lowest-ranked pair present and merges all its places, until none is ranked.
    private func naive(_ bytes: [UInt8]) -> [Int32] {
        var symbols: [Int32] = []
        tokenizer.vocabulary.baseSymbols(bytes.span, 0..<bytes.count, into: &symbols)
        let merges = tokenizer.vocabulary.table.merges
        while true {
            let present = Set(zip(symbols, symbols.dropFirst()).map { [$0, $1] })
            guard let merge = merges.first(where: { present.contains([$0.left, $0.right]) }) else { return symbols }
            var joined: [Int32] = []
            for symbol in symbols {
                if joined.last == merge.left && symbol == merge.right {
                    joined[joined.count - 1] = merge.result
                } else {
                    joined.append(symbol)
                }
            }
            symbols = joined
        }
    }

    @Test(
        "hostile lengths stay linear",
        arguments: [
            "a", "é", "猫", "あ", "각", "क\u{93F}", "!", "1", "\u{301}", "\u{202E}", " ", "\u{344}",
            "\u{1100}\u{1161}\u{11A8}",
            "ﾊﾟ", "'s", "\u{10FFFF}", "🙂\u{200D}",
        ])
    func hostile(piece: String) {
        // 2 MB each without a space; quadratic work would take hours.
        let text = String(repeating: piece, count: 2_000_000 / piece.utf8.count)
        let encoded = tokenizer.encodeReportingTruncation(text, contextLength: 77)
        #expect(encoded.tokens.count <= 77)
        var trainer = BytePairTrainer()
        trainer.add(text)
        #expect(trainer.uniquePreTokenCount < 100)
    }

    @Test("repaired scalars from broken UTF-8 and JSON surrogates encode like any other")
    func invalid() throws {
        let repaired = String(decoding: [0x61, 0xFF, 0xC3, 0x28, 0xED, 0xA0, 0x80, 0x62] as [UInt8], as: UTF8.self)
        let tokens = tokenizer.encode(repaired, contextLength: 64)
        #expect(tokenizer.decode(tokens).contains("\u{FFFD}"))
        // A lone surrogate in JSON is refused by the decoder; no String holds one.
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([String].self, from: Data(#"["a\ud83db"]"#.utf8))
        }
    }
}
