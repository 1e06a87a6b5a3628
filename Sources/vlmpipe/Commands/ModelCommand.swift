import ArgumentParser
import Tokenization
import Workflows

/// `vlmpipe model`.
struct ModelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Imports and exports public checkpoints, lists models, shows one, and chooses the one in use.",
        subcommands: [Import.self, Export.self, List.self, Show.self, Use.self, Verify.self])

    /// `vlmpipe model import`.
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Imports a public checkpoint from a folder of safetensors, configuration and tokenizer files.",
            discussion: """
                The folder holds open_clip_model.safetensors and open_clip_config.json, or a CLIPModel or SiglipModel of \
                transformers (model.safetensors or its shards, config.json, preprocessor_config.json), and the \
                tokenizer's files. Weights are copied as they are, mapped by table when they are read. Nothing is guessed \
                in silence: what is missing or unknown is refused, what is assumed is said.

                  vlmpipe model import ViT-B-32/ --name b32
                  vlmpipe model import ViT-B-16/ --name b16-384 --image-size 384
                """)
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Folder of the checkpoint.", valueName: "dir")) var directory: String
        @Option(help: ArgumentHelp("Name of the model.", valueName: "name")) var name: String
        @Flag(help: "The MLPs use QuickGELU.") var quickGelu = false
        @Flag(help: "The MLPs use the exact GELU.") var gelu = false
        @Option(help: "How text is cleaned (default: as open_clip, or as Hugging Face's fast tokenizer for its files).")
        var cleaning: TextCleaning?
        @Option(
            help: ArgumentHelp(
                "Pixels per side of the images (default: the checkpoint's); position embeddings are interpolated.",
                valueName: "pixels"))
        var imageSize: Int?
        @Flag(help: "Leave out tensors that nothing is known about instead of refusing the checkpoint.")
        var allowUnused = false

        func validate() throws {
            if quickGelu && gelu { throw ValidationError("--quick-gelu and --gelu exclude each other") }
        }

        func run() async throws {
            let request = ModelImportRequest(
                directory: directory, name: name, usesQuickGELU: quickGelu ? true : gelu ? false : nil,
                cleaning: cleaning, imageSize: imageSize, allowsUnusedTensors: allowUnused)
            print(try await ModelImportWorkflow.run(request, in: try global.writingSession()))
        }
    }

    /// `vlmpipe model export`.
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes a model as open_clip or transformers read it.",
            discussion: """
                Weights, description and tokenizer files go to a folder, which is made. Models that the library does not \
                have are refused with the reason.

                  vlmpipe model export b32 b32-open_clip --as open_clip
                  vlmpipe model export b32 b32-hf --as hf
                """)
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Model.", valueName: "name")) var name: String
        @Argument(help: ArgumentHelp("Folder.", valueName: "dir")) var directory: String
        @Option(name: .customLong("as"), help: ArgumentHelp("The library: open_clip or hf.", valueName: "library"))
        var target: ExportLibrary

        func run() async throws {
            print(
                try await ModelExportWorkflow.run(
                    name: name, directory: directory, target: target, in: try global.session()))
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

extension TextCleaning: ExpressibleByArgument {}
extension ExportLibrary: ExpressibleByArgument {}
