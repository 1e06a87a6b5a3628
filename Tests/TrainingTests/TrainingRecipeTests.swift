import Foundation
import Testing
import Training

@Suite struct TrainingRecipeTests {
    @Test func `settings survive a round trip and left-out keys take their default`() throws {
        var recipe = TrainingRecipe()
        recipe.seed = .max
        recipe.length = .samples(12_345)
        recipe.learningRate = 5e-4
        let data = try JSONEncoder().encode(recipe)
        #expect(try JSONDecoder().decode(TrainingRecipe.self, from: data) == recipe)
        #expect(try JSONDecoder().decode(TrainingRecipe.self, from: Data("{}".utf8)) == TrainingRecipe())
        #expect(TrainingRecipe().problems.isEmpty)
    }

    @Test func `all problems are reported together`() throws {
        let text = """
            {"batchsize": 3, "batchSize": 1, "learningRate": "fast", "epochs": 3, "samples": 4, "clipNorm": 0, "seed": -1}
            """
        let error = #expect(throws: TrainingError.self) {
            try JSONDecoder().decode(TrainingRecipe.self, from: Data(text.utf8))
        }
        let message = try #require(error).message
        #expect(error?.code == .invalidRecipe)
        for part in [
            "batchsize: unknown setting", "batchSize: is 1, must be from 2 to 65536", "learningRate: must be a number",
            "epochs, samples: set one", "clipNorm: is 0.0", "seed: must be",
        ] {
            #expect(message.contains(part), "missing: \(part) in \(message)")
        }
    }

    @Test func `values that are not numbers in range are refused`() {
        var recipe = TrainingRecipe()
        recipe.learningRate = .nan
        recipe.gradientLaneCount = 0
        #expect(recipe.problems.count == 2)
        #expect(throws: TrainingError.self) { try recipe.validate() }
    }
}
