import Foundation
import Testing

@testable import Tokenization

/// What `Tests/Peers/tokenizer_openai_golden.py` wrote.
struct ClipGolden: Decodable, Sendable {
    /// The libraries whose ids the file has.
    static let cleanings: [TextCleaning] = [.openClip, .huggingFaceFast, .huggingFaceSlow]

    struct Case: Decodable, Sendable {
        var text: String
        var openClip: [Int32]
        /// Only where they differ from open_clip's.
        var huggingFaceFast: [Int32]?
        var huggingFaceSlow: [Int32]?

        func ids(_ cleaning: TextCleaning) -> [Int32] {
            switch cleaning {
            case .openClip, .openClipCanonicalize, .openClipWhitespace: openClip
            case .huggingFaceFast, .huggingFaceLowercase: huggingFaceFast ?? openClip
            case .huggingFaceSlow: huggingFaceSlow ?? openClip
            }
        }
    }

    var cases: [Case]

    static func load() throws -> ClipGolden {
        try JSONDecoder().decode(ClipGolden.self, from: Data(try Golden.bytes("clip/golden.json")))
    }
}

/// A temporary folder with some files of the fixture.
final class ClipFolder {
    let url = FileManager.default.temporaryDirectory.appending(path: "vlmpipe-clip-\(UUID().uuidString)")

    init(_ names: [String]) throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        for name in names { try write(try Golden.bytes("clip/\(name)"), to: name) }
    }

    deinit {
        do {
            try FileManager.default.removeItem(at: url)
        } catch {
            // The system clears its temporary folder; a test must not fail for that.
            print("not removed: \(url.path): \(error)")
        }
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: url.appending(path: name))
    }

    /// Replaces a part of a file that must be there.
    func replace(_ part: String, by other: String, in name: String) throws {
        let text = String(decoding: try Data(contentsOf: url.appending(path: name)), as: UTF8.self)
        #expect(text.contains(part))
        try write(Array(text.replacingOccurrences(of: part, with: other).utf8), to: name)
    }

    func tokenizer(
        _ cleaning: TextCleaning = .openClip, specialStrings: SpecialStrings = .escaped
    ) throws(TokenizationError) -> ClipTokenizer {
        try ClipTokenizer(directory: url, cleaning: cleaning, specialStrings: specialStrings)
    }

    func failure() -> TokenizationError? {
        do throws(TokenizationError) {
            _ = try tokenizer()
            return nil
        } catch {
            return error
        }
    }
}

let clipFileForms = [["bpe_simple_vocab_16e6.txt"], ["vocab.json", "merges.txt"], ["tokenizer.json"]]

@Suite("CLIP tokenizer")
struct ClipTokenizerTests {
    @Test("ids of open_clip, tokenizers and transformers", arguments: ClipGolden.cleanings, clipFileForms)
    func golden(cleaning: TextCleaning, files: [String]) throws {
        let folder = try ClipFolder(files)
        let tokenizer = try folder.tokenizer(cleaning, specialStrings: .recognised)
        let escaping = try folder.tokenizer(cleaning)
        let cases = try ClipGolden.load().cases
        #expect(cases.count >= 600)
        #expect(tokenizer.vocabularySize == 2014)
        #expect(tokenizer.startTokenID == 2012 && tokenizer.endTokenID == 2013)
        for golden in cases {
            let ids = tokenizer.encode(golden.text, contextLength: 77)
            #expect(ids == golden.ids(cleaning), "\(golden.text.debugDescription)")
            let hasSpecial = golden.ids(cleaning).dropFirst().dropLast().contains { $0 >= 2012 }
            let escaped = escaping.encode(golden.text, contextLength: 77)
            #expect(escaped.dropFirst().dropLast().allSatisfy { $0 < 2012 }, "\(golden.text.debugDescription)")
            // The name of a special token written with ſ is one pre-token, but not that token.
            let isNearSpecial = ["of_text>", "text|>"].contains {
                golden.text.range(of: $0, options: .literal) != nil
            }
            if !hasSpecial && !isNearSpecial {
                #expect(escaped == golden.ids(cleaning), "\(golden.text.debugDescription)")
            }
        }
    }

