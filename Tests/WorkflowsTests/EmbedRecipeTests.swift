import Encoders
import Testing

@testable import Workflows

@Suite struct EmbedRecipeTests {
    /// Vectors of one recipe, version or set of views are never taken for those of another.
    @Test func digestsTellRecipesApart() throws {
        var seen: Set<String> = []
        var count = 0
        for recipe in EmbedRecipe.all {
            for embedsCaptions in [false, true] {
                let digests = try recipe.digests(embedsCaptions: embedsCaptions)
                #expect(digests.count == (recipe.precision == .int8 ? 2 : 1))
                count += digests.count
                seen.formUnion(digests.map(\.hexadecimal))
            }
        }
        #expect(count == 12 && seen.count == count)
    }

    /// Whoever has Float32 vectors of an earlier version of the tool keeps them.
    @Test func digestsOfFloatVectorsStay() throws {
        let digests = try EmbedRecipe().digests(embedsCaptions: true)
        #expect(digests.map { String($0.hexadecimal.prefix(16)) } == ["a3bd375c78902e03"])
    }

    /// What was not asked for stays as it was.
    @Test func goesOnAsBefore() {
        func request(_ precision: Precision?) -> EmbedRequest {
            EmbedRequest(model: nil, datasets: [], embedsCaptions: true, mayTrain: false, precision: precision)
        }
        let int8 = EmbedRecipe(precision: .int8)
        #expect(EmbedRecipe.chosen(request(nil), current: [int8]) == int8)
        #expect(EmbedRecipe.chosen(request(.fp32), current: [int8]) == EmbedRecipe())
        #expect(EmbedRecipe.chosen(request(nil), current: [EmbedRecipe]()) == EmbedRecipe())
    }
}
