import ArgumentParser
import Workflows

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

    func run() async throws {
        let session = try global.writingSession()
        let report = try await EmbedWorkflow.run(
            EmbedRequest(model: model, datasets: dataset, embedsCaptions: !imagesOnly, mayTrain: train), in: session)
        print(report.summary)
    }
}
