import ArgumentParser
import Workflows

extension IndexCommand {
    /// Which index: a folder, or that of a model in the workspace.
    struct Place: ParsableArguments {
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Index folder (default: that of a model).", valueName: "index.vlx"))
        var index: String?
        @Option(help: ArgumentHelp("Model (default: the one in use).", valueName: "name")) var model: String?

        /// The folder, for reading.
        func path() throws -> String {
            if let index { return index }
            return try IndexWorkflow.folder(model: model, in: try global.session())
        }

        /// Changes the folder's index; that of a workspace under the workspace's lock.
        func change(_ body: (String) async throws -> String) async throws -> String {
            try await change { index, _ in try await body(index) }
        }

        /// The same for what needs the embeddings too, which an index in a folder of its own does not know.
        func change(_ body: (String, String?) async throws -> String) async throws -> String {
            if let index { return try await body(index, nil) }
            let session = try global.writingSession()
            let folders = try IndexWorkflow.folders(model: model, in: session)
            return try await body(folders.index, folders.embeddings)
        }
    }

    /// `vlmpipe index delete`.
    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes vectors by id or key.",
            discussion: """
                They are not found any more from now on; 'index compact' gives their space back.

                  vlmpipe index delete photos.vlx --ids gone.npy
                  vlmpipe index delete photos.vlx --keys gone.txt
                """)
        @Argument(help: ArgumentHelp("Index folder.", valueName: "index.vlx")) var index: String
        @Option(help: ArgumentHelp("Ids: a .npy of whole numbers, or one per line.", valueName: "file")) var ids:
            String?
        @Option(help: ArgumentHelp("Keys, one per line.", valueName: "file")) var keys: String?

        func validate() throws {
            if ids == nil && keys == nil { throw ValidationError("name what to delete: --ids or --keys") }
        }

        func run() async throws {
            print(try VectorIndexWorkflow.delete(from: index, idsPath: ids, keysPath: keys), terminator: "")
        }
    }

    /// `vlmpipe index compact`.
    struct Compact: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Merges small segments, drops deleted vectors, and gives vectors the codes of a profile.",
            discussion: """
                  vlmpipe index compact photos.vlx
                  vlmpipe index compact photos.vlx --profile std
                  vlmpipe index compact photos.vlx --partition

                Codes are copied, not made again. --profile concerns vectors that are kept (plain, full).
                From 5,000,000 vectors with codes on, or with --partition, vectors are stored beside their neighbours: \
                approximate searches then scan only what lies near their query ('index tune' measures how much they \
                must), and exact ones find what they found before. Vectors added later are scanned whole until then.
                """)
        @OptionGroup var place: Place
        @Option(help: "What is kept of each vector from now on: plain, lite, std or full.") var profile: Profile?
        @Flag(help: "Keep codes uncompressed.") var unpacked = false
        @Flag(help: "Store all vectors that have codes by partition, however few they are.") var partition = false
        @Option(
            help: ArgumentHelp(
                "Vectors of a partition, about (default: a quarter of the square root of all, at least 256).",
                valueName: "n"))
        var partitionRows: Int?

        func validate() throws {
            if let partitionRows, !(1...131_072).contains(partitionRows) {
                throw ValidationError("--partition-rows is \(partitionRows), must be from 1 to 131072")
            }
            if partitionRows != nil, !partition { throw ValidationError("--partition-rows needs --partition") }
        }

        func run() async throws {
            print(
                try await place.change {
                    try await VectorIndexWorkflow.compact(
                        $0, profile: profile?.profile, isUnpacked: unpacked ? true : nil,
                        partitioning: partition ? .forced(rowCount: partitionRows) : .automatic,
                        threads: place.global.threads)
                }, terminator: "")
        }
    }

    /// `vlmpipe index merge`.
    struct Merge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes one index of several.",
            discussion: """
                  vlmpipe index merge monday.vlx tuesday.vlx --output week.vlx

                Deleted vectors stay behind. Codes of one codec (index build --codec) are copied; others are made again \
                where vectors are kept.
                """)
        @Argument(help: ArgumentHelp("Index folders.", valueName: "index.vlx")) var indexes: [String]
        @Option(help: ArgumentHelp("Index folder to make.", valueName: "index.vlx")) var output: String
        func run() async throws { print(try VectorIndexWorkflow.merge(indexes, into: output), terminator: "") }
    }

    /// `vlmpipe index adopt`.
    struct Adopt: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes over the segments of other indexes as they are.",
            discussion: """
                  vlmpipe index build --vectors part1.npy --output all.vlx
                  vlmpipe index build --vectors part2.npy --codec all.vlx --first-id 1000000 --output part2.vlx
                  vlmpipe index adopt all.vlx part2.vlx

                Files are linked, or copied from other file systems: no vector is touched. Ids must differ.
                """)
        @Argument(help: ArgumentHelp("Index folder.", valueName: "index.vlx")) var index: String
        @Argument(help: ArgumentHelp("Index folders to take over.", valueName: "other.vlx")) var others: [String]
        func run() async throws { print(try VectorIndexWorkflow.adopt(others, into: index), terminator: "") }
    }

    /// `vlmpipe index repair`.
    struct Repair: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Mends a damaged index with what can be read of it; says what is lost.")
        @OptionGroup var place: Place
        func run() async throws { print(try await place.change { try VectorIndexWorkflow.repair($0) }, terminator: "") }
    }

    /// `vlmpipe index gc`.
    struct GarbageCollection: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "gc",
            abstract: "Removes files that only older states of the index need.",
            discussion: "The three newest states are kept otherwise, for readers that are just opening.")
        @OptionGroup var place: Place
        func run() async throws {
            print(try await place.change { try VectorIndexWorkflow.collectGarbage($0) }, terminator: "")
        }
    }

    /// `vlmpipe index export`.
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes vectors, ids, keys and the fingerprint of their space to files for other programs.",
            discussion: """
                  vlmpipe index export photos.vlx --to npy --output photos.npy
                  vlmpipe index export --to jsonl --in images --output images.jsonl

                npy and fvecs come with OUT.ids.npy, OUT.keys and OUT.json. Codes are never exported: the index must keep \
                its vectors (profile plain or full).
                """)
        @OptionGroup var place: Place
        @Option(help: "npy, fvecs, jsonl or safetensors.") var to: VectorIndexExportFormat
        @Option(help: ArgumentHelp("File to write.", valueName: "file")) var output: String
        @Option(name: .customLong("in"), help: "Vectors of images, captions, or both.") var target: SearchTarget = .both
        func run() async throws {
            print(
                try VectorIndexWorkflow.export(try place.path(), to: output, as: to, target: target), terminator: "")
        }
    }
}

extension VectorIndexExportFormat: ExpressibleByArgument {}
