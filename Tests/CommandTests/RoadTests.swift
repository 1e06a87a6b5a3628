import Foundation
import TestSupport
import Testing

/// The whole road on a small data set: what users see on stdout, stderr and as exit status.
@Suite(.serialized) struct RoadTests {
    @Test func fromShardsToHits() throws {
        let fixture = try Fixture()
        let tool = fixture.tool("workspace")

        // Before anything is there, every command says what to do next.
        let nothing = try tool.run(["search", "cat"])
        #expect(nothing.exitStatus == 66)
        #expect(nothing.errors.contains("vlmpipe ingest"))

        let ingest = try tool.succeed(Fixture.ingestTrain)
        #expect(ingest.output.contains("found \(Fixture.trainCount) = \(Fixture.trainCount) samples + 0 quarantined"))
        #expect(ingest.errors.contains("workspace"))
        let again = try tool.succeed(Fixture.ingestTrain)
        #expect(again.output.contains("1 unchanged"))
        try tool.succeed(Fixture.ingestTest)

        let noModel = try tool.run(["embed"])
        #expect(noModel.exitStatus == 64)
        #expect(noModel.errors.contains("vlmpipe train"))

        try tool.succeed(Fixture.train)
        let trained = try tool.succeed(Fixture.train)
        #expect(trained.output.contains("already trained"))

        let unembedded = try tool.run(["search", "cat"])
        #expect(unembedded.exitStatus == 64)
        #expect(unembedded.errors.contains("vlmpipe embed"))

        let embed = try tool.succeed(Fixture.embed)
        #expect(embed.output.contains("embedded 2,080 images"))
        let second = try tool.succeed(Fixture.embed)
        #expect(second.output.contains("everything is embedded"))

        try checkSearch(tool, fixture)

        let eval = try tool.succeed(["eval", "--split", "train", "--json", "--quiet"])
        let metrics = try #require(try JSONSerialization.jsonObject(with: Data(eval.output.utf8)) as? [String: Any])
        #expect(metrics["images"] as? Int == Fixture.trainCount)
        #expect(metrics["texts"] as? Int == 6 * Fixture.trainCount)
        let direction = try #require(metrics["textToImage"] as? [String: Double])
        let recall = try #require(direction["recall@10"])
        // A hundred small steps must beat chance (10 of 640) by far.
        #expect(recall > 0.05 && recall <= 1)

        let verify = try tool.succeed(["index", "verify"])
        #expect(verify.output.contains("sound"))
        let status = try tool.succeed(["status"])
        #expect(status.output.contains("2,080 of 2,080 samples embedded"))
        try checkPrecision(tool)
    }

    /// Vectors of another precision are made anew, after a measurement that is printed and recorded.
    private func checkPrecision(_ tool: Tool) throws {
        let unknown = try tool.run(Fixture.embed + ["--precision", "int4"])
        #expect(unknown.exitStatus == 64)
        let small = try tool.succeed(Fixture.embed + ["--precision", "int8"])
        #expect(small.output.contains("embedded 2,080 images"))
        #expect(small.errors.contains("int8 against fp32, images: cosine mean 0.99"))
        // A run that names none goes on as before and makes nothing anew.
        #expect(try tool.succeed(Fixture.embed).output.contains("everything is embedded"))
        let again = try tool.succeed(Fixture.embed + ["--precision", "int8"])
        #expect(again.output.contains("everything is embedded"))
    }

