import Foundation
import TestSupport
import Testing

/// `dataset` and `status` as users type them.
@Suite struct DatasetTests {
    @Test func countsFindsMovesAndForgets() throws {
        let folder = try TemporaryFolder()
        let tool = Tool(workspace: folder.path + "/workspace", folder: folder.path)
        try tool.succeed(["demo-data", "scenes", "--count", "20", "--quiet"])
        // A picture that is none.
        try FileManager.default.createDirectory(atPath: folder.path + "/pictures", withIntermediateDirectories: true)
        try Data("no picture".utf8).write(to: URL(fileURLWithPath: folder.path + "/pictures/bad.jpg"))
        try tool.succeed(["ingest", "scenes/train", "--dataset", "scenes"])
        try tool.succeed(["ingest", "pictures", "--dataset", "pictures", "--max-bad", "100"])

        let stats = try tool.succeed(["dataset", "stats", "scenes"]).output
        #expect(stats.contains("formats") && stats.contains("jpeg 20"))
        let found = try tool.succeed(["dataset", "find", "a", "--dataset", "scenes", "-k", "3", "--json", "--quiet"])
        #expect(found.errors.isEmpty)
        let report = try #require(try JSONSerialization.jsonObject(with: Data(found.output.utf8)) as? [String: Any])
        #expect((report["hits"] as? [[String: Any]])?.count == 3)
        #expect(try tool.run(["dataset", "find", "!!"]).exitStatus == 64)

        let list = try tool.succeed(["dataset", "quarantine"]).output
        #expect(list.contains("ingest/") && list.contains("pictures/bad.jpg"))
        let lines = try tool.succeed(["dataset", "quarantine", "pictures", "--json"]).output
        #expect(lines.split(separator: "\n").count == 1 && lines.contains("\"offset\""))
        try tool.succeed(["dataset", "quarantine", "--export", "bad.csv"])
        #expect(try String(contentsOfFile: folder.path + "/bad.csv", encoding: .utf8).contains("pictures/bad.jpg"))
        #expect(try tool.run(["dataset", "quarantine", "--retry", "--json"]).exitStatus == 64)

        // Marked, and good by now: the next ingest looks at it again.
        try tool.succeed(["dataset", "quarantine", "--retry"])
        let again = try tool.run(["ingest", "pictures", "--dataset", "pictures", "--max-bad", "100"])
        #expect(again.output.contains("1 replaced"))

        let status = try tool.succeed(["status"]).output
        #expect(status.contains("data set   pictures") && status.contains("next       vlmpipe train"))

        let elsewhere = folder.path + "/elsewhere"
        try FileManager.default.createDirectory(atPath: elsewhere, withIntermediateDirectories: true)
        let refused = try tool.run(["dataset", "relocate", "scenes", "elsewhere"])
        #expect(refused.exitStatus == 66 && refused.errors.contains("nothing was changed"))
        try tool.succeed(["dataset", "remove", "pictures"])
        #expect(try tool.run(["dataset", "stats", "pictures"]).exitStatus == 64)
        #expect(try tool.run(["search", "cat", "--dataset", "pictures"]).exitStatus == 64)
        #expect(try tool.succeed(["dataset", "find", "a", "-k", "1"]).output.contains("scenes"))
    }
}
