import ArgumentParser
import Encoders
import Workflows

extension Precision: ExpressibleByArgument {}

/// `vlmpipe embed`.
struct EmbedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract: "Computes embeddings of everything not yet embedded and seals the index as it goes.",
        discussion: """
            Search works part-way. Stopped and run again it redoes at most 256 samples; a second run embeds only what is \
            new.

              vlmpipe embed
              vlmpipe embed --model scenes --dataset photos
              vlmpipe embed --precision int8

            With int8 the large matrix products run in 8-bit integers, about three times as fast on CPUs with VNNI. \
            The first 256 samples are then embedded both ways; their cosines and the agreement of their nearest \
            neighbours are printed and recorded, and the run ends there if they are too low. Vectors of another \
            precision count as not yet embedded where one is named.
            """)

    @OptionGroup var global: GlobalOptions

    @Option(help: ArgumentHelp("Model (default: the one in use, see 'vlmpipe model list').", valueName: "name"))
    var model: String?

    @Option(help: ArgumentHelp("Only this data set (repeatable).", valueName: "name"))
    var dataset: [String] = []

    @Flag(help: "Leave captions out.")
    var imagesOnly = false

    @Flag(help: "If there is no model yet, train the default recipe first, however long it takes.")
    var train = false

    @Option(
        help: ArgumentHelp(
            "What the towers compute in. Default: that of the vectors there are, else fp32.", valueName: "precision"))
    var precision: Precision?

    @Flag(help: "Use a precision that changes vectors more than the bounds allow.")
    var acceptLoss = false

    func run() async throws {
        let session = try global.writingSession()
        let report = try await EmbedWorkflow.run(
            EmbedRequest(
                model: model, datasets: dataset, embedsCaptions: !imagesOnly, mayTrain: train, precision: precision,
                acceptsLoss: acceptLoss), in: session)
        print(report.summary)
    }
}
