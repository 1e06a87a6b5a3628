import ArgumentParser
import Encoders
import Imaging
import Workflows

extension Precision: ExpressibleByArgument {}
extension DecodeMode: ExpressibleByArgument {}

/// `vlmpipe embed`.
struct EmbedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract: "Computes embeddings of everything not yet embedded and seals the index as it goes.",
        discussion: """
            Search works part-way. Stopped and run again it redoes at most 256 samples; a second run embeds only what is \
            new.

              vlmpipe embed
              vlmpipe embed --model scenes --dataset photos
              vlmpipe embed --precision int8
              vlmpipe embed --decode fast --profile

            With int8 the large matrix products run in 8-bit integers, about three times as fast on CPUs with VNNI. \
            The first 256 samples are then embedded both ways; their cosines and the agreement of their nearest \
            neighbours are printed and recorded, and the run ends there if they are too low. Vectors of another \
            precision count as not yet embedded where one is named.

            With --decode fast large JPEG are decoded at a half, a quarter or an eighth of their size, down to one and \
            a half times what the model takes. What that does to the vectors is measured likewise and printed.

            --profile says where the time went, and how much of what the machine can compute was reached.
            """)

    @OptionGroup var global: GlobalOptions

    @Option(help: ArgumentHelp("Model (default: the one in use, see 'vlmpipe model list').", valueName: "name"))
    var model: String?

    @Option(help: ArgumentHelp("Only this data set (repeatable).", valueName: "name"))
    var dataset: [String] = []

    @Flag(help: "Leave captions out.")
    var imagesOnly = false

    @Flag(help: "If there is no model yet, train the default recipe first, however long it takes.")
    var train = false

    @Option(
        help: ArgumentHelp(
            "What the towers compute in. Default: that of the vectors there are, else fp32.", valueName: "precision"))
    var precision: Precision?

    @Option(
        help: ArgumentHelp(
            "How pictures are decoded: exact or fast. Default: as the vectors there are, else exact.",
            valueName: "mode"))
    var decode: DecodeMode?

    @Flag(help: "Say where the time went.")
    var profile = false

    @Flag(help: "Use a precision that changes vectors more than the bounds allow.")
    var acceptLoss = false

    func run() async throws {
        let session = try global.writingSession()
        let report = try await EmbedWorkflow.run(
            EmbedRequest(
                model: model, datasets: dataset, embedsCaptions: !imagesOnly, mayTrain: train, precision: precision,
                decode: decode, acceptsLoss: acceptLoss, showsProfile: profile), in: session)
        print(report.summary)
    }
}
