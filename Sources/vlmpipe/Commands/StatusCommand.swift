import ArgumentParser
import Workflows

/// `vlmpipe status`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows the workspace: data sets, models, share embedded, disk, and what to do next.")

    @OptionGroup var global: GlobalOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let report = try StatusWorkflow.run(in: try global.session())
        print(json ? try JSONFile.text(report) : report.text, terminator: "")
    }
}
