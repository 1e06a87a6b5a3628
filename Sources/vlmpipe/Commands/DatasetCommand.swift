import ArgumentParser
import Workflows

/// `vlmpipe dataset`.
struct DatasetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dataset", abstract: "Counts, bad samples, and what the catalog holds.",
        subcommands: [Stats.self, Quarantine.self, Relocate.self, Remove.self, Dump.self])

    /// `vlmpipe dataset stats`.
    struct Stats: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Counts samples, captions, splits, formats and bad samples.",
            discussion: "Always: found = samples + quarantined.")

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
            abstract: "Lists the samples that were set aside, with reason and place of the bytes.")

        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Data sets (default: all).", valueName: "name")) var datasets: [String] = []
        @Flag(help: "Print one JSON object per line.") var json = false

        func run() async throws {
            try DatasetWorkflow.quarantine(datasets: datasets, asJSON: json, in: try global.session()) { print($0) }
        }
    }

    /// `vlmpipe dataset relocate`.
    struct Relocate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tells the catalog that a folder of sources is now elsewhere.",
            discussion: """
                Nothing is read or embedded again; identities hold no absolute paths.

                  vlmpipe dataset relocate /media/old/photos /media/new/photos
                """)

        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Where the sources were.", valueName: "old")) var old: String
        @Argument(help: ArgumentHelp("Where they are now.", valueName: "new")) var new: String

        func run() async throws {
            print(try DatasetWorkflow.relocate(from: old, to: new, in: try global.writingSession()))
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
