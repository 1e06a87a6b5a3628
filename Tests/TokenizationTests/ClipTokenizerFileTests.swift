import Foundation
import Testing

@testable import Tokenization

@Suite("CLIP tokenizer files")
struct ClipTokenizerFileTests {
    @Test("the padding id follows the flavour and the files")
    func padding() throws {
        for files in clipFileForms {
            let folder = try ClipFolder(files)
            #expect(try folder.tokenizer(.openClip).padTokenID == 0)
            #expect(try folder.tokenizer(.huggingFaceFast).padTokenID == 2013)
            #expect(try TextTokenizer.fileNames(inDirectory: folder.url, cleaning: .openClip) == files)
        }
        let folder = try ClipFolder(["vocab.json", "merges.txt"])
        try folder.write(Array(#"{"pad_token": "!"}"#.utf8), to: "tokenizer_config.json")
        #expect(try folder.tokenizer(.huggingFaceSlow).padTokenID == 0)
        try folder.write(Array(#"{"pad_token": {"content": "<|endoftext|>"}}"#.utf8), to: "tokenizer_config.json")
        #expect(try folder.tokenizer(.huggingFaceSlow).padTokenID == 2013)
        #expect(
            try TextTokenizer.fileNames(inDirectory: folder.url, cleaning: .huggingFaceSlow)
                == ["vocab.json", "merges.txt", "tokenizer_config.json"])
    }

    @Test("missing files are named")
    func missing() throws {
        let empty = try ClipFolder([]).failure()
        #expect(empty?.code == .missingFiles)
        for name in clipFileForms.joined() { #expect(empty?.message.contains(name) == true) }
        let half = try ClipFolder(["vocab.json"]).failure()
        #expect(half?.code == .missingFiles)
        #expect(half?.message.contains("merges.txt is missing") == true)
        let other = try ClipFolder(["merges.txt"]).failure()
        #expect(other?.message.contains("vocab.json is missing") == true)
    }

    @Test(
        "damaged and foreign files are refused",
        arguments: [
            ("tokenizer.json", "\"type\":\"BPE\"", "\"type\":\"Unigram\"", TokenizationError.Code.unsupportedTokenizer),
            ("tokenizer.json", "</w>\",\"fuse_unk", "\",\"fuse_unk", .unsupportedTokenizer),
            ("tokenizer.json", "\"byte_fallback\":false", "\"byte_fallback\":true", .unsupportedTokenizer),
            ("tokenizer.json", "{\"type\":\"Lowercase\"}", "{\"type\":\"NFKC\"}", .unsupportedTokenizer),
            ("tokenizer.json", "'s|'t", "'x|'t", .unsupportedTokenizer),
            ("tokenizer.json", "\"lstrip\":false", "\"lstrip\":true", .unsupportedTokenizer),
            ("tokenizer.json", "[\"i\",\"n\"]", "[\"i\"]", .invalidFile),
            ("tokenizer.json", "[\"i\",\"n\"]", "\"i n\"", nil),
            ("tokenizer.json", "[\"i\",\"n\"]", "[\"t\",\"h\"]", .invalidFile),
            ("vocab.json", "\"!\":0", "\"!\":1", .invalidFile),
            ("vocab.json", "\"!\":0", "\"!\":-1", .invalidFile),
            ("vocab.json", "\"!\":0", "\"!\":2147483647", .invalidFile),
            ("vocab.json", "\"!\":0,", "", .invalidFile),
            ("vocab.json", "endoftext", "other", .invalidFile),
            ("merges.txt", "i n\n", "in\n", .invalidFile),
            ("merges.txt", "i n\n", "i n</w>x\n", .invalidFile),
            ("merges.txt", "i n\n", "i n</w> x\n", .invalidFile),
            ("bpe_simple_vocab_16e6.txt", "\ni n\n", "\ni n\ni n\n", .invalidFile),
            ("bpe_simple_vocab_16e6.txt", "\ni n\n", "\ni</w> n\n", .invalidFile),
        ] as [(String, String, String, TokenizationError.Code?)])
    func damage(file: String, part: String, other: String, code: TokenizationError.Code?) throws {
        let files = try #require(clipFileForms.first { $0.contains(file) })
        let folder = try ClipFolder(files)
        try folder.replace(part, by: other, in: file)
        let failure = folder.failure()
        #expect(failure?.code == code, "\(failure?.description ?? "read")")
        if let failure { #expect(failure.place?.hasPrefix(folder.url.path) == true) }
    }

    @Test("cut anywhere, JSON is refused")
    func cut() throws {
        let folder = try ClipFolder(["tokenizer.json"])
        let bytes = try Golden.bytes("clip/tokenizer.json")
        for length in stride(from: 0, to: bytes.count - 1, by: 2003) {
            try folder.write(Array(bytes[..<length]), to: "tokenizer.json")
            #expect(folder.failure()?.code == .invalidFile, "cut at \(length)")
        }
    }

    @Test("one type reads either tokenizer of a model folder")
    func textTokenizer() throws {
        let folder = try ClipFolder(["tokenizer.json"])
        let clip = try TextTokenizer(directory: folder.url, cleaning: .openClip)
        #expect(clip.encode("a cat", contextLength: 77) == (try folder.tokenizer()).encode("a cat", contextLength: 77))
        #expect(clip.vocabularySize == 2014 && clip.startTokenID == 2012 && clip.endTokenID == 2013)
        #expect(clip.padTokenID == 0)
        let own = try Golden.load().tokenizer()
        try own.write(toDirectory: folder.url)
        let either = try TextTokenizer(directory: folder.url, cleaning: .openClip)
        #expect(either.encode("a cat", contextLength: 77) == own.encode("a cat", contextLength: 77))
        #expect(either.vocabularySize == own.vocabularySize && either.startTokenID == 1 && either.endTokenID == 2)
    }
}
