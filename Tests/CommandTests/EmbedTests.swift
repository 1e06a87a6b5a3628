import Foundation
import Testing

/// What embedding spares: repeated pictures and captions, renames; and what it takes out: removed files.
@Suite(.serialized) struct EmbedTests {
    private let fixture: CheckpointFixture
    private var files: FileManager { .default }

    init() throws {
        fixture = try CheckpointFixture()
        let pictures = try fixture.pictures(16)
        // "a" holds each picture once, "b" each three times; every caption is one of three.
        for (folder, copies) in [("a", 1), ("b", 3)] {
            for copy in 0..<copies {
                try files.createDirectory(
                    atPath: fixture.folder.file("pictures/\(folder)"), withIntermediateDirectories: true)
                for (number, picture) in pictures.enumerated() {
                    let name = "pictures/\(folder)/\(copy)-\(picture)"
                    let bytes = try Data(contentsOf: URL(fileURLWithPath: fixture.folder.file(picture)))
                    _ = try fixture.folder.write(Array(bytes), to: name)
                    let caption = Array("a cat number \(number % 3)".utf8)
                    _ = try fixture.folder.write(caption, to: String(name.dropLast(3)) + "txt")
                }
            }
        }
    }

    private func tool(_ workspace: String) throws -> Tool {
        let tool = Tool(workspace: fixture.folder.file(workspace), folder: fixture.folder.path)
        try tool.succeed(["model", "import", CheckpointFixture.name, "--name", "words"])
        return tool
    }

    private func segments(of tool: Tool) throws -> [String: Data] {
        let walker = try #require(files.enumerator(atPath: tool.workspace + "/spaces"))
        var found: [String: Data] = [:]
        for case let path as String in walker where path.contains("/embeddings/") {
            found[path] = try Data(contentsOf: URL(fileURLWithPath: "\(tool.workspace)/spaces/\(path)"))
        }
        return found
    }

    @Test func vectorsAreThoseOfEachByItself() throws {
        let both = try tool("both")
        try both.succeed(["ingest", "pictures/a", "--dataset", "a"])
        try both.succeed(["ingest", "pictures/b", "--dataset", "b"])
        let report = try both.succeed(["embed"]).output
        #expect(report.contains("embedded 64 images and 64 captions"))
        #expect(report.contains("48 images are the same bytes as others"))

        // Alone, nothing of "a" is known when "b" is embedded.
        let alone = try tool("alone")
        try alone.succeed(["ingest", "pictures/b", "--dataset", "b"])
        #expect(try alone.succeed(["embed"]).output.contains("32 images are the same bytes as others"))
        let expected = try segments(of: alone)
        #expect(expected.count == 1)
        let found = try segments(of: both)
        for (path, bytes) in expected { #expect(found[path] == bytes) }
    }

    @Test func aFileThatIsGoneTakesNoOtherAlong() throws {
        let tool = try tool("gone")
        try tool.succeed(["ingest", "pictures/b", "--dataset", "b"])
        let folder = fixture.folder.file("pictures/b")
        let first = try #require(try files.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix("jpg") }.min())
        try files.removeItem(atPath: "\(folder)/\(first)")
        #expect(try tool.succeed(["embed"]).output.contains("embedded 47 images"))
    }

    @Test func removedAndRenamedFilesReachTheIndex() throws {
        let tool = try tool("changes")
        try tool.succeed(["ingest", "pictures/b", "--dataset", "b"])
        try tool.succeed(["embed"])
        func keys() throws -> [String] {
            let output = try tool.succeed(["search", "cat", "-k", "100", "--json", "--quiet"]).output
            let result = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
            let hits = try #require(result["hits"] as? [[String: Any]])
            return hits.compactMap { $0["key"] as? String }.sorted()
        }
        let before = try keys()
        #expect(before.count == 48)

        let folder = fixture.folder.file("pictures/b")
        for name in try files.contentsOfDirectory(atPath: folder) where name.hasPrefix("0-") {
            try files.removeItem(atPath: "\(folder)/\(name)")
        }
        try files.createDirectory(atPath: "\(folder)/new", withIntermediateDirectories: true)
        for name in try files.contentsOfDirectory(atPath: folder) where name.hasPrefix("1-") {
            try files.moveItem(atPath: "\(folder)/\(name)", toPath: "\(folder)/new/\(name)")
        }
        let ingest = try tool.succeed(["ingest", "pictures/b", "--dataset", "b"]).output
        #expect(ingest.contains("16 renamed, 16 removed"))
        // Hits that are gone are not shown, and cost no others their place.
        #expect(try keys().count == 32)
        #expect(try tool.succeed(["embed"]).output.contains("the index has 64 vectors"))
        let after = try keys()
        #expect(after.count == 32)
        #expect(after.filter { $0.hasPrefix("b/new/1-") }.count == 16)
        #expect(try tool.succeed(["index", "rebuild"]).output.contains("64 vectors"))
        #expect(try keys() == after)
    }
}
