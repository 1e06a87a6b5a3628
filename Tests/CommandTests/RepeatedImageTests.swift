import Foundation
import Testing

/// Pictures and captions that occur more than once are computed once, with the vectors they would have had.
@Suite(.serialized) struct RepeatedImageTests {
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
}