    private func checkSearch(_ tool: Tool, _ fixture: Fixture) throws {
        let page = fixture.folder.path + "/result.html"
        let table = try tool.succeed(["search", "orange cat in the sun", "-k", "5", "--html", page, "--split", "test"])
        #expect(table.output.split(separator: "\n").count == 6)
        let html = try String(contentsOfFile: page, encoding: .utf8)
        #expect(html.contains("data:image/jpeg;base64,"))
        #expect(!html.contains("<script"))

        let json = try tool.succeed(["search", "一只猫", "-k", "3", "--json", "--quiet"])
        #expect(json.errors.isEmpty)
        let result = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(result["mode"] as? String == "exact")
        let hits = try #require(result["hits"] as? [[String: Any]])
        #expect(hits.count == 3)
        let scores = hits.compactMap { $0["score"] as? Double }
        #expect(scores == scores.sorted(by: >))

        // The picture of a hit is its own nearest neighbour, found through its bytes in the tar.
        let extracted = fixture.folder.path + "/extracted"
        try tool.succeed(["search", "red car", "-k", "1", "--extract", extracted])
        let files = try FileManager.default.contentsOfDirectory(atPath: extracted)
        let file = try #require(files.first)
        #expect(files.count == 1 && file.hasSuffix(".jpg"))
        let itself = try tool.succeed(["search", "@\(extracted)/\(file)", "-k", "1", "--json", "--quiet"])
        let own = try #require(try JSONSerialization.jsonObject(with: Data(itself.output.utf8)) as? [String: Any])
        let hit = try #require((own["hits"] as? [[String: Any]])?.first)
        #expect((hit["key"] as? String).map { file.hasPrefix($0) } == true)
        let score = try #require(hit["score"] as? Double)
        #expect(score > 0.999)

        let captions = try tool.succeed(["search", "red car", "-k", "700", "--in", "captions", "--json", "--quiet"])
        #expect(captions.output.contains("\"captions\""))
        let both = try tool.succeed([
            "search", "red car", "-k", "4", "--in", "both", "--split", "train", "--json", "--quiet",
        ])
        #expect(both.output.contains("captions by BM25"))
        #expect(both.output.components(separatedBy: "\"rank\"").count == 5)
        #expect(try tool.run(["search", "red car", "--in", "both", "--min-score", "0.1"]).exitStatus == 64)
        let distinct = try tool.succeed(["search", "red car", "-k", "3", "--exact", "--dedupe", "0.9999"])
        #expect(distinct.errors.contains("exact search of"))
        let filtered = try tool.succeed(["search", "red car", "--where", "width > 1000"])
        #expect(filtered.output == "no hits\n")
        let wrong = try tool.run(["search", "red car", "--where", "DROP TABLE samples"])
        #expect(wrong.exitStatus == 64)
        let long = try tool.succeed(["search", String(repeating: "cat dog ", count: 100), "-k", "1"])
        #expect(long.errors.contains("longer than the model's 16 tokens"))
        let paths = try tool.succeed(["search", "red car", "-k", "2", "--paths", "--quiet"])
        #expect(paths.output.split(separator: "\n").allSatisfy { $0.contains(".tar:") })
    }

    @Test func aMovedFolderIsOneCommand() throws {
        let fixture = try Fixture()
        let tool = fixture.tool("workspace")
        try tool.succeed(Fixture.ingestTrain)
        let before = try tool.succeed(["dataset", "dump", "--quiet"]).output
        try FileManager.default.moveItem(
            atPath: "\(fixture.folder.path)/scenes", toPath: "\(fixture.folder.path)/elsewhere")
        let training = try tool.run(Fixture.train)
        #expect(training.exitStatus != 0)
        #expect(training.errors.contains("dataset relocate"))
        let unknown = try tool.run(["dataset", "relocate", "/never/there", "elsewhere"])
        #expect(unknown.exitStatus == 64)
        let moved = try tool.succeed(["dataset", "relocate", "scenes", "elsewhere"])
        #expect(moved.output.contains("1 shard is now found below elsewhere"))
        let after = try tool.succeed(["dataset", "dump", "--quiet"]).output
        #expect(after == before.replacingOccurrences(of: "/scenes", with: "/elsewhere"))
        let again = try tool.succeed(["ingest", "elsewhere/train", "--dataset", "scenes"])
        #expect(again.output.contains("1 unchanged"))
        try tool.succeed(["dataset", "remove", "scenes"])
        #expect(try tool.succeed(["dataset", "stats", "--json"]).output.contains("\"found\" : 0"))
    }

