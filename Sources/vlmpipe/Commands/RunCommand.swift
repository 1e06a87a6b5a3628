import ArgumentParser
import Workflows

/// `vlmpipe run`.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a declared pipeline; stages whose results are up to date do no work.",
        discussion: """
            The file is checked whole before anything starts. Run it again after a stop: it goes on where it was.

              vlmpipe run Pipelines/flickr8k.yaml --set data=/data/flickr8k
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("Pipeline; see Schemas/pipeline.schema.json.", valueName: "file"))
    var file: String

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Value of a variable of the pipeline (repeatable).", valueName: "name=value"))
    var variables: [String] = []

    @Flag(help: "Check the file and print the stages, but run nothing.")
    var dryRun = false

    func run() async throws {
        let pipeline = try Pipeline(path: file, assignments: variables)
        if dryRun {
            print(pipeline.outline, terminator: "")
            return
        }
        let session = try global.writingSession()
        try await pipeline.run(in: session) { print($0, terminator: "") }
    }
}
