import Foundation
import Testing

/// A public checkpoint's way from its folder to search hits, and the proof on the way.
@Suite(.serialized) struct CheckpointTests {
    @Test func fromACheckpointToHits() throws {
        let fixture = try CheckpointFixture()
        let tool = fixture.tool
        let imported = try tool.succeed(["model", "import", CheckpointFixture.name, "--name", "words"])
        #expect(imported.output.contains("words"))
        let verified = try tool.succeed(["model", "verify", "words"])
        for stage in ["image.pixels", "image.block.0", "image.embedding", "text.tokens", "text.embedding"] {
            #expect(verified.output.contains(stage))
        }
        #expect(verified.output.contains("words computes what its library computes"))

        let pictures = try fixture.pictures(3)
        try tool.succeed(["ingest", "scenes/train"])
        #expect(try tool.succeed(["embed", "--model", "words"]).output.contains("embedded 16 images"))
        let search = try tool.succeed(["search", "orange cat", "-k", "16", "--json", "--quiet"]).output
        let result = try #require(try JSONSerialization.jsonObject(with: Data(search.utf8)) as? [String: Any])
        let hits = try #require(result["hits"] as? [[String: Any]])
        #expect(hits.count == 16)

        // The scores are the cosines of what encode writes.
        let text = try vectors(tool.succeed(["encode", "--texts", "orange cat", "--quiet"]).output)[0]
        let images = try vectors(tool.succeed(["encode", "--images"] + pictures + ["--quiet"]).output)
        for (picture, image) in zip(pictures, images) {
            let key = String(picture.dropLast(".jpg".count))
            let hit = try #require(hits.first { $0["key"] as? String == key })
            let score = try #require(hit["score"] as? Double)
            let cosine = zip(text, image).reduce(0) { $0 + $1.0 * $1.1 }
            #expect(abs(score - cosine) < 2e-3)
        }
    }

    private func vectors(_ lines: String) throws -> [[Double]] {
        try lines.split(separator: "\n").map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return try #require(object?["embedding"] as? [Double])
        }
    }

    @Test func verifyNeedsNoWorkspaceAndSaysWhereValuesPart() throws {
        let fixture = try CheckpointFixture()
        let tool = fixture.tool
        try tool.succeed(["model", "verify", "./\(CheckpointFixture.name)"])
        try fixture.edit("open_clip_config.json") {
            $0.replacingOccurrences(of: "\"embed_dim\"", with: "\"quick_gelu\": true, \"embed_dim\"")
        }
        let wrong = try tool.run(["model", "verify", "./\(CheckpointFixture.name)"])
        #expect(wrong.exitStatus == 65)
        #expect(wrong.output.contains("MISSED"))
        #expect(wrong.errors.contains("image.embedding") && wrong.errors.contains("image.block.0"))
        #expect(!FileManager.default.fileExists(atPath: tool.workspace))
    }

    @Test func withoutGoldenVectorsVerifyNamesTheCommandThatMakesThem() throws {
        let fixture = try CheckpointFixture()
        try FileManager.default.removeItem(atPath: fixture.folder.file("\(CheckpointFixture.name)/golden.safetensors"))
        let missing = try fixture.tool.run(["model", "verify", "./\(CheckpointFixture.name)"])
        #expect(missing.exitStatus == 66)
        #expect(missing.errors.contains("Tests/Peers/golden.py make"))
        // Nor does a damaged one pass.
        _ = try fixture.folder.write([1, 2, 3], to: "\(CheckpointFixture.name)/golden.safetensors")
        #expect(try fixture.tool.run(["model", "verify", "./\(CheckpointFixture.name)"]).exitStatus == 65)
    }
}
