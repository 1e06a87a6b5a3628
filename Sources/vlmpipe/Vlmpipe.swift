import ArgumentParser
import Foundation
import Kernels
import Workflows

/// The command line: reads arguments, calls `Workflows`, renders what comes back, and turns failures into exit statuses.
@main
struct Vlmpipe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vlmpipe",
        abstract: "Turns image–text shards into a searchable embedding index.",
        discussion: """
            A first session:

              vlmpipe demo-data scenes --count 16000
              vlmpipe ingest scenes/train --split train
              vlmpipe train
              vlmpipe embed
              vlmpipe search "orange cat in the sun"

            What is made lives in a .vlmpipe folder, found upwards from the current one; deleting it undoes everything. \
            Results go to stdout, progress and messages to stderr. Every stage may be stopped at any time and run again. \
            Exit statuses: 0 done, 64 wrong use, 65 bad data, 66 no such input, 74 I/O error, 75 another command is \
            writing, 130 stopped by the user.
            """,
        version: ToolVersion.text,
        subcommands: [
            IngestCommand.self, TrainCommand.self, EmbedCommand.self, SearchCommand.self, EncodeCommand.self,
            EvalCommand.self, IndexCommand.self, ModelCommand.self, DatasetCommand.self, RunCommand.self,
            DemoDataCommand.self, StatusCommand.self,
        ])

    static func main() async {
        // A reader that goes away (vlmpipe search … | head) must not kill a run that is writing its state.
        signal(SIGPIPE, SIG_IGN)
        MatrixProduct.useCallingThread()
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            finish(with: error)
        }
    }

    /// Reports an error once, on stderr, and ends the process with its exit status.
    private static func finish(with error: any Error) -> Never {
        if let failure = CommandFailure(error) {
            FileHandle.standardError.write(Data("vlmpipe: \(failure.message)\n".utf8))
            Foundation.exit(failure.exitStatus)
        }
        exit(withError: error)
    }
}
