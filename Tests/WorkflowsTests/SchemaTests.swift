import Encoders
import Foundation
import PipelineEngine
import TestSupport
import Testing
import Training

@testable import Workflows

/// What is written conforms to its schema, and schemas and code name the same keys.
@Suite struct SchemaTests {
    @Test func evaluation() async throws {
        let pool = ComputePool(threadCount: 1)
        let metrics = try await RetrievalMetrics.evaluate(
            split: "dev", images: [1, 0, 0, 1], texts: [1, 0, 0, 1, 1, 0], dimension: 2, imageOfText: [0, 1, 1],
            on: pool)
        let check = try SchemaCheck(file: "eval-result.schema.json")
        let json = try JSONFile.text(metrics)
        #expect(try check.problems(json) == [])
        #expect(json.contains("\"recall@10\" : 1"))
        #expect(check.properties("direction") == ["recall@1", "recall@5", "recall@10", "medianRank"])
        #expect(check.properties() == ["split", "images", "texts", "textToImage", "imageToText"])
    }

    @Test func runRecord() throws {
        var record = RunRecord(id: "0001-embed", command: "embed", settings: ["model": "tiny"], threads: 2)
        record.counts["images"] = 3
        record.values["loss"] = 0.5
        record.stages = [.init(name: "embed", seconds: 2, items: 3), .init(name: "idle", seconds: 0)]
        record.peakMemoryBytes = 1 << 20
        let check = try SchemaCheck(file: "run.schema.json")
        let json = try JSONFile.text(record)
        #expect(try check.problems(json) == [])
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(check.properties() == Set(object.keys))
    }

    @Test func modelDescription() throws {
        let configuration = try DualEncoderConfiguration(
            embeddingDimension: 32,
            vision: .init(imageSize: 32, patchSize: 8, width: 32, layerCount: 1, headWidth: 16, stem: .convolutional),
            text: .init(
                contextLength: 8, vocabularySize: 600, width: 32, layerCount: 1, headCount: 2, endTokenID: 2,
                padTokenID: 0))
        let json = String(decoding: try configuration.jsonData(), as: UTF8.self)
        #expect(try SchemaCheck(file: "model.schema.json").problems(json) == [])
    }

    @Test(arguments: GoldenComparisonTests.names) func importedModelDescription(name: String) throws {
        let checkpoint = try ForeignCheckpoint(
            directory: GoldenComparisonTests.fixtures.appending(path: name).path)
        let json = String(decoding: try checkpoint.importModel().encoder.configuration.jsonData(), as: UTF8.self)
        #expect(try SchemaCheck(file: "model.schema.json").problems(json) == [])
    }

    /// The resolved recipe as it is saved with the run conforms to the schema of recipes.
    @Test(arguments: [nil, "scenes.yaml", "flickr8k.yaml"])
    func recipe(name: String?) throws {
        let path = name.map { SchemaCheck.folder.deletingLastPathComponent().path + "/Pipelines/recipes/\($0)" }
        var recipe = try EncoderRecipe(path: path, seed: nil)
        #expect(recipe.training.seed == recipe.seed)
        let json = try JSONFile.text(recipe)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        let check = try SchemaCheck(file: "training-recipe.schema.json")
        #expect(Set(object.keys) == check.properties())
        // The seed inside `training` is the recipe's; it is not a setting of files.
        var training = try #require(object["training"] as? [String: Any])
        training["seed"] = nil
        var file = object
        file["training"] = training
        let text = String(decoding: try JSONSerialization.data(withJSONObject: file), as: UTF8.self)
        #expect(try check.problems(text) == [])

        recipe.seed = 9
        #expect(try recipe.digest() != EncoderRecipe(path: path, seed: nil).digest())
        #expect(
            try recipe.digest() != EncoderRecipe(path: path, seed: 9).digest(), "the training seed follows the seed")
        #expect(try EncoderRecipe(path: path, seed: 9).digest() == EncoderRecipe(path: path, seed: 9).digest())
    }

    @Test(arguments: ["scenes.yaml", "flickr8k.yaml"])
    func pipelines(name: String) throws {
        let path = SchemaCheck.folder.deletingLastPathComponent().path + "/Pipelines/\(name)"
        let pipeline = try Pipeline(path: path, assignments: name == "flickr8k.yaml" ? ["data=photos"] : [])
        #expect(!pipeline.stages.isEmpty)
        #expect(pipeline.outline.split(separator: "\n").count == pipeline.stages.count)
    }

    @Test func pipelineProblemsAreReportedTogether() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/bad.yaml"
        try """
        version: "0.1"
        variables: {data: null}
        stages:
          - ingest: {sources: "${data}/x.tar", splitt: dev}
          - dance: {}
          - embed: {captions: perhaps}
        """.write(toFile: path, atomically: true, encoding: .utf8)
        #expect {
            try Pipeline(path: path)
        } throws: { error in
            let text = "\(error)"
            return [
                "variable 'data'", "splitt: unknown setting", "dance: is no stage", "captions: must be true or false",
            ]
            .allSatisfy(text.contains)
        }
        #expect(throws: WorkflowError.self) { try Pipeline(path: path, assignments: ["nothing"]) }
    }
}
