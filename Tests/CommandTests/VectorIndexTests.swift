import Foundation
import TestSupport
import Testing

/// `vlmpipe index` on vectors of any origin, without a workspace.
@Suite struct VectorIndexTests {
    private struct Report: Decodable {
        struct Hit: Decodable {
            let id: Int
            let key: String?
            let score: Float
        }
        let mode: String
        let recall: Double?
        let millisecondsPerQuery: Double
        let queries: Int
        let rows: Int
        let hits: [[Hit]]
    }

    /// Little-endian Float32 records with their element counts before them.
    private func writeFvecs(_ rows: [[Float]], to path: String) throws {
        var data = Data()
        for row in rows {
            withUnsafeBytes(of: UInt32(row.count).littleEndian) { data.append(contentsOf: $0) }
            for value in row { withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) } }
        }
        try data.write(to: URL(fileURLWithPath: path))
    }

    /// Row n points along axis n % 40, a little towards the next.
    private func rows(_ count: Int) -> [[Float]] {
        (0..<count).map { row in
            var vector = [Float](repeating: 0, count: 40)
            vector[row % 40] = 3
            vector[(row + 1) % 40] = 0.01 * Float(row / 40)
            return vector
        }
    }

    private func query(_ tool: Tool, _ arguments: [String]) throws -> Report {
        let outcome = try tool.succeed(["index", "query", "i.vlx", "--vectors", "q.fvecs", "--json"] + arguments)
        return try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
    }

    @Test func buildQueryAddAndUnpack() throws {
        let folder = try TemporaryFolder()
        let tool = Tool(workspace: folder.file("none"), folder: folder.path)
        try writeFvecs(rows(400), to: folder.file("a.fvecs"))
        try writeFvecs(Array(rows(401).suffix(1)), to: folder.file("b.fvecs"))
        try writeFvecs(Array(rows(40).map { $0.map { $0 > 0 ? 1 : 0 } }.prefix(3)), to: folder.file("q.fvecs"))
        try (0..<400).map { "key \($0)" }.joined(separator: "\n")
            .write(toFile: folder.file("keys.txt"), atomically: true, encoding: .utf8)
        let build = [
            "index", "build", "--vectors", "a.fvecs", "--keys", "keys.txt", "--output", "i.vlx", "--normalize",
        ]
        let built = try tool.succeed(build)
        #expect(built.output.hasPrefix("built 400 vectors of 40 dimensions"))
        #expect(try tool.run(build).exitStatus == 64)
        let report = try query(tool, ["-k", "3", "--output", "ids.npy"])
        #expect(report.mode == "exact" && report.recall == nil && report.rows == 400 && report.queries == 3)
        #expect(report.hits.map { $0[0].id } == [0, 1, 2] && report.hits[1][0].key == "key 1")
        #expect(abs(report.hits[0][0].score - 1) < 1e-3)
        let ids = try Data(contentsOf: folder.path.appending("/ids.npy").asURL)
        #expect(ids.count == 128 + 9 * 8)
        #expect(try query(tool, ["-k", "3", "--approx"]).mode == "approx")
        #expect(try query(tool, ["-k", "3", "--batch", "--io", "pread"]).hits.map { $0[0].id } == [0, 1, 2])
        try tool.succeed(["index", "add", "i.vlx", "--vectors", "b.fvecs", "--normalize"])
        #expect(try query(tool, ["-k", "500"]).hits[0].count == 401)
        #expect(try tool.run(["index", "add", "i.vlx", "--vectors", "b.fvecs", "--normalize"]).exitStatus == 64)
        #expect(try tool.succeed(["index", "verify", "i.vlx"]).output.hasPrefix("sound"))
        #expect(try tool.succeed(["index", "unpack", "i.vlx"]).output.contains("unpacked 2 segments"))
        #expect(try query(tool, ["-k", "3"]).hits.map { $0[0].id } == [0, 1, 2])
        let info = try tool.succeed(["index", "info", "i.vlx", "--json"]).output
        for name in ["\"rows\" : 401", "\"signs\"", "\"factors\"", "\"high\"", "\"low\"", "\"vectors\""] {
            #expect(info.contains(name), "\(name)")
        }
    }

    @Test func lifecycle() throws {
        let folder = try TemporaryFolder()
        let tool = Tool(workspace: folder.file("none"), folder: folder.path)
        try writeFvecs(rows(400), to: folder.file("a.fvecs"))
        try writeFvecs(Array(rows(40).map { $0.map { $0 > 0 ? 1 : 0 } }.prefix(3)), to: folder.file("q.fvecs"))
        let build = ["index", "build", "--vectors", "a.fvecs", "--normalize", "--output"]
        try tool.succeed(build + ["i.vlx"])
        try tool.succeed(build + ["b.vlx", "--name", "b", "--first-id", "1000", "--codec", "i.vlx"])
        #expect(try tool.run(["index", "adopt", "i.vlx", "i.vlx"]).exitStatus == 0)
        #expect(try tool.succeed(["index", "adopt", "i.vlx", "b.vlx"]).output.contains("800 vectors"))
        #expect(
            try tool.succeed(["index", "merge", "i.vlx", "b.vlx", "--output", "m.vlx"]).output.contains("800 vectors"))
        try "0\n1000\n\n".write(toFile: folder.file("ids.txt"), atomically: true, encoding: .utf8)
        #expect(
            try tool.succeed(["index", "delete", "i.vlx", "--ids", "ids.txt"]).output.hasPrefix("deleted 2 vectors"))
        #expect(try query(tool, ["-k", "1"]).hits.map { $0[0].id } == [40, 1, 2])
        #expect(try tool.succeed(["index", "info", "i.vlx"]).output.contains("2 deleted vectors"))
        #expect(try tool.succeed(["index", "compact", "i.vlx", "--profile", "std"]).output.contains("1 now"))
        #expect(try query(tool, ["-k", "1"]).mode == "exact over 8-bit codes")
        #expect(try tool.run(["index", "export", "i.vlx", "--to", "npy", "--output", "x.npy"]).exitStatus == 65)
        #expect(
            try tool.succeed(["index", "export", "m.vlx", "--to", "jsonl", "--output", "x.jsonl"]).output.contains(
                "800"))
        #expect(try tool.succeed(["index", "gc", "i.vlx"]).output.hasPrefix("removed 0 files"))
        #expect(try tool.succeed(["index", "repair", "i.vlx"]).output.hasPrefix("sound"))
        let bad = try tool.run(["index", "delete", "i.vlx"])
        #expect(bad.exitStatus == 64 && bad.errors.contains("--ids"))
        #expect(try tool.run(["index", "merge", "m.vlx", "none.vlx", "--output", "n.vlx"]).exitStatus != 0)
        #expect(!FileManager.default.fileExists(atPath: folder.file("n.vlx")))
    }

    /// Queries can be named when an index is built, and only then.
    @Test func buildForQueries() throws {
        let folder = try TemporaryFolder()
        let tool = Tool(workspace: folder.file("none"), folder: folder.path)
        try writeFvecs(rows(400), to: folder.file("a.fvecs"))
        try writeFvecs(rows(30).map { $0.map { 3 * $0 } }, to: folder.file("q.fvecs"))
        try writeFvecs([[1, 2, 3]], to: folder.file("short.fvecs"))
        let build = ["index", "build", "--vectors", "a.fvecs", "--normalize", "--profile", "std", "--output"]
        try tool.succeed(build + ["i.vlx", "--queries", "q.fvecs"])
        #expect(try tool.succeed(["index", "info", "i.vlx"]).output.contains("codes rounded for queries"))
        try tool.succeed(build + ["rows.vlx"])
        #expect(try tool.succeed(["index", "info", "rows.vlx", "--json"]).output.contains("\"codesFor\" : \"rows\""))
        let add = ["index", "add", "i.vlx", "--vectors", "a.fvecs", "--normalize", "--name", "more"]
        for (arguments, status, word) in [
            (build + ["n.vlx", "--queries", "q.fvecs", "--codec", "i.vlx"], Int32(64), "--codec"),
            (build + ["n.vlx", "--queries", "short.fvecs"], 65, "1 queries of 3 dimensions"),
            (build + ["n.vlx", "--queries", "none.fvecs"], 66, "none.fvecs"),
            (build + ["n.vlx", "--queries", "q.fvecs", "--profile", "plain"], 65, "plain has no codes"),
            (add + ["--queries", "q.fvecs"], 65, "decided already"),
        ] {
            let result = try tool.run(arguments)
            #expect(result.exitStatus == status && result.errors.contains(word), "\(arguments): \(result)")
        }
        try tool.succeed(add)
        #expect(try tool.succeed(["index", "verify", "i.vlx"]).output.hasPrefix("sound"))
    }

    /// What a shell's pipe brings becomes the same index as the file does.
    @Test func buildFromAPipe() throws {
        let folder = try TemporaryFolder()
        let tool = Tool(workspace: folder.file("none"), folder: folder.path)
        try writeFvecs(rows(700), to: folder.file("a.fvecs"))
        try writeFvecs(Array(rows(40).map { $0.map { $0 > 0 ? 1 : 0 } }.prefix(3)), to: folder.file("q.fvecs"))
        func shell(_ command: String) throws -> Int32 {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", command]
            process.currentDirectoryURL = folder.path.asURL
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            return process.terminationStatus
        }
        let build = "'\(Tool.path)' index build --vectors - --normalize --name x --output"
        #expect(try shell("cat a.fvecs | \(build) i.vlx") == 0)
        try tool.succeed(["index", "build", "--vectors", "a.fvecs", "--normalize", "--name", "x", "--output", "f.vlx"])
        func answer(_ index: String) throws -> String {
            try tool.succeed(
                ["index", "query", index, "--vectors", "q.fvecs", "-k", "50", "--output", "ids.npy"])
            return try Data(contentsOf: folder.file("ids.npy").asURL).base64EncodedString()
        }
        #expect(try answer("i.vlx") == answer("f.vlx"))
        #expect(try tool.succeed(["index", "info", "i.vlx", "--json"]).output.contains("\"rows\" : 700"))
        // A producer that stops inside a row leaves nothing behind that would be an index.
        #expect(try shell("head -c 1000 a.fvecs | \(build) cut.vlx") == 65)
        #expect(try tool.run(["index", "info", "cut.vlx"]).exitStatus != 0)
    }

    /// Partitions, recall against the vectors, and searches that ask for a recall.
    @Test func partitionTuneAndAskForRecall() throws {
        let folder = try TemporaryFolder()
        let tool = Tool(workspace: folder.file("none"), folder: folder.path)
        try writeFvecs(rows(2000), to: folder.file("a.fvecs"))
        try writeFvecs(Array(rows(40).map { $0.map { $0 > 0 ? 1 : 0 } }.prefix(9)), to: folder.file("q.fvecs"))
        try tool.succeed(
            ["index", "build", "--vectors", "a.fvecs", "--normalize", "--profile", "std", "--output", "i.vlx"])
        let exact = try query(tool, ["-k", "20", "--exact"])
        let refused = try tool.run(["index", "query", "i.vlx", "--vectors", "q.fvecs", "--recall", "0.9"])
        #expect(refused.exitStatus != 0 && refused.errors.contains("index tune"), "\(refused.errors)")
        let compact = ["index", "compact", "i.vlx", "--partition", "--partition-rows", "60"]
        #expect(try tool.succeed(compact).output.contains("2,000 vectors in "))
        #expect(try tool.succeed(compact).output.contains("nothing to do"))
        #expect(try query(tool, ["-k", "20", "--exact"]).hits.map { $0.map(\.id) } == exact.hits.map { $0.map(\.id) })
        #expect(try query(tool, ["-k", "20", "--scan", "100", "--pool", "40"]).recall == nil)
        let tune = ["index", "tune", "i.vlx", "--queries", "q.fvecs"]
        #expect(try tool.succeed(tune).output.contains("over the codes"))
        #expect(try tool.run(tune + ["--truth", "q.fvecs"]).exitStatus != 0)
        let tuned = try tool.succeed(tune + ["--truth", "a.fvecs"]).output
        #expect(tuned.contains("against the vectors themselves"))
        #expect(
            tuned.components(separatedBy: "<- used unless").count == 2 && tuned.split(separator: "\n").count <= 12,
            "\(tuned)")
        let answer = try query(tool, ["--recall", "0.5"])
        #expect(answer.mode == "approx" && (answer.recall ?? 0) >= 0.5)
        #expect(try tool.run(["index", "query", "i.vlx", "--vectors", "q.fvecs", "--recall", "2"]).exitStatus == 64)
        #expect(try tool.succeed(["index", "verify", "i.vlx"]).output.hasPrefix("sound"))
        #expect(try tool.succeed(["index", "info", "i.vlx"]).output.contains("partitions"))
    }

    @Test func wrongInputsSaySo() throws {
        let folder = try TemporaryFolder()
        let tool = Tool(workspace: folder.file("none"), folder: folder.path)
        try writeFvecs(rows(5), to: folder.file("a.fvecs"))
        try Data([1, 2, 3]).write(to: folder.file("short.fvecs").asURL)
        try Data([4, 0, 0, 0, 1]).write(to: folder.file("odd.bvecs").asURL)
        try "one\ntwo\n".write(toFile: folder.file("keys.txt"), atomically: true, encoding: .utf8)
        for (arguments, status, text) in [
            (["--vectors", "none.npy"], Int32(66), "none.npy"), (["--vectors", "short.fvecs"], 65, "short.fvecs"),
            (["--vectors", "odd.bvecs"], 65, "multiple"), (["--vectors", "keys.txt"], 65, ".npy"),
            (["--vectors", "a.fvecs"], 65, "row 0"), (["--vectors", "a.fvecs", "--profile", "huge"], 64, "profile"),
            (["--vectors", "a.fvecs", "--normalize", "--keys", "keys.txt"], 65, "2 keys for 5 vectors"),
        ] {
            let outcome = try tool.run(["index", "build", "--output", "i.vlx"] + arguments)
            #expect(outcome.exitStatus == status && outcome.errors.contains(text), "\(arguments): \(outcome.errors)")
            #expect(outcome.errors.split(separator: "\n").count < 8)
            try? FileManager.default.removeItem(atPath: folder.file("i.vlx"))
        }
        let outcome = try tool.run(["index", "query", "i.vlx", "--vectors", "a.fvecs"])
        #expect(outcome.exitStatus == 64 && outcome.errors.contains("i.vlx"), "\(outcome.errors)")
    }
}

extension String {
    fileprivate var asURL: URL { URL(fileURLWithPath: self) }
}
