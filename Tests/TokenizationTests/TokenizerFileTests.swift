import Foundation
import Testing

@testable import Tokenization

@Suite("Tokenizer files")
struct TokenizerFileTests {
    let tokenizer: BytePairTokenizer
    let json: String

    init() throws {
        tokenizer = try Golden.load().tokenizer()
        json = String(decoding: tokenizer.files()[0].bytes, as: UTF8.self)
    }

    private func read(_ text: String) throws(TokenizationError) -> BytePairTokenizer {
        try BytePairTokenizer(json: Data(text.utf8), place: "model/vlmpipe-tokenizer.json")
    }

    private func failure(_ text: String) -> TokenizationError? {
        do throws(TokenizationError) {
            _ = try read(text)
            return nil
        } catch {
            return error
        }
    }

    @Test("round trip through a folder")
    func folder() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "vlmpipe-tokenizer-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        try tokenizer.write(toDirectory: folder)
        #expect(
            try Set(FileManager.default.contentsOfDirectory(atPath: folder.path)) == Set(tokenizer.files().map(\.name)))
        let again = try BytePairTokenizer(directory: folder)
        #expect(again.files().map(\.bytes) == tokenizer.files().map(\.bytes))
        #expect(again.settings == tokenizer.settings)
        let caption = "An orange cat in the sun, 在阳光下的橙色猫"
        #expect(again.encode(caption, contextLength: 64) == tokenizer.encode(caption, contextLength: 64))
    }

    @Test("a missing file is named")
    func missing() {
        let folder = URL(filePath: "/nonexistent/model")
        do throws(TokenizationError) {
            _ = try BytePairTokenizer(directory: folder)
            Issue.record("reading should have thrown")
        } catch {
            #expect(error.code == .unreadableFile)
            #expect(error.description.contains("/nonexistent/model/vlmpipe-tokenizer.json"))
        }
        #expect(throws: TokenizationError.self) { try tokenizer.write(toDirectory: folder) }
    }

    @Test("cut anywhere, the file is refused")
    func cut() {
        for length in stride(from: 0, to: json.utf8.count - 2, by: 7) {
            let error = failure(String(decoding: json.utf8.prefix(length), as: UTF8.self))
            #expect(error?.code == .invalidFile, "cut at \(length)")
        }
    }

    @Test(
        "damage and foreign files",
        arguments: [
            ("\"version\": 1", "\"version\": 2", TokenizationError.Code.unsupportedVersion),
            ("vlmpipe-caption-1", "vlmpipe-caption-9", .unsupportedVersion),
            ("\"format\": \"vlmpipe-tokenizer\"", "\"format\": \"other\"", .invalidFile),
            ("byte-level-bpe", "unigram", .invalidFile),
            ("\"pad\": 0", "\"pad\": 7", .invalidFile),
            ("\"model\"", "\"surprise\": 1, \"model\"", .invalidFile),
            ("\"pad\": 0", "\"pad\": 0, \"unk\": 4", .invalidFile),
            ("\"minimumPairCount\"", "\"mood\": 3, \"minimumPairCount\"", .invalidFile),
            ("\"minimumPairCount\": 2", "\"minimumPairCount\": 0", .invalidFile),
            ("\"vocabularySize\": 900,\n  \"spec", "\"vocabularySize\": 899,\n  \"spec", .invalidFile),
            ("\"merges\": [", "\"merges\": [[0, 5],", .invalidFile),
            ("\"merges\": [", "\"merges\": [[-1, 5],", .invalidFile),
            ("\"merges\": [", "\"merges\": [[5, 100000],", .invalidFile),
            ("\"merges\": [", "\"merges\": [[300, 5],", .invalidFile),
            ("\"merges\": [", "\"merges\": [[5, 6], [5, 6],", .invalidFile),
            ("\"merges\": [", "\"merges\": [[5, 6, 7],", .invalidFile),
            ("\"merges\": [", "\"merges\": [[5, 6],", .invalidFile),
            ("\"maximumTokenByteCount\": 24", "\"maximumTokenByteCount\": 4", .invalidFile),
        ])
    func damage(part: String, replacement: String, code: TokenizationError.Code) {
        #expect(json.contains(part))
        let error = failure(json.replacingOccurrences(of: part, with: replacement))
        #expect(error?.code == code, "\(replacement)")
        #expect(error?.place == "model/vlmpipe-tokenizer.json")
    }

    @Test("merges that double their token cannot exhaust memory")
    func doubling() {
        var next = 515
        var merges = ["[5, 5]"]
        for _ in 0..<60 {
            merges.append("[\(next), \(next)]")
            next += 1
        }
        let bomb = json.replacingOccurrences(
            of: "\"merges\": [", with: "\"merges\": [\(merges.joined(separator: ",")),")
        #expect(failure(bomb)?.code == .invalidFile)
    }

    @Test("the schema and the code name the same keys and constants")
    func schema() throws {
        let url = URL(filePath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Schemas/tokenizer.schema.json")
        let schema = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
        let file = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        func compare(_ schema: [String: Any], _ value: [String: Any], _ path: String) throws {
            let properties = try #require(schema["properties"] as? [String: [String: Any]])
            #expect(Set(properties.keys) == Set(value.keys), "\(path)")
            #expect(Set(schema["required"] as? [String] ?? []) == Set(value.keys), "\(path)")
            #expect(schema["additionalProperties"] as? Bool == false, "\(path)")
            for (key, property) in properties {
                if let constant = property["const"] as? String {
                    #expect(value[key] as? String == constant, "\(path)\(key)")
                }
                if let constant = property["const"] as? Int { #expect(value[key] as? Int == constant, "\(path)\(key)") }
                if let inner = value[key] as? [String: Any] { try compare(property, inner, "\(path)\(key).") }
            }
        }
        try compare(schema, file, "")
    }
}
