import Foundation
import Testing

@testable import Tokenization

/// What `Tests/Peers/tokenizer_golden.py` wrote.
struct Golden: Decodable, Sendable {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        var text: String
        var cleaned: String
        var preTokens: [String]
        var ids: [Int32]
        var testDescription: String { String(text.prefix(24)).debugDescription }
    }

    var settings: BytePairTrainer.Settings
    var captions: [String]
    var cases: [Case]

    static func load() throws -> Golden {
        try JSONDecoder().decode(Golden.self, from: Data(try bytes("golden.json")))
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        let url = try #require(Bundle.module.resourceURL).appending(path: "Fixtures").appending(path: name)
        return Array(try Data(contentsOf: url))
    }

    func tokenizer() throws -> BytePairTokenizer {
        var trainer = BytePairTrainer(settings: settings)
        for caption in captions { trainer.add(caption) }
        return try trainer.train()
    }
}

/// SplitMix64: a seeded stream for random texts.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

/// Random scalars from all over Unicode, mostly letters and troublemakers.
func randomText(_ generator: inout SeededGenerator, scalarCount: Int) -> String {
    let ranges: [ClosedRange<UInt32>] = [
        0x00...0x7F, 0x61...0x7A, 0x80...0x24F, 0x300...0x36F, 0x370...0x3FF, 0x590...0x6FF, 0x900...0x97F,
        0xE00...0xE7F,
        0x1100...0x11FF, 0x1E00...0x1FFF, 0x2000...0x206F, 0x2100...0x2130, 0x3000...0x30FF, 0x4E00...0x4E40,
        0xAC00...0xAC40, 0xF900...0xFAFF, 0xFB00...0xFB4F, 0xFE00...0xFE0F, 0xFF00...0xFFEF, 0x1F300...0x1F6FF,
        0x20000...0x20010, 0x2F800...0x2F810, 0x10FFF0...0x10FFFF,
    ]
    var text = String.UnicodeScalarView()
    for _ in 0..<scalarCount {
        let range = ranges[Int(generator.next() % UInt64(ranges.count))]
        let value = range.lowerBound + UInt32(generator.next() % UInt64(range.count))
        if let scalar = Unicode.Scalar(value) { text.append(scalar) }
    }
    return String(text)
}
