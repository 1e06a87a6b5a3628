import ArgumentParser
import Workflows

/// `vlmpipe demo-data`.
struct DemoDataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo-data",
        abstract: "Draws the built-in scene data set and writes it as WebDataset shards.",
        discussion: """
            Coloured things in six settings with English and Chinese captions. DIR/train has COUNT samples; DIR/test has \
            every combination of colour, thing and setting, 48 of which (an orange cat in the sun is one) never occur in \
            training. DIR/test-truth.json says what is on each test picture. Equal arguments give equal bytes.

              vlmpipe demo-data scenes --count 16000 --seed 1
            """)

    @Argument(help: ArgumentHelp("Folder to write to.", valueName: "dir"))
    var directory: String

    @Option(help: ArgumentHelp("Training samples.", valueName: "n"))
    var count = 16_000

    @Option(help: ArgumentHelp("Seed of the drawing.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Worker threads (default: all cores).", valueName: "n"))
    var threads: Int?

    @Flag(name: [.long, .short], help: "No progress.")
    var quiet = false

    func validate() throws {
        if !(1...10_000_000).contains(count) {
            throw ValidationError("--count is \(count), must be from 1 to 10000000")
        }
    }

    func run() async throws {
        let report = try await DemoDataWorkflow.run(
            DemoDataRequest(directory: directory, count: count, seed: seed, threads: threads, isQuiet: quiet))
        print(report.summary)
    }
}
