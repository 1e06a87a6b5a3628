import ArgumentParser
import Workflows

extension ModelCommand {
    /// `vlmpipe model verify`.
    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replays the outputs of the library that defines a model and shows the error of each stage.",
            discussion: """
                The outputs are in golden.safetensors beside the weights; import takes it along. One command makes it for \
                any checkpoint, with open_clip or transformers (Tests/Peers/setup.sh installs them):

                  python3 Tests/Peers/golden.py make DIR

                The exit status is 65 when an embedding differs by more than 1e-5, or a pixel or token at all.

                  vlmpipe model verify b32
                  vlmpipe model verify ./ViT-B-32
                """)
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Model, or folder with a slash (default: the model in use).", valueName: "name"))
        var name: String?

        func run() async throws {
            let runtime = try ModelRuntime(
                source: ModelSource(argument: name), workspace: global.workspace, threads: global.threads,
                isQuiet: global.quiet)
            let report = try await ModelVerifyWorkflow.run(with: runtime)
            print(report.table, terminator: "")
            guard report.isVerified else { throw WorkflowError(.badData, report.summary) }
            print(report.summary)
        }
    }
}
