import Foundation
import Testing

@testable import Tokenization

@Suite("SigLIP and SigLIP 2 tokenizers")
struct SentencePieceTokenizerTests {
    @Test("ids of transformers, open_clip and sentencepiece", arguments: PieceFolder.names)
    func golden(name: String) throws {
        let golden = try SentencePieceGolden.load()
        let folder = try PieceFolder(name)
        let cases = golden.cases.filter { $0.folder == name }
        #expect(!cases.isEmpty && golden.texts.count >= 300)
        for one in cases {
            let tokenizer = try folder.tokenizer(one.cleaning, .recognised)
            #expect(tokenizer.padTokenID == (name.hasPrefix("gemma") ? 0 : 1))
            #expect(tokenizer.endTokenID == 1 && tokenizer.startTokenID == nil)
            for (text, ids) in zip(golden.texts, golden.expected[one.expected]) {
                #expect(
                    tokenizer.encode(text, contextLength: one.length) == ids,
                    "\(one.cleaning) \(text.prefix(80).debugDescription)")
            }
        }
    }

    @Test("names of special tokens in a text stay text", arguments: PieceFolder.names)
    func escaped(name: String) throws {
        let folder = try PieceFolder(name)
        let isGemma = name.hasPrefix("gemma")
        let specials = isGemma ? ["<eos>", "<bos>", "<start_of_turn>", "<pad>"] : ["</s>", "<unk>", "<pad>"]
        for cleaning in [TextCleaning.openClipWhitespace, .huggingFaceFast, .huggingFaceSlow, .huggingFaceLowercase] {
            let tokenizer = try folder.tokenizer(cleaning)
            for special in specials {
                let ids = tokenizer.encode("a \(special) b", contextLength: 64)
                #expect(
                    ids.last == 1 && !ids.dropLast().contains { [0, 1].contains($0) }, "\(cleaning) \(special) \(ids)")
                if isGemma { #expect(!ids.contains { $0 == 4 || $0 == 5 }) }
            }
        }
        // A user-defined piece is content.
        if isGemma {
            let ids = try folder.tokenizer(.huggingFaceFast).encode("a<table>b\n\nc", contextLength: 64)
            #expect(ids.contains(11) && ids.contains(8))
        }
    }

    @Test("long texts keep their end token, and what was dropped is counted", arguments: PieceFolder.names)
    func truncation(name: String) throws {
        let tokenizer = try PieceFolder(name).tokenizer(.openClipCanonicalize)
        let whole = tokenizer.encodeReportingTruncation("a dog a dog a dog", contextLength: 64)
        #expect(!whole.wasTruncated && whole.tokens.last == 1)
        for length in 2..<whole.tokens.count {
            let cut = tokenizer.encodeReportingTruncation("a dog a dog a dog", contextLength: length)
            #expect(cut.tokens == whole.tokens.prefix(length - 1) + [1])
            #expect(cut.wasTruncated)
        }
        let one = tokenizer.encodeReportingTruncation("a b", contextLength: 2)
        #expect(one.droppedCharacterCount == 1, "\(one)")
        #expect(tokenizer.encode("", contextLength: 64) == [1])
    }

    @Test(
        "hostile texts take no quadratic time", .timeLimit(.minutes(1)), arguments: PieceFolder.names,
        ["a", "猫", "!", "\u{301}", "\u{344}", " ", "\u{2581}", "</s>", "\n", "\u{0}", "👩‍👩‍👧"])
    func hostile(name: String, piece: String) throws {
        let folder = try PieceFolder(name)
        let text = String(repeating: piece, count: 200_000 / piece.utf8.count)
        for cleaning in [TextCleaning.huggingFaceSlow, .openClipCanonicalize, .huggingFaceFast] {
            let tokens = try folder.tokenizer(cleaning, .recognised).encode(text, contextLength: 64)
            #expect(tokens.count <= 64 && tokens.last == 1)
        }
    }

    @Test("a unigram cut has the largest sum of scores that any cut has")
    func unigram() throws {
        var pieces = PieceTable()
        var scores: [Double] = []
        var generator = SeededGenerator(state: 5)
        func add(_ name: String, _ score: Double) {
            let bytes = Array(name.utf8)
            if pieces.append(bytes.span, 0..<bytes.count) { scores.append(score) }
        }
        add("<unk>", 0)
        for _ in 0..<60 {
            let name = (0...Int(generator.next() % 4)).map { _ in ["a", "b", "é"][Int(generator.next() % 3)] }.joined()
            add(name, -Double(generator.next() % 1000) / 100 - 1)
        }
        let kinds = [PieceVocabulary.Kind.unknown] + [PieceVocabulary.Kind](repeating: .normal, count: scores.count - 1)
        let vocabulary = try PieceVocabulary(
            pieces: pieces, scores: scores, kinds: kinds, unknownID: 0, hasByteFallback: false)
        let model = UnigramModel(vocabulary: vocabulary, isSinglePrecision: false, matchesAllKinds: false)
        for length in 0...12 {
            let text = Array((0..<length).map { _ in ["a", "b", "é"][Int(generator.next() % 3)] }.joined().utf8)
            var tokens: [PieceToken] = []
            model.encode(text.span, 0..<text.count, into: &tokens)
            var best = [Double?](repeating: nil, count: text.count + 1)
            best[0] = 0
            for end in text.indices.map({ $0 + 1 }) {
                for start in 0..<end {
                    guard let before = best[start], let id = pieces.index(of: text.span, start..<end) else { continue }
                    best[end] = max(best[end] ?? -.infinity, before + scores[Int(id)])
                }
            }
            // Every letter is a piece, so that nothing is unknown.
            let sum = tokens.reduce(0) { $0 + scores[Int($1.id)] }
            #expect(abs(sum - (best[text.count] ?? .nan)) < 1e-9)
            #expect(tokens.flatMap { pieces.bytes($0.id) } == text)
        }
    }

    @Test("which cleaning is the reference's, and which files are read")
    func reference() throws {
        for (name, cleaning) in [
            ("spiece", TextCleaning.huggingFaceSlow), ("t5", .huggingFaceSlow), ("gemma", .huggingFaceFast),
            ("gemma-model", .huggingFaceLowercase),
        ] {
            let folder = try PieceFolder(name)
            #expect(try TextTokenizer.referenceCleaning(inDirectory: folder.url, openClipCleaning: nil) == cleaning)
            #expect(
                try TextTokenizer.referenceCleaning(inDirectory: folder.url, openClipCleaning: "canonicalize")
                    == .openClipCanonicalize)
            #expect(
                try TextTokenizer.referenceCleaning(inDirectory: folder.url, openClipCleaning: "")
                    == .openClipWhitespace)
        }
        let both = try PieceFolder("t5")
        try both.write(try PieceFolder("spiece").bytes, to: "spiece.model")
        #expect(
            try TextTokenizer.fileNames(inDirectory: both.url, cleaning: .huggingFaceSlow)
                == ["spiece.model", "tokenizer_config.json"])
        #expect(
            try TextTokenizer.fileNames(inDirectory: both.url, cleaning: .openClipCanonicalize)
                == ["tokenizer.json", "tokenizer_config.json"])
        let clip = try ClipFolder(["tokenizer.json"])
        #expect(try TextTokenizer.referenceCleaning(inDirectory: clip.url, openClipCleaning: nil) == .huggingFaceFast)
        #expect(try TextTokenizer.referenceCleaning(inDirectory: clip.url, openClipCleaning: "") == .openClip)
    }

    @Test("long runs of marks compose as the standard says")
    func marks() {
        let long = String(repeating: "\u{344}", count: 294)
        #expect(TextCleaning.openClip.cleaned(long).unicodeScalars.count == 588)
        let mixed = "a" + String(repeating: "\u{301}\u{316}", count: 300)
        let expected = "\u{E1}" + String(repeating: "\u{316}", count: 300) + String(repeating: "\u{301}", count: 299)
        #expect(TextCleaning.openClip.cleaned(mixed).unicodeScalars.elementsEqual(expected.unicodeScalars))
    }

    @Test("canonical form")
    func canonical() {
        #expect(TextCleaning.openClipCanonicalize.cleaned(" A_photo, of &amp;amp; 3.5 CATS! ") == "a photo of 35 cats")
        #expect(TextCleaning.openClipCanonicalize.cleaned("ΟΔΥΣ!ΣΕΥΣ_«Ä»") == "οδυσσευς «ä»")
        #expect(TextCleaning.openClipWhitespace.cleaned(" A  &amp; B\u{3000}“C” ") == "A & B \"C\"")
        #expect(TextCleaning.huggingFaceLowercase.cleanedBytesForPieces(" ÀΣ  X_") == Array(" àσ  x_".utf8))
        #expect(TextCleaning.huggingFaceSlow.cleanedBytesForPieces(" A_B,  ΑΣ.") == Array("ab ας".utf8))
    }
}
