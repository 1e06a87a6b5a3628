import Foundation
import Samples
import Testing

@testable import SampleCatalog

@Suite struct FilterTests {
    private let fixture: CatalogFixture
    private var catalog: SampleCatalog { fixture.catalog }

    init() throws {
        fixture = try CatalogFixture()
    }

    struct FilterCase: CustomTestStringConvertible, Sendable {
        let condition: String
        let ordinals: Set<UInt32>
        var testDescription: String { condition }
    }

    static let filters = [
        FilterCase(condition: "1", ordinals: [0, 1, 2]),
        FilterCase(condition: "width > height", ordinals: [0, 2]),
        FilterCase(condition: "split = 'test' -- a comment", ordinals: [1]),
        FilterCase(condition: "captions = 2 AND caption LIKE '%CAT%'", ordinals: [0]),
        FilterCase(condition: "score >= 0.5", ordinals: [0, 1]),
        FilterCase(condition: "license = 'cc0' AND score < 1", ordinals: [1]),
        FilterCase(condition: "license IS NULL", ordinals: [2]),
        FilterCase(condition: "attribute_key = 'inner'", ordinals: [2]),
        FilterCase(condition: "\"odd \"\"name\" = 'o''k'", ordinals: [2]),
        FilterCase(condition: "key IN ('k0', 'k2') OR ordinal = 9", ordinals: [0, 2]),
        FilterCase(
            condition: "dataset = 'd' AND shard = '0.tar' AND bytes = 100 AND format = 'jpeg'", ordinals: [0, 1, 2]),
    ]

    private func addFiltered() throws {
        try fixture.add(
            "0.tar",
            samples: [
                fixture.record(
                    0, captions: ["a cat", "b"],
                    attributes: [
                        .init(name: "license", value: .text("cc0")), .init(name: "score", value: .integer(1)),
                    ]),
                fixture.record(
                    1, split: "test",
                    attributes: [
                        .init(name: "license", value: .text("cc0")), .init(name: "score", value: .real(0.5)),
                    ], orientation: .rotated90Clockwise),
                fixture.record(
                    2,
                    attributes: [
                        .init(name: "key", value: .text("inner")), .init(name: "odd \"name", value: .text("o'k")),
                        .init(name: "score", value: .real(0.25)),
                    ]),
            ])
    }

    @Test(arguments: filters) func filtersByColumnsAndAttributes(_ filter: FilterCase) throws {
        try addFiltered()
        let set = try catalog.samples(matching: filter.condition, ofDataset: "d")
        #expect(set.ordinals(inShard: "0.tar", ofDataset: "d") == filter.ordinals.sorted())
        #expect(set.count == filter.ordinals.count)
        #expect(set.contains(SampleIdentity(dataset: "d", shard: "0.tar", ordinal: 1)) == filter.ordinals.contains(1))
    }

    @Test(arguments: [
        "nonsense >", "unknown_column = 1", "1; DELETE FROM samples", "1) ; DELETE FROM samples --", "",
        "1); DROP TABLE samples; SELECT (1", "load_extension('x')", "(DELETE FROM samples)", "writefile('x', 'y')",
    ])
    func filtersCannotWrite(_ condition: String) throws {
        try addFiltered()
        let before = try catalog.dumpText()
        #expect {
            try catalog.samples(matching: condition)
        } throws: {
            ($0 as? CatalogError)?.code == .filterInvalid
        }
        #expect(try catalog.dumpText() == before)
    }
}
