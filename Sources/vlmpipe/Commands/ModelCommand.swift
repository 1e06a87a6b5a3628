import ArgumentParser
import Tokenization
import Workflows

/// `vlmpipe model`.
struct ModelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Imports CLIP checkpoints, lists models, shows one, and chooses the one in use.",
        subcommands: [Import.self, List.self, Show.self, Use.self, Verify.self])

    /// `vlmpipe model import`.
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Imports a ViT CLIP checkpoint from a folder of safetensors, configuration and tokenizer files.",
            discussion: """
                The folder holds open_clip_model.safetensors and open_clip_config.json, or a Hugging Face CLIPModel \
                (model.safetensors, config.json, preprocessor_config.json), and the tokenizer: tokenizer.json, or \
                vocab.json with merges.txt, or bpe_simple_vocab_16e6.txt. Nothing is guessed in silence: what is \
                missing or unknown is refused, what is assumed is said.

                  vlmpipe model import ViT-B-32/ --name b32
                """)
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Folder of the checkpoint.", valueName: "dir")) var directory: String
        @Option(help: ArgumentHelp("Name of the model.", valueName: "name")) var name: String
        @Flag(help: "The MLPs use QuickGELU.") var quickGelu = false
        @Flag(help: "The MLPs use the exact GELU.") var gelu = false
        @Option(help: "How text is cleaned (default: as open_clip, or as Hugging Face's fast tokenizer for its files).")
        var cleaning: ClipCleaning?

        func validate() throws {
            if quickGelu && gelu { throw ValidationError("--quick-gelu and --gelu exclude each other") }
        }

        func run() async throws {
            let request = ModelImportRequest(
                directory: directory, name: name, usesQuickGELU: quickGelu ? true : gelu ? false : nil,
                cleaning: cleaning)
            print(try await ModelImportWorkflow.run(request, in: try global.writingSession()))
        }
    }

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

extension ClipCleaning: ExpressibleByArgument {}
