import ArgumentParser
import Foundation
import Kernels
import Workflows

/// Benchmarks and acceptance measurements; results go to stdout as JSON or a table.
@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vlmpipe-bench", abstract: "Measures vlmpipe.",
        subcommands: [
            ScenesCommand.self, CatalogCommand.self, FidelityCommand.self, PixelsCommand.self, TowersCommand.self,
            WeightsCommand.self,
        ])

    static func main() async {
        MatrixProduct.useCallingThread()
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            guard let failure = CommandFailure(error) else { exit(withError: error) }
            FileHandle.standardError.write(Data("vlmpipe-bench: \(failure.message)\n".utf8))
            Foundation.exit(failure.exitStatus)
        }
    }
}

/// `vlmpipe-bench scenes`.
struct ScenesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scenes",
        abstract: "Precision of the first hit on the drawn scenes, over the combinations withheld from training.",
        discussion: """
            Run it in a workspace in which the test shards are ingested without captions and embedded:

              vlmpipe-bench scenes scenes/test-truth.json --model scenes
            """)

    @Argument(help: ArgumentHelp("test-truth.json of the data set.", valueName: "file")) var truth: String
    @Option(help: "Workspace folder.") var workspace: String?
    @Option(help: "Model (default: the one in use).") var model: String?
    @Option(help: "Data set of the test shards.") var dataset = "scenes"
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let session = try Session.open(workspace: workspace, threads: nil, isQuiet: true, mode: .reading)
        let report = try await SceneBenchmark.run(truthPath: truth, model: model, dataset: dataset, in: session)
        print(json ? try JSONFile.text(report) : report.table, terminator: "")
    }
}
