import Foundation
import TestSupport
import Testing

@testable import Reports

/// A hit with every field told apart from the others.
func sampleHit(rank: Int = 1, key: String = "k1", captions: [String] = ["a cat"], box: SearchHit.Box? = nil)
    -> SearchHit
{
    SearchHit(
        rank: rank, score: 0.25, key: key, dataset: "pets", shard: "train/00000.tar", offset: 512, length: 2048,
        captions: captions, box: box, level: box == nil ? 0 : 2)
}

func sampleResult(query: String = "cat", hits: [SearchHit]) -> SearchResult {
    SearchResult(query: query, space: "00ff", mode: "exact", recall: nil, milliseconds: 1.5, hits: hits)
}

@Suite("Results as JSON")
struct ResultTests {
    @Test("the search result's exact bytes")
    func searchBytes() throws {
        let result = sampleResult(hits: [sampleHit(box: .init(x: 1, y: 2, width: 3, height: 4))])
        #expect(
            try result.jsonText()
                == #"{"hits":[{"box":[1,2,3,4],"captions":["a cat"],"dataset":"pets","key":"k1","length":2048,"#
                + #""level":2,"offset":512,"rank":1,"score":0.25,"shard":"train/00000.tar"}],"milliseconds":1.5,"#
                + #""mode":"exact","query":"cat","recall":null,"space":"00ff"}"#)
    }

    @Test("round trip and schema", arguments: [0, 1, 7])
    func search(count: Int) throws {
        let hits = (0..<count).map { index in
            sampleHit(
                rank: index + 1, key: "kä\"\\\u{0}猫\(index)", captions: Array(repeating: "</script>", count: index),
                box: index % 2 == 0 ? nil : .init(x: 0, y: 0, width: 5, height: index))
        }
        var result = sampleResult(hits: hits)
        result.recall = count == 7 ? 0.97 : nil
        let json = try result.jsonText()
        #expect(try JSONDecoder().decode(SearchResult.self, from: Data(json.utf8)) == result)
        #expect(try SchemaCheck(file: "search-result.schema.json").problems(json) == [])
    }

    @Test("the schemas name exactly the keys the code writes")
    func keys() throws {
        let search = try SchemaCheck(file: "search-result.schema.json")
        let json = try sampleResult(hits: [sampleHit()]).jsonText()
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(search.properties() == Set(object.keys))
        let hit = try #require((object["hits"] as? [[String: Any]])?.first)
        #expect(search.properties("hit") == Set(hit.keys))
    }

    @Test("the checker finds faults")
    func checker() throws {
        let check = try SchemaCheck(file: "search-result.schema.json")
        #expect(try !check.problems(#"{"query":1}"#).isEmpty)
        var result = sampleResult(hits: [sampleHit(rank: 0)])
        #expect(try check.problems(result.jsonText()).count == 1)
        result = sampleResult(hits: [])
        result.recall = 1.5
        #expect(try check.problems(result.jsonText()).count == 1)
    }

    @Test("every schema is valid JSON with keywords the checker knows, and is listed in the README")
    func listed() throws {
        let folder = SchemaCheck.folder
        let readme = try String(contentsOf: folder.appending(path: "README.md"), encoding: .utf8)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0 != "README.md" }
        #expect(names.contains("search-result.schema.json"))
        for name in names {
            #expect(readme.contains("| `\(name)` |"), "\(name) is not in Schemas/README.md")
            guard name.hasSuffix(".schema.json") else { continue }
            let problems = try SchemaCheck(file: name).problems("{}")
            #expect(!problems.isEmpty, "\(name) accepts an empty object")
            #expect(!problems.contains { $0.hasSuffix("is not checked") }, "\(name): \(problems)")
        }
    }

    @Test("numbers that are not finite are refused", arguments: [Double.nan, .infinity])
    func notFinite(value: Double) {
        var result = sampleResult(hits: [])
        result.milliseconds = value
        #expect(throws: EncodingError.self) { try result.jsonText() }
    }

    @Test("a box that is not four numbers is refused", arguments: ["[1,2,3]", "[1,2,3,4,5]", "[1,2,-3,4]", "\"x\""])
    func box(text: String) {
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(SearchHit.Box.self, from: Data(text.utf8))
        }
    }
}
