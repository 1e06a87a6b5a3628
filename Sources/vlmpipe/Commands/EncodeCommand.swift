import ArgumentParser
import Workflows

/// `vlmpipe encode`.
struct EncodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "encode",
        abstract: "Encodes images or texts in the order given, for scripts and for proof.",
        discussion: """
              vlmpipe encode --images a.jpg b.png --output images.npy
              ls photos/*.jpg | vlmpipe encode --images - --model ./ViT-B-32 --output images.npy
              vlmpipe encode --texts "a cat" "a dog"
              vlmpipe encode --images a.jpg --features spatial --orient none

            --model takes a name, or a folder if it holds a slash: a model folder, or a checkpoint as it was downloaded, \
            for which no workspace is needed. --output is a NumPy array with one row for each item; without it there is \
            one JSON object a line on stdout. An item that cannot be read ends the run and is named; with --skip-bad its \
            row is NaN, its line has an error, and the exit status is 0 unless no item was left.
            """)

    @OptionGroup var global: GlobalOptions

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Images; - reads their paths from stdin, one a line.", valueName: "file"))
    var images: [String] = []

    @Option(
        parsing: .upToNextOption, help: ArgumentHelp("Texts; - reads them from stdin, one a line.", valueName: "text"))
    var texts: [String] = []

    @Option(help: ArgumentHelp("Model, or folder with a slash (default: the model in use).", valueName: "name"))
    var model: String?

    @Option(help: ArgumentHelp("NumPy file to write.", valueName: "file.npy"))
    var output: String?

    @Option(help: "Vectors before the projection instead of embeddings.")
    var features: EncodedFeatures?

    @Option(help: "Turn images upright by their EXIF orientation, or leave them as the reference libraries do.")
    var orient: Orientation = .exif

    @Flag(help: "Write token ids instead of embeddings.")
    var tokens = false

    @Flag(help: "Write the images as the tower gets them instead of embeddings: U8 [n, S, S, 3].")
    var pixels = false

    @Flag(help: "Go on past items that cannot be read.")
    var skipBad = false

    /// What is done with EXIF orientation.
    enum Orientation: String, ExpressibleByArgument, CaseIterable {
        case exif, none
    }

    func validate() throws {
        if images.isEmpty == texts.isEmpty { throw ValidationError("give --images or --texts") }
        if [features != nil, tokens, pixels].count(where: \.self) > 1 {
            throw ValidationError("--features, --tokens and --pixels exclude each other")
        }
    }

    func run() async throws {
        let input: EncodeRequest.Input =
            images == ["-"]
            ? .imagesFromStandardInput
            : texts == ["-"] ? .textsFromStandardInput : images.isEmpty ? .texts(texts) : .images(images)
        let product: EncodeRequest.Product =
            if let features { .features(features) } else { tokens ? .tokens : pixels ? .pixels : .embedding }
        let runtime = try ModelRuntime(
            source: ModelSource(argument: model), workspace: global.workspace, threads: global.threads,
            isQuiet: global.quiet)
        _ = try await EncodeWorkflow.run(
            EncodeRequest(
                input: input, product: product, outputPath: output, appliesOrientation: orient == .exif,
                skipsBadItems: skipBad),
            with: runtime)
    }
}

extension EncodedFeatures: ExpressibleByArgument {}
