import Foundation
import Samples
import Testing

@testable import SampleCatalog

@Suite struct CaptionSearchTests {
    static let captions = [
        "An orange cat in the sun", "CAFÉ au lait, naïve", "一只橙色的猫在阳光下", "公園で犬が走っている", "고양이가 잔다",
        "แมวสีส้มนอนหลับ", "Кошка на окне", "दो बिल्लियाँ", "ｆｕｌｌ　ｗｉｄｔｈ　ｱｲｽ", "cat\u{0}null", "cats and dogs", "😀",
        "cafe\u{301} e\u{301}clair", "が\u{0}", "",
    ]

    struct Case: CustomTestStringConvertible, Sendable {
        let query: String
        let ordinals: Set<UInt32>
        var testDescription: String { query }
    }

    @Test(arguments: [
        Case(query: "ORANGE sun", ordinals: [0]),
        Case(query: "sun orange", ordinals: [0]),
        Case(query: "\"orange cat\"", ordinals: [0]),
        Case(query: "\"cat orange\"", ordinals: []),
        Case(query: "cafe", ordinals: [1, 12]),
        Case(query: "Naive", ordinals: [1]),
        Case(query: "eclair", ordinals: [12]),
        Case(query: "橙色的猫", ordinals: [2]),
        Case(query: "猫", ordinals: [2]),
        Case(query: "猫橙", ordinals: []),
        Case(query: "猫 橙", ordinals: [2]),
        Case(query: "走って", ordinals: [3]),
        Case(query: "か\u{3099}走", ordinals: [3]),
        Case(query: "고양이", ordinals: [4]),
        Case(query: "แมว", ordinals: [5]),
        Case(query: "ส้ม", ordinals: [5]),
        Case(query: "кошка", ordinals: [6]),
        Case(query: "बिल्लियाँ", ordinals: [7]),
        Case(query: "full アイス", ordinals: [8]),
        Case(query: "cat*", ordinals: [0, 9, 10]),
        Case(query: "cats NOT dogs", ordinals: []),
        Case(query: "and", ordinals: [10]),
        Case(query: "text:cats", ordinals: []),
        Case(query: "(cats) ^dogs", ordinals: [10]),
        Case(query: "dogs\" OR \"cat", ordinals: []),
        Case(query: "\"cats", ordinals: [10]),
    ])
    func findsWordsOfAnyScript(_ example: Case) throws {
        let fixture = try CatalogFixture()
        try fixture.add(
            "0.tar",
            samples: CaptionSearchTests.captions.enumerated().map {
                fixture.record(UInt32($0.offset), captions: [$0.element])
            })
        try fixture.catalog.prepareDerivedIndexes()
        let found = try fixture.catalog.samples(withCaption: example.query)
        #expect(Set(found.matches.map(\.identity.ordinal)) == example.ordinals)
    }

    @Test(arguments: ["", "  ", "!!! \"\"", "*", "\u{0}"]) func aQueryNeedsAWord(_ query: String) throws {
        let fixture = try CatalogFixture()
        #expect {
            try fixture.catalog.samples(withCaption: query)
        } throws: {
            ($0 as? CatalogError)?.code == .filterInvalid
        }
    }

    /// BM25 computed by hand (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009), k1 1.2, b 0.75.
    @Test func ranksByBM25() throws {
        let fixture = try CatalogFixture()
        let texts = [
            ["cat"], ["cat", "cat dog"], ["dog dog dog dog"], ["a cat of many words indeed"], ["bird"], ["ant"],
            ["bee"],
        ]
        try fixture.add(
            "0.tar", samples: texts.enumerated().map { fixture.record(UInt32($0.offset), captions: $0.element) })
        try fixture.catalog.prepareDerivedIndexes()
        let lengths: [Double] = [1, 3, 4, 6, 1, 1, 1]
        let mean = lengths.reduce(0, +) / 7
        let rarity = log((7 - 3 + 0.5) / (3 + 0.5))
        let expected = [(0, 1.0), (1, 2.0), (3, 1.0)].map { place, count in
            (UInt32(place), rarity * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * lengths[place] / mean)))
        }.sorted { $0.1 > $1.1 }
        let found = try fixture.catalog.samples(withCaption: "cat")
        #expect(found.matches.map(\.identity.ordinal) == expected.map(\.0))
        for (match, value) in zip(found.matches, expected) { #expect(abs(match.score - value.1) < 1e-9) }
        #expect(try fixture.catalog.samples(withCaption: "cat", limit: 1).matches.count == 1)
    }

    @Test func keepsToADataset() throws {
        let fixture = try CatalogFixture()
        for dataset in ["d", "e"] {
            try fixture.add("0.tar", dataset: dataset, samples: [fixture.record(0, captions: ["cat"])])
        }
        try fixture.catalog.prepareDerivedIndexes()
        #expect(
            try fixture.catalog.samples(withCaption: "cat", ofDataset: "e").matches.map(\.identity.dataset) == ["e"])
        #expect(try fixture.catalog.samples(withCaption: "cat").matches.count == 2)
        #expect {
            try fixture.catalog.samples(withCaption: "cat", ofDataset: "nobody")
        } throws: {
            ($0 as? CatalogError)?.code == .unknownName
        }
    }
}
