import Foundation
import Testing

@testable import Tokenization

/// What `Tests/Peers/tokenizer_sentencepiece.py` wrote.
struct SentencePieceGolden: Decodable, Sendable {
    struct Case: Decodable, Sendable {
        var folder: String
        var cleaning: TextCleaning
        var length: Int
        var expected: Int
    }

    var cases: [Case]
    var texts: [String]
    var expected: [[[Int32]]]

    static func load() throws -> SentencePieceGolden {
        let bytes = try GzipFile.decompressed(
            try Golden.bytes("sentencepiece/golden.json.gz"), maximumByteCount: 10_000_000)
        return try JSONDecoder().decode(SentencePieceGolden.self, from: Data(bytes))
    }
}

/// A temporary copy of a folder of tokenizer files, decompressed.
final class PieceFolder {
    static let names = ["spiece", "t5", "metaspace", "gemma", "gemma-strings", "gemma-model"]

    let url: URL
    let fileName: String
    var bytes: [UInt8]

    init(_ name: String, withSettings: Bool = true) throws {
        url = FileManager.default.temporaryDirectory.appending(path: "pieces-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        fileName = ["spiece": "spiece.model", "gemma-model": "tokenizer.model"][name] ?? "tokenizer.json"
        bytes = try GzipFile.decompressed(
            try Golden.bytes("sentencepiece/\(name)/\(fileName).gz"), maximumByteCount: 10_000_000)
        try write()
        if withSettings && fileName == "tokenizer.json" {
            try write(try Golden.bytes("sentencepiece/\(name)/tokenizer_config.json"), to: "tokenizer_config.json")
        }
    }

    deinit {
        do {
            try FileManager.default.removeItem(at: url)
        } catch {
            Issue.record("the temporary folder could not be removed: \(error)")
        }
    }

    func write() throws { try write(bytes, to: fileName) }

    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: url.appending(path: name))
    }

    func replace(_ part: String, by other: String) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains(part))
        bytes = Array(text.replacingOccurrences(of: part, with: other).utf8)
        try write()
    }

    func tokenizer(
        _ cleaning: TextCleaning, _ specialStrings: SpecialStrings = .escaped
    ) throws(TokenizationError) -> TextTokenizer {
        try TextTokenizer(directory: url, cleaning: cleaning, specialStrings: specialStrings)
    }

    func failure(_ cleaning: TextCleaning = .openClipCanonicalize) -> TokenizationError? {
        do throws(TokenizationError) {
            _ = try tokenizer(cleaning)
            return nil
        } catch {
            return error
        }
    }
}
