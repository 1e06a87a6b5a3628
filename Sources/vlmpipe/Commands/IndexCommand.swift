import ArgumentParser
import Workflows

/// `vlmpipe index`.
struct IndexCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index",
        abstract: "Shows, checks and rebuilds the vector index of a model; builds and queries indexes of any vectors.",
        discussion: """
            Without a workspace, on vectors of any origin:

              vlmpipe index build --vectors photos.npy --keys names.txt --output photos.vlx
              vlmpipe index query photos.vlx --vectors queries.npy -k 10 --output ids.npy --json
              vlmpipe index delete photos.vlx --keys gone.txt
              vlmpipe index info photos.vlx
            """,
        subcommands: [
            Build.self, Add.self, Query.self, Tune.self, Info.self, Verify.self, Delete.self, Compact.self, Merge.self,
            Adopt.self, Repair.self, Export.self, GarbageCollection.self, Unpack.self, Pack.self, Rebuild.self,
        ])

    /// `vlmpipe index info`.
    struct Info: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Rows, dimensions and bytes by section.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Index folder (default: that of a model).", valueName: "index.vlx"))
        var index: String?
        @Option(help: ArgumentHelp("Model (default: the one in use).", valueName: "name")) var model: String?
        @Flag(help: "Print JSON.") var json = false
        func run() async throws {
            if let index {
                print(try IndexWorkflow.info(folder: index, asJSON: json), terminator: "")
                return
            }
            let session = try global.session()
            print(try IndexWorkflow.info(model: model, asJSON: json, in: session), terminator: "")
        }
    }

    /// `vlmpipe index verify`.
    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Checks every checksum of index and embeddings.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Index folder (default: that of a model).", valueName: "index.vlx"))
        var index: String?
        @Option(help: ArgumentHelp("Model (default: the one in use).", valueName: "name")) var model: String?
        func run() async throws {
            if let index {
                print(try IndexWorkflow.verify(folder: index), terminator: "")
                return
            }
            print(try await IndexWorkflow.verify(model: model, in: try global.session()), terminator: "")
        }
    }

    /// `vlmpipe index rebuild`.
    struct Rebuild: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes the index anew from the embeddings; nothing is computed again.")
        @OptionGroup var global: GlobalOptions
        @Option(help: ArgumentHelp("Model (default: the one in use).", valueName: "name")) var model: String?
        func run() async throws {
            print(try await IndexWorkflow.rebuild(model: model, in: try global.writingSession()), terminator: "")
        }
    }
}
