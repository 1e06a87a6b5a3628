import ArgumentParser
import Workflows

/// `vlmpipe model`.
struct ModelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Lists models, shows one, and chooses the one in use.",
        subcommands: [List.self, Show.self, Use.self])

    /// `vlmpipe model list`.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the models of the workspace.")
        @OptionGroup var global: GlobalOptions
        func run() async throws {
            print(try ModelWorkflow.list(in: try global.session()), terminator: "")
        }
    }

    /// `vlmpipe model show`.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows a model's shapes, parameters, preprocessing, tokenizer and digests.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Model (default: the one in use).", valueName: "name")) var name: String?
        func run() async throws {
            print(try ModelWorkflow.show(name: name, in: try global.session()), terminator: "")
        }
    }

    /// `vlmpipe model use`.
    struct Use: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes a model the one that commands use.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Model.", valueName: "name")) var name: String
        func run() async throws {
            try ModelWorkflow.use(name: name, in: try global.writingSession())
        }
    }
}
