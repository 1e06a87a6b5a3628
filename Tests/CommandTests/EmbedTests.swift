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

    /// A tar of some of the pictures, with captions.
    private func pack(_ pictures: Range<Int>, into tar: String) throws {
        let names = try fixture.folder.names().filter { $0.hasSuffix(".jpg") }.sorted()[pictures]
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/tar")
        process.arguments =
            ["-cf", fixture.folder.file(tar), "-C", fixture.folder.path]
            + names.flatMap { [$0, $0.dropLast(3) + "txt"] }
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
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

    /// Shards follow one another through the threads; one that is gone takes none along, and what others had planned to
    /// take from it is computed.
    @Test(arguments: ["a", "b", "c"]) func aShardThatIsGoneTakesNoOtherAlong(_ gone: String) throws {
        // Neighbours share half of their pictures.
        for (number, name) in ["a", "b", "c"].enumerated() {
            try pack(4 * number..<4 * number + 8, into: "\(name).tar")
        }
        let whole = try tool("whole")
        try whole.succeed(["ingest", "a.tar", "b.tar", "c.tar", "--dataset", "t"])
        try whole.succeed(["embed"])
        let expected = try segments(of: whole)
        #expect(expected.count == 3)

        let tool = try tool("partly")
        try tool.succeed(["ingest", "a.tar", "b.tar", "c.tar", "--dataset", "t"])
        try files.moveItem(atPath: fixture.folder.file("\(gone).tar"), toPath: fixture.folder.file("away"))
        let outcome = try tool.run(["embed"])
        #expect(outcome.exitStatus == 66)
        #expect(outcome.errors.contains("1 of 3 shards could not be embedded"))
        #expect(outcome.errors.contains("/\(gone).tar: There is no file here"))
        let found = try segments(of: tool).filter { !$0.key.hasSuffix(".part") }
        #expect(found.count == 2)
        for (path, bytes) in found { #expect(expected[path] == bytes) }

        try files.moveItem(atPath: fixture.folder.file("away"), toPath: fixture.folder.file("\(gone).tar"))
        try tool.succeed(["embed"])
        #expect(try segments(of: tool) == expected)
        #expect(try tool.succeed(["embed"]).output.contains("everything is embedded"))
    }

    @Test func fastDecodingIsKeptUntilExactIsAskedFor() throws {
        let exact = try tool("exact")
        try exact.succeed(["ingest", "pictures/a", "--dataset", "a"])
        try exact.succeed(["embed"])
        let tool = try tool("fast")
        try tool.succeed(["ingest", "pictures/a", "--dataset", "a"])
        let first = try tool.succeed(["embed", "--decode", "fast"])
        #expect(first.errors.contains("fast against exact decoding, images: cosine mean"))
        #expect(first.output.contains("embedded 16 images"))
        #expect(try segments(of: tool) != segments(of: exact))
        #expect(try tool.succeed(["embed"]).output.contains("everything is embedded"))
        try tool.succeed(["ingest", "pictures/b", "--dataset", "b"])
        let second = try tool.succeed(["embed"])
        #expect(second.errors.contains("going on in fp32 with fast decoding"))
        try tool.succeed(["dataset", "remove", "b"])
        #expect(try tool.succeed(["embed", "--decode", "exact"]).output.contains("embedded 16 images"))
        let (left, right) = (try segments(of: tool), try segments(of: exact))
        for (path, bytes) in right { #expect(left[path] == bytes) }
    }

    @Test func profileSaysWhereTheTimeWent() throws {
        let tool = try tool("profile")
        try tool.succeed(["ingest", "pictures/b", "--dataset", "b"])
        let output = try tool.succeed(["embed", "--profile", "--threads", "1"]).output
        for step in ["read", "decode", "resample", "tokenize", "image tower", "text tower", "waiting", "write"] {
            #expect(output.contains("\n  \(step) "), "\(step)")
        }
        #expect(output.contains("Gflop/s, in 8-bit integers"))
        let runs = tool.workspace + "/runs"
        let run = try #require(try files.contentsOfDirectory(atPath: runs).filter { $0.hasSuffix("-embed") }.max())
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(runs)/\(run)/run.json"))
        let record = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let values = try #require(record["values"] as? [String: Double])
        let share = try #require(values["shareOfPeak"])
        #expect(share > 0 && share < 1.5)
        let stages = try #require(record["stages"] as? [[String: Any]])
        let seconds = Dictionary(
            uniqueKeysWithValues: stages.compactMap { stage -> (String, Double)? in
                guard let name = stage["name"] as? String, let time = stage["seconds"] as? Double else { return nil }
                return (name, time)
            })
        // One thread did all but the writing: its steps are no longer than the run.
        let steps = ["read", "decode", "resample", "tokenize", "image tower", "text tower"].compactMap { seconds[$0] }
        #expect(steps.count == 6)
        #expect(steps.reduce(0, +) <= (try #require(seconds["embed"])) * 1.01)
    }
}
