import ArgumentParser
import Workflows

/// `vlmpipe search`.
struct SearchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Finds the images that fit a text, an image, or a weighted sum of both.",
        discussion: """
              vlmpipe search orange cat in the sun
              vlmpipe search @photo.jpg -k 20 --html hits.html
              vlmpipe search '"cat" + 0.5 * @sunset.jpg - "night"'
              vlmpipe search "a dog" --where "split = 'dev' AND width >= 500" --json
              vlmpipe search "a dog" --extract dogs/
              vlmpipe search "red bicycle" --in both --dedupe 0.98

            Plain words are one text. In a sum, texts stand in double quotes and image paths after @; quote the whole for \
            the shell. --where takes an SQL condition over key, dataset, shard, split, width, height, format and your own \
            JSON attributes.
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("Text, @image, or a sum.", valueName: "query"))
    var query: [String]

    @Option(name: .customShort("k"), help: ArgumentHelp("How many hits.", valueName: "n"))
    var count = 10

    @Option(
        name: .customLong("in"),
        help: "Rank by image vectors, by caption vectors, or both: image vectors and the words of captions.")
    var target: SearchTarget = .images

    @Option(help: ArgumentHelp("Model (default: the one in use).", valueName: "name"))
    var model: String?

    @Option(help: ArgumentHelp("Only this data set (repeatable).", valueName: "name"))
    var dataset: [String] = []

    @Option(help: ArgumentHelp("Only this split.", valueName: "name"))
    var split: String?

    @Option(name: .customLong("where"), help: ArgumentHelp("Only samples for which this holds.", valueName: "sql"))
    var condition: String?

    @Option(help: ArgumentHelp("Leave out hits with a lower cosine.", valueName: "score"))
    var minScore: Float?

    @Flag(help: "Score every vector, whatever the size of the index.")
    var exact = false

    @Option(
        help: ArgumentHelp(
            "Look at as much as was measured to find this share of the neighbours ('vlmpipe index tune').",
            valueName: "share"))
    var recall: Double?

    @Option(
        help: ArgumentHelp(
            "Leave out hits whose vectors have at least this cosine with a better hit's, such as 0.98.",
            valueName: "cosine"))
    var dedupe: Float?

    @Flag(help: "Print JSON (Schemas/search-result.schema.json).")
    var json = false

    @Flag(help: "Print only where the images are: a path, or tar:offset+length.")
    var paths = false

    @Option(help: ArgumentHelp("Also write a page with the pictures.", valueName: "file"))
    var html: String?

    @Option(help: ArgumentHelp("Also copy the hits' images into this folder.", valueName: "dir"))
    var extract: String?

    func validate() throws {
        if !(1...100_000).contains(count) { throw ValidationError("-k is \(count), must be from 1 to 100000") }
        if let dedupe {
            if !(0...1).contains(dedupe) { throw ValidationError("--dedupe is \(dedupe), must be from 0 to 1") }
            if count > 10_000 { throw ValidationError("-k is \(count), must be at most 10000 with --dedupe") }
        }
        try IndexCommand.check(recall: recall)
        if exact && recall != nil { throw ValidationError("--exact and --recall exclude each other") }
        if json && paths { throw ValidationError("--json and --paths exclude each other") }
    }

    func run() async throws {
        let session = try global.session()
        let report = try await SearchWorkflow.run(
            SearchRequest(
                query: query.joined(separator: " "), count: count, target: target, model: model, datasets: dataset,
                split: split, condition: condition, minimumScore: minScore, isExact: exact, recall: recall,
                duplicateSimilarity: dedupe,
                htmlPath: html, extractDirectory: extract),
            in: session)
        if json {
            print(try report.json(), terminator: "")
        } else if paths {
            report.paths.forEach { print($0) }
        } else {
            print(report.table(style: .standardOutput), terminator: "")
        }
    }
}

extension SearchTarget: ExpressibleByArgument {}
