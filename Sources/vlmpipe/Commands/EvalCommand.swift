import ArgumentParser
import Workflows

/// `vlmpipe eval`.
struct EvalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract: "Measures retrieval on a split: recall at 1, 5 and 10 in both directions.",
        discussion: """
            Text to image: the image of a caption is among the first k. Image to text: any of an image's captions is among \
            the first k. Measured on the embeddings that 'embed' made, which are those that search uses.

              vlmpipe eval --split dev
              vlmpipe eval --split heldout --json
            """)

    @OptionGroup var global: GlobalOptions

    @Option(help: ArgumentHelp("Split to measure on.", valueName: "name"))
    var split = "heldout"

    @Option(help: ArgumentHelp("Model (default: the one in use).", valueName: "name"))
    var model: String?

    @Option(help: ArgumentHelp("Only this data set (repeatable).", valueName: "name"))
    var dataset: [String] = []

    @Flag(help: "Print JSON (Schemas/eval-result.schema.json).")
    var json = false

    func run() async throws {
        let session = try global.session()
        let report = try await EvaluateWorkflow.run(
            EvaluateRequest(split: split, model: model, datasets: dataset), in: session)
        print(json ? try JSONFile.text(report) : report.table, terminator: "")
    }
}
