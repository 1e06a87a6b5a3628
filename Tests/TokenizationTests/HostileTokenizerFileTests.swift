import Foundation
import Testing

@testable import Tokenization

@Suite("Damaged and hostile tokenizer files")
struct HostileTokenizerFileTests {
    /// Either it is read or refused with one error of these codes; encoding then works.
    private func isSound(_ folder: PieceFolder, _ cleaning: TextCleaning) -> Bool {
        do throws(TokenizationError) {
            let tokens = try folder.tokenizer(cleaning, .recognised).encode("a dog, 12 é猫\u{200B} x", contextLength: 64)
            return tokens.count <= 64
        } catch {
            return [.invalidFile, .unsupportedTokenizer].contains(error.code) && error.place != nil
        }
    }

    @Test("cut anywhere", arguments: ["spiece", "gemma-model", "gemma"])
    func cut(name: String) throws {
        let folder = try PieceFolder(name)
        let bytes = folder.bytes
        for length in stride(from: 0, to: bytes.count, by: bytes.count / 150 + 1) {
            folder.bytes = Array(bytes[..<length])
            try folder.write()
            #expect(isSound(folder, .huggingFaceSlow), "cut at \(length)")
            if name == "gemma" { #expect(folder.failure()?.code == .invalidFile) }
        }
    }

    @Test("bytes changed anywhere", arguments: ["spiece", "gemma-model", "gemma"])
    func changed(name: String) throws {
        let folder = try PieceFolder(name)
        let bytes = folder.bytes
        var generator = SeededGenerator(state: 17)
        for _ in 0..<200 {
            folder.bytes = bytes
            for _ in 0...Int(generator.next() % 3) {
                folder.bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
            }
            try folder.write()
            #expect(isSound(folder, .huggingFaceSlow))
        }
    }

    @Test("character maps of any bytes end, and stay in bounds")
    func characterMaps() throws {
        var generator = SeededGenerator(state: 23)
        var readCount = 0
        for round in 0..<3000 {
            let unitCount = 1 + Int(generator.next() % 300)
            var bytes = (0..<4).map { UInt8(truncatingIfNeeded: UInt32(4 * unitCount) >> UInt32(8 * $0)) }
            for _ in 0..<unitCount {
                // Small offsets and labels make paths, and cycles, likely.
                let label = UInt32(generator.next() % 4) + 0x61
                var unit = label | UInt32(generator.next() % UInt64(unitCount)) << 10
                if generator.next() % 2 == 0 { unit |= 1 << 8 }
                if round % 3 == 0 { unit = UInt32(truncatingIfNeeded: generator.next()) & ~(1 << 31) }
                bytes += (0..<4).map { UInt8(truncatingIfNeeded: unit >> UInt32(8 * $0)) }
            }
            bytes += Array("xy\0é\0z\0".utf8)
            do throws(CharacterMap.Refusal) {
                let map = try CharacterMap(bytes[...])
                readCount += 1
                let text = Array("abcdabcdaaaabbbbé猫".utf8)
                for start in text.indices where text[start] & 0xC0 != 0x80 {
                    for takesShortest in [true, false] {
                        guard let match = map.match(in: text.span, start..<text.count, takesShortest: takesShortest)
                        else { continue }
                        #expect(match.byteCount > 0 && start + match.byteCount <= text.count)
                        #expect(String(validating: map.bytes(match.replacement), as: UTF8.self) != nil)
                    }
                }
            } catch {
                continue
            }
        }
        #expect(readCount > 500)
        for bytes: [UInt8] in [[], [4, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF, 0], [8, 0, 0, 0, 1, 2, 3, 4, 0]] {
            #expect(throws: CharacterMap.Refusal.self) { try CharacterMap(bytes[...]) }
        }
    }

    @Test(
        "values that cannot be",
        arguments: [
            ("gemma", "\"<unk>\": 3,", "\"<unk>\": 2,", TokenizationError.Code.invalidFile),
            ("gemma", "\"<unk>\": 3,", "\"<unk>\": 4000000000,", .invalidFile),
            ("gemma", "\"<unk>\": 3,", "\"<unk>\": -3,", .invalidFile),
            ("gemma", "\"<unk>\": 3,", "\"<unk>\": 3.5,", .invalidFile),
            ("gemma", "\"<unk>\": 3,", "\"<unk>\": 3, \"<unk>\": 3,", .invalidFile),
            ("gemma", "\"<0x41>\": ", "\"<0x4>\": ", .invalidFile),
            ("gemma", "\"merges\": [", "\"merges\": [[\"nowhere\", \"x\"], ", .invalidFile),
            ("gemma", "\"ignore_merges\": false", "\"ignore_merges\": true", .unsupportedTokenizer),
            ("gemma", "\"dropout\": null", "\"dropout\": 0.1", .unsupportedTokenizer),
            ("gemma", "MergedWithPrevious", "Isolated", .unsupportedTokenizer),
            (
                "gemma", "\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}", "\"type\": \"NFKD\"",
                .unsupportedTokenizer
            ),
            ("gemma", "\"type\": \"BPE\"", "\"type\": \"WordPiece\"", .unsupportedTokenizer),
            ("gemma", "\"single_word\": false", "\"single_word\": true", .unsupportedTokenizer),
            ("gemma", "TemplateProcessing", "ByteLevel", .unsupportedTokenizer),
            ("gemma", "\"version\"", "\"model\": {}, \"version\"", .invalidFile),
            ("metaspace", "\"unk_id\":2", "\"unk_id\":123456", .invalidFile),
            ("metaspace", "\"unk_id\":2", "\"unk_id\":-1", .invalidFile),
            ("metaspace", "[\"<pad>\",0.0]", "[\"<pad>\",1e999]", .invalidFile),
            ("metaspace", "[\"<pad>\",0.0]", "[\"</s>\",0.0]", .invalidFile),
            ("metaspace", "\"precompiled_charsmap\":\"", "\"precompiled_charsmap\":\"!!", .invalidFile),
            ("metaspace", "\" {2,}\"", "\"(a+)+\"", .unsupportedTokenizer),
        ] as [(String, String, String, TokenizationError.Code)])
    func values(name: String, part: String, other: String, code: TokenizationError.Code) throws {
        let folder = try PieceFolder(name)
        #expect(folder.failure() == nil)
        try folder.replace(part, by: other)
        let failure = folder.failure()
        #expect(failure?.code == code, "\(failure?.description ?? "read")")
    }

    @Test("framing comes from the settings, and rows without an end token are refused")
    func framing() throws {
        let folder = try PieceFolder("gemma", withSettings: false)
        #expect(try folder.tokenizer(.huggingFaceFast).padTokenID == 0)
        try folder.write(Array(#"{"add_bos_token": true, "add_eos_token": true}"#.utf8), to: "tokenizer_config.json")
        let framed = try folder.tokenizer(.huggingFaceFast)
        #expect(framed.startTokenID == 2 && framed.encode("", contextLength: 8) == [2, 1])
        try folder.write(Array(#"{"add_bos_token": true, "add_eos_token": false}"#.utf8), to: "tokenizer_config.json")
        #expect(folder.failure()?.code == .unsupportedTokenizer)
        try folder.write(Array(#"{"pad_token": "nowhere"}"#.utf8), to: "tokenizer_config.json")
        #expect(folder.failure()?.code == .invalidFile)
        try folder.write(Array("[]".utf8), to: "tokenizer_config.json")
        #expect(folder.failure()?.place?.hasSuffix("tokenizer_config.json") == true)
    }

    @Test("a model file of one length too many asks for nothing")
    func lengths() throws {
        let folder = try PieceFolder("gemma-model")
        // Field 1, length 2^62.
        folder.bytes = [0x0A, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0x00]
        try folder.write()
        #expect(folder.failure()?.message.contains("longer than what is left") == true)
        folder.bytes = [UInt8](repeating: 0xFF, count: 64)
        try folder.write()
        #expect(folder.failure()?.code == .invalidFile)
        folder.bytes = []
        try folder.write()
        #expect(folder.failure()?.code == .invalidFile)
    }

    @Test("JSON that nests too deep, ends early or repeats keys is refused")
    func json() throws {
        for text in [
            String(repeating: "[", count: 100_000), "{\"a\": 1, \"a\": 2}", "{\"a\"", "\"\\ud800\"", "\"\\u12\"", "nul",
            "[1,]", "\"a\u{1}\"", "-", "1e999", "{\"a\": .}",
        ] {
            #expect(throws: JSONScanner.Problem.self, "\(text.prefix(20))") {
                var scanner = try JSONScanner(Array(text.utf8))
                _ = try scanner.value()
            }
        }
        #expect(throws: JSONScanner.Problem.self) { try JSONScanner([0x22, 0xFF, 0x22]) }
        var scanner = try JSONScanner(Array(#" {"a\n\u00e9\ud83d\ude42": [-1.5e2, true, null, "", 0.1]} "#.utf8))
        let value = try scanner.value()
        #expect(
            value
                == .object(["a\né🙂": .array([.number(-150), .boolean(true), .null, .string(""), .number(0.1)])]))
        let isAtEnd = scanner.isAtEnd()
        #expect(isAtEnd)
    }
}

@Suite("gzip files")
struct GzipFileTests {
    /// A gzip file of stored blocks.
    private func stored(_ content: [UInt8]) -> [UInt8] {
        var file: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
        func little(_ value: UInt32, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
        }
        var start = 0
        repeat {
            let end = min(start + 60_000, content.count)
            file.append(end == content.count ? 1 : 0)
            file += little(UInt32(end - start), 2) + little(~UInt32(end - start), 2) + content[start..<end]
            start = end
        } while start < content.count
        var crc = ~UInt32(0)
        for byte in content {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        return file + little(~crc, 4) + little(UInt32(content.count), 4)
    }

    @Test("CLIP's vocabulary is read as it comes")
    func vocabulary() throws {
        let folder = try ClipFolder([])
        let text = try Golden.bytes("clip/bpe_simple_vocab_16e6.txt")
        try folder.write(stored(text), to: "bpe_simple_vocab_16e6.txt.gz")
        let plain = try ClipFolder(["bpe_simple_vocab_16e6.txt"]).tokenizer()
        #expect(
            try folder.tokenizer().encode("a photo of a cat", contextLength: 77)
                == plain.encode("a photo of a cat", contextLength: 77))
        try folder.write(stored(text).dropLast(9), to: "bpe_simple_vocab_16e6.txt.gz")
        #expect(folder.failure()?.code == .invalidFile)
    }

    @Test("members, limits and damage")
    func content() throws {
        for count in [0, 1, 65_536, 200_003] {
            let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            let file = stored(content)
            #expect(try GzipFile.decompressed(file, maximumByteCount: count) == content)
            #expect(try GzipFile.decompressed(file + file, maximumByteCount: 2 * count) == content + content)
            if count > 0 {
                #expect(throws: GzipFile.Refusal.self) {
                    try GzipFile.decompressed(file, maximumByteCount: count - 1)
                }
            }
            for length in [0, 1, 9, 10, file.count / 2, file.count - 1] where length < file.count {
                #expect(throws: GzipFile.Refusal.self) {
                    try GzipFile.decompressed(Array(file[..<length]), maximumByteCount: count)
                }
            }
            var damaged = file
            damaged[file.count - 6] ^= 1
            #expect(throws: GzipFile.Refusal.self) { try GzipFile.decompressed(damaged, maximumByteCount: count) }
            #expect(throws: GzipFile.Refusal.self) { try GzipFile.decompressed(file + [0], maximumByteCount: count) }
        }
    }
}