    @Test("the flavours differ where the libraries do")
    func flavours() {
        #expect(TextCleaning.openClip.cleaned(" A &amp;amp; B\u{3000}“ΟΔΥΣΣΕΥΣ” ﬁ！") == "a & b \"οδυσσευς\" fi!")
        #expect(TextCleaning.huggingFaceFast.cleaned("A &amp; ΑΣ ﬁ！") == "a &amp; ασ ﬁ！")
        #expect(TextCleaning.huggingFaceSlow.cleaned("A猫\u{7}ΑΣ") == "a 猫 ας")
        #expect(
            TextCleaning.huggingFaceFast.cleaned("İ e\u{301}").unicodeScalars.map(\.value) == [0x69, 0x307, 32, 0xE9])
    }

    @Test(
        "HTML references as browsers read them",
        arguments: [
            ("&notit;", "¬it;"), ("&not", "¬"), ("&#x41;&#66", "AB"), ("&#150;", "–"),
            ("&#0;&#xD800;", "\u{FFFD}\u{FFFD}"),
            ("&#11;x&#xFFFE;", "x"), ("&unknown; &", "&unknown; &"), ("&acE;", "∾\u{333}"), ("&#;&#x;", "&#;&#x;"),
            ("&#99999999999999999999;", "\u{FFFD}"), ("&CounterClockwiseContourIntegral;", "∳"),
        ])
    func references(text: String, expected: String) {
        let decoded = CharacterReferences.standard.decoded(Array(text.unicodeScalars))
        #expect(decoded == Array(expected.unicodeScalars))
    }

    @Test("framing and truncation keep the end token and count what is dropped")
    func truncation() throws {
        let tokenizer = try ClipFolder(["tokenizer.json"]).tokenizer()
        #expect(tokenizer.encode("", contextLength: 77) == [2012, 2013])
        #expect(tokenizer.encode("cat", contextLength: 2) == [2012, 2013])
        #expect(tokenizer.encodeReportingTruncation("cat", contextLength: 2).droppedCharacterCount == 3)
        let text = "a photo of 3 cats, 猫"
        let whole = tokenizer.encodeReportingTruncation(text, contextLength: 77)
        #expect(!whole.wasTruncated)
        for length in 2..<whole.tokens.count {
            let cut = tokenizer.encodeReportingTruncation(text, contextLength: length)
            #expect(cut.tokens == Array(whole.tokens[..<(length - 1)]) + [2013])
            #expect(cut.wasTruncated)
        }
        #expect(tokenizer.encodeReportingTruncation(text, contextLength: whole.tokens.count) == whole)
        let recognising = try ClipFolder(["vocab.json", "merges.txt"])
            .tokenizer(.huggingFaceFast, specialStrings: .recognised)
        let dropped = recognising.encodeReportingTruncation("a b<|endoftext|>cd", contextLength: 3)
        #expect(dropped.tokens.count == 3 && dropped.droppedCharacterCount == 4)
    }

    @Test("long runs merge as short ones do", arguments: 0..<50)
    func longRuns(seed: UInt64) throws {
        let vocabulary = try ClipFolder(["tokenizer.json"]).tokenizer().vocabulary
        var generator = SeededGenerator(state: seed)
        let letters = Array("aeinorst".utf8)
        let count = 1 + Int(generator.next() % 300)
        let symbols = (0..<count).map { _ in
            vocabulary.baseIDs[Int(letters[Int(generator.next() % UInt64(letters.count))])]
        }
        var (long, short) = (symbols, symbols)
        var ranks: [Int32] = []
        vocabulary.table.applyToLongRun(&long)
        vocabulary.table.apply(to: &short, ranks: &ranks)
        #expect(long == short)
    }

    @Test(
        "hostile texts take no quadratic time", .timeLimit(.minutes(1)), arguments: ClipGolden.cleanings,
        [
            "a", "é", "猫", "!", "\u{301}", "\u{315}\u{301}", "Σ\u{301}", "&amp;", "&amp", "&", "<|", "\u{1B}[", "'s",
            "\u{1100}\u{1161}\u{11A8}", "\n", "amp;amp;",
        ])
    func hostile(cleaning: TextCleaning, piece: String) throws {
        let tokenizer = try ClipFolder(["bpe_simple_vocab_16e6.txt"]).tokenizer(cleaning, specialStrings: .recognised)
        let text = "&" + String(repeating: piece, count: 400_000 / piece.utf8.count)
        let tokens = tokenizer.encode(text, contextLength: 77)
        #expect(tokens.count <= 77 && tokens.last == tokenizer.endTokenID)
    }
}
