import ArgumentParser
import Workflows

/// `vlmpipe dataset`.
struct DatasetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dataset", abstract: "Counts, bad samples, captions by their words, and what the catalog holds.",
        subcommands: [
            Stats.self, Quarantine.self, Find.self, Relocate.self, Remove.self, Dump.self,
        ])

    /// `vlmpipe dataset stats`.
    struct Stats: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Counts samples, captions, splits, formats, sizes, attributes and bad samples.",
            discussion: """
                Always: found = samples + quarantined.

                  vlmpipe dataset stats
                  vlmpipe dataset stats photos --json
                """)

        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Data sets (default: all).", valueName: "name")) var datasets: [String] = []
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let report = try DatasetWorkflow.stats(datasets: datasets, in: try global.session())
            print(json ? try JSONFile.text(report) : report.text, terminator: "")
        }
    }

    /// `vlmpipe dataset quarantine`.
    struct Quarantine: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the samples that were set aside, by reason, with the place of the bytes.",
            discussion: """
                  vlmpipe dataset quarantine
                  vlmpipe dataset quarantine photos --reason malformed --json
                  vlmpipe dataset quarantine --export bad.csv
                  vlmpipe dataset quarantine --stage embed --retry

                --retry marks what failed: the next 'ingest' of its sources, or the next 'embed', looks again.
                """)

        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Data sets (default: all).", valueName: "name")) var datasets: [String] = []
        @Option(help: ArgumentHelp("Only what this stage set aside: ingest, train or embed.", valueName: "name"))
        var stage: String?
        @Option(help: ArgumentHelp("Only this reason, such as malformed.", valueName: "word")) var reason: String?
        @Flag(help: "Print one JSON object per line.") var json = false
        @Option(help: ArgumentHelp("Write them to a .csv or .jsonl file.", valueName: "file")) var export: String?
        @Flag(help: "Mark them for another look.") var retry = false

        func validate() throws {
            if [json, export != nil, retry].count(where: \.self) > 1 {
                throw ValidationError("--json, --export and --retry exclude each other")
            }
        }

        func run() async throws {
            let selection = QuarantineSelection(datasets: datasets, stage: stage, reason: reason)
            if retry {
                print(try DatasetWorkflow.retryQuarantined(selection, in: try global.writingSession()))
            } else if let export {
                print(try DatasetWorkflow.exportQuarantine(selection, to: export, in: try global.session()))
            } else {
                try DatasetWorkflow.quarantine(selection, asJSON: json, in: try global.session()) { print($0) }
            }
        }
    }

    /// `vlmpipe dataset find`.
    struct Find: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Finds samples by words of their captions, in any script; needs no model.",
            discussion: """
                All words must occur; case and accents do not matter. Words in double quotes must follow each other, and \
                a word with * behind it stands for all that begin so. Scripts without spaces are found anywhere.

                  vlmpipe dataset find orange cat
                  vlmpipe dataset find '"in the sun" cat*' --dataset photos -k 50 --json
                  vlmpipe dataset find 橙色的猫
                """)

        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Words.", valueName: "words")) var words: [String]
        @Option(help: ArgumentHelp("Only this data set.", valueName: "name")) var dataset: String?
        @Option(name: .customShort("k"), help: ArgumentHelp("How many hits.", valueName: "n")) var count = 20
        @Flag(help: "Print JSON.") var json = false

        func validate() throws {
            if !(1...100_000).contains(count) { throw ValidationError("-k is \(count), must be from 1 to 100000") }
        }

        func run() async throws {
            let report = try DatasetWorkflow.find(
                words.joined(separator: " "), dataset: dataset, count: count, in: try global.session())
            print(json ? try JSONFile.text(report) : report.table(style: .standardOutput), terminator: "")
        }
    }

    /// `vlmpipe dataset relocate`.
    struct Relocate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tells the catalog that a folder of sources is now elsewhere.",
            discussion: """
                Every file is looked for first; nothing is changed if one is not there. Nothing is read or embedded again: \
                identities hold no absolute paths.

                  vlmpipe dataset relocate /media/old/photos /media/new/photos
                """)

        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Where the sources were.", valueName: "old")) var old: String
        @Argument(help: ArgumentHelp("Where they are now.", valueName: "new")) var new: String
        @Flag(help: "Also when files are not there.") var allowMissing = false

        func run() async throws {
            print(
                try DatasetWorkflow.relocate(
                    from: old, to: new, allowsMissing: allowMissing, in: try global.writingSession()))
        }
    }

    /// `vlmpipe dataset remove`.
    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forgets a data set: its rows leave the catalog now and the indexes with the next 'embed'.",
            discussion: "The files it was made from are not touched.")

        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Data set.", valueName: "name")) var name: String

        func run() async throws {
            print(try DatasetWorkflow.remove(name, in: try global.writingSession()))
        }
    }

    /// `vlmpipe dataset dump`.
    struct Dump: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the catalog as sorted text; equal catalogs give equal text.")

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            try DatasetWorkflow.dump(in: try global.session()) { print($0, terminator: "") }
        }
    }
}
