import Foundation
import Testing

@testable import Tokenization

@Suite("Golden values of the tokenizers package and of slow Python twins")
struct GoldenTests {
    @Test("cleaning and pre-tokens")
    func cleaning() throws {
        for golden in try Golden.load().cases {
            let cleaned = CaptionText.cleaned(golden.text)
            #expect(Array(cleaned.unicodeScalars) == Array(golden.cleaned.unicodeScalars), "\(golden.testDescription)")
            #expect(CaptionText.preTokens(of: golden.text) == golden.preTokens, "\(golden.testDescription)")
        }
    }

    @Test("the trained vocabulary is the twin's, file for file")
    func vocabulary() throws {
        let tokenizer = try Golden.load().tokenizer()
        let files = Dictionary(uniqueKeysWithValues: tokenizer.files().map { ($0.name, $0.bytes) })
        #expect(try files["vocab.json"] == Golden.bytes("vocab.json"))
        #expect(try files["merges.txt"] == Golden.bytes("merges.txt"))
    }

    @Test("ids")
    func ids() throws {
        let golden = try Golden.load()
        let tokenizer = try golden.tokenizer()
        for golden in golden.cases {
            let tokens = tokenizer.encode(golden.text, contextLength: 4096)
            #expect(Array(tokens.dropFirst().dropLast()) == golden.ids, "\(golden.testDescription)")
        }
    }
}