    @Test func aBadPictureNeverStopsARun() throws {
        let fixture = try Fixture()
        let tool = fixture.tool("workspace")
        // The first picture keeps its frame header and gets a Huffman table that cannot be.
        let path = "\(fixture.folder.path)/scenes/train/00000.tar"
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let table = try #require((512..<4096).first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC4 })
        for index in table + 5..<table + 21 { bytes[index] = 0xFF }
        try Data(bytes).write(to: URL(fileURLWithPath: path))

        let headers = try tool.succeed(Fixture.ingestTrain)
        #expect(headers.output.contains("640 samples + 0 quarantined"))
        try tool.succeed(Fixture.train)
        #expect(try tool.succeed(["dataset", "stats"]).output.contains("train/malformed 1"))
        // What training set aside changes nothing about the run: it is known as done.
        #expect(try tool.succeed(Fixture.train).output.contains("already trained"))
        let embed = try tool.succeed(Fixture.embed)
        #expect(embed.output.contains("embedded 639 images"))
        #expect(embed.output.contains("1 samples could not be embedded"))
        let stats = try tool.succeed(["dataset", "stats", "--json"]).output
        #expect(stats.contains("\"found\" : 640") && stats.contains("\"quarantined\" : 1"))
        #expect(try tool.succeed(["dataset", "quarantine"]).output.contains("train-000000"))
        let strict = try tool.run(Fixture.ingestTrain + ["--check", "decode"])
        #expect(strict.exitStatus == 0)
        #expect(strict.output.contains("639 samples + 1 quarantined"))
    }

    @Test func aVanishedShardIsNoticedAndLeavesTheIndex() throws {
        let fixture = try Fixture()
        let tool = fixture.tool("workspace")
        try tool.succeed(Fixture.ingestTrain)
        try tool.succeed(Fixture.ingestTest)
        try tool.succeed(Fixture.train)
        try tool.succeed(Fixture.embed)
        try FileManager.default.removeItem(atPath: "\(fixture.folder.path)/scenes/test/00000.tar")
        let ingest = try tool.succeed(["ingest", "scenes/test/00000.tar", "--dataset", "scenes", "--no-captions"])
        #expect(ingest.output.contains("1 missing"))
        #expect(ingest.errors.contains("00000.tar"))
        try tool.succeed(Fixture.embed)
        #expect(try tool.succeed(["search", "cat", "--split", "test"]).output == "no hits\n")
        let info = try tool.succeed(["index", "info", "--json"]).output
        #expect(info.contains("\"images\" : \(Fixture.trainCount)"))
    }

    @Test func onlyOneWriterAndReadersNeverWait() throws {
        let fixture = try Fixture()
        let tool = fixture.tool("workspace")
        try tool.succeed(Fixture.ingestTrain)
        let lock = open("\(tool.workspace)/LOCK", O_RDWR)
        #expect(lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0)
        defer { close(lock) }
        let writer = try tool.run(Fixture.ingestTest)
        #expect(writer.exitStatus == 75)
        #expect(writer.errors.contains("another vlmpipe command"))
        #expect(try tool.run(["dataset", "stats"]).exitStatus == 0)
    }

    @Test(arguments: [
        (["search"], Int32(64), "Missing expected argument"),
        (["ingest", "nowhere"], 66, "nowhere"),
        (["run", "nothing.yaml"], 66, "nothing.yaml"),
        (["train", "--recipe", "bad.yaml"], 65, "unknown setting"),
    ])
    func mistakesAreNamed(arguments: [String], status: Int32, text: String) throws {
        let folder = try TemporaryFolder()
        try "version: \"0.1\"\nlearning: 3\n".write(
            toFile: folder.path + "/bad.yaml", atomically: true, encoding: .utf8)
        let outcome = try Tool(workspace: folder.path + "/workspace", folder: folder.path).run(arguments)
        #expect(outcome.exitStatus == status)
        #expect(outcome.errors.contains(text))
    }

    @Test(arguments: [
        "ingest", "train", "embed", "search", "eval", "run", "demo-data", "status", "dataset", "model", "index",
    ])
    func everyCommandHasHelp(command: String) throws {
        let folder = try TemporaryFolder()
        let outcome = try Tool(workspace: folder.path + "/workspace", folder: folder.path).run([command, "--help"])
        #expect(outcome.exitStatus == 0)
        #expect(outcome.output.contains("USAGE: vlmpipe \(command)"))
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/workspace"))
    }
}
