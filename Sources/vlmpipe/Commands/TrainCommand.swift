import ArgumentParser
import Workflows

/// `vlmpipe train`.
struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains an image and a text encoder on the ingested pairs.",
        discussion: """
            Uses the samples of the split 'train' that have captions. Stop it at any time: the same call goes on from the \
            last checkpoint and ends with the same weights. Metrics and a plot are in the run folder it names.

              vlmpipe train                                    the default recipe
              vlmpipe train --recipe recipe.yaml --model mine  your own (start from Pipelines/recipes)
              vlmpipe train --dataset photos --seed 2
            """)

    @OptionGroup var global: GlobalOptions

    @Option(help: ArgumentHelp("Recipe; see Schemas/training-recipe.schema.json.", valueName: "file"))
    var recipe: String?

    @Option(help: ArgumentHelp("Name of the model that is made.", valueName: "name"))
    var model = "inhouse"

    @Option(help: ArgumentHelp("Train on this data set only (repeatable).", valueName: "name"))
    var dataset: [String] = []

    @Option(help: ArgumentHelp("Replaces the recipe's seed.", valueName: "n"))
    var seed: UInt64?

    func run() async throws {
        let session = try global.writingSession()
        let report = try await TrainWorkflow.run(
            TrainRequest(recipePath: recipe, model: model, datasets: dataset, seed: seed), in: session)
        print(report.summary)
    }
}
