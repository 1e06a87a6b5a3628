import ArgumentParser
import Workflows

extension IndexCommand {
    /// What an index keeps of each vector.
    enum Profile: String, ExpressibleByArgument, CaseIterable {
        case plain, lite, std, full

        var profile: VectorIndexProfile {
            switch self {
            case .plain: .plain
            case .lite: .lite
            case .std: .std
            case .full: .full
            }
        }
    }

    /// The options of `build` and `add`.
    struct Source: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "Vectors, one per row: .npy, .fvecs or .bvecs; a pipe, or - for the standard input, of .npy or .fvecs.",
                valueName: "file"))
        var vectors: String

        @Option(help: ArgumentHelp("Keys, one per line.", valueName: "file"))
        var keys: String?

        @Option(
            help: """
                full: codes and F16 vectors, exact; std: 8-bit codes; lite: 4-bit codes; plain: F16 vectors alone.
                """)
        var profile: Profile = .full

        @Flag(help: "Keep codes uncompressed: larger, and faster to search.")
        var unpacked = false

        @Flag(help: "Divide each vector by its length.")
        var normalize = false

        @Option(
            help: ArgumentHelp(
                "What these vectors are called in the index (default: the file's name).", valueName: "name"))
        var name: String?

        @Option(help: ArgumentHelp("Id of the first vector (default: the next one free).", valueName: "n"))
        var firstId: UInt64?

        @Option(
            help: ArgumentHelp(
                "Make codes as this index does, so that the two can be joined as they are.", valueName: "index.vlx"))
        var codec: String?

        @Option(
            help: ArgumentHelp(
                """
                Queries like those you will ask (.npy, .fvecs or .bvecs; some hundreds): codes are rounded so that \
                scores of such queries change least. They are not stored.
                """, valueName: "file"))
        var queries: String?

        @Option(help: ArgumentHelp("Worker threads (default: all cores).", valueName: "n"))
        var threads: Int?

        func validate() throws {
            try IndexCommand.check(threads: threads)
            if queries != nil, codec != nil {
                throw ValidationError("--codec takes over how another index makes codes; leave out --queries")
            }
        }

        func request(output: String, isAddition: Bool) -> VectorIndexWorkflow.BuildRequest {
            VectorIndexWorkflow.BuildRequest(
                vectorsPath: vectors, keysPath: keys, outputPath: output, profile: profile.profile,
                isUnpacked: unpacked, isNormalized: normalize, isAddition: isAddition, name: name, firstID: firstId,
                codecPath: codec, queriesPath: queries)
        }
    }

    static func check(recall: Double?) throws {
        if let recall, !(recall > 0 && recall <= 1) {
            throw ValidationError("--recall is \(recall), must be above 0 and at most 1")
        }
    }

    static func check(threads: Int?) throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads is \(threads), must be from 1 to 1024")
        }
    }

    /// `vlmpipe index build`.
    struct Build: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Builds an index from a file of vectors.",
            discussion: """
                If texts will be asked for among pictures, name some with --queries: they lie elsewhere than pictures do, \
                and codes that know where find more of what they ask for, at the same size.

                  vlmpipe index build --vectors photos.npy --queries texts.npy --output p.vlx
                """)
        @OptionGroup var source: Source
        @Option(help: ArgumentHelp("Index folder to make.", valueName: "index.vlx")) var output: String
        func run() async throws {
            let request = source.request(output: output, isAddition: false)
            print(try await VectorIndexWorkflow.build(request, threads: source.threads), terminator: "")
        }
    }

    /// `vlmpipe index add`.
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Adds a file of vectors to an index.")
        @Argument(help: ArgumentHelp("Index folder.", valueName: "index.vlx")) var index: String
        @OptionGroup var source: Source
        func run() async throws {
            let request = source.request(output: index, isAddition: true)
            print(try await VectorIndexWorkflow.build(request, threads: source.threads), terminator: "")
        }
    }

    /// `vlmpipe index query`.
    struct Query: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Finds the nearest vectors of each query in a file.",
            discussion: """
                Up to 2,000,000 vectors are searched exactly, more of them approximately, unless --exact or --approx say \
                otherwise. Queries are answered one by one, and the median time is printed; --batch answers all at once.
                """)
        @Argument(help: ArgumentHelp("Index folder.", valueName: "index.vlx")) var index: String
        @Option(help: ArgumentHelp("Queries, one per row: .npy, .fvecs or .bvecs.", valueName: "file"))
        var vectors: String
        @Option(name: .customShort("k"), help: ArgumentHelp("How many neighbours.", valueName: "n")) var count = 10
        @Option(help: ArgumentHelp("Where ids go: Int64 [queries, k], -1 where there are fewer.", valueName: "ids.npy"))
        var output: String?
        @Option(help: ArgumentHelp("Where scores go: Float32 [queries, k].", valueName: "scores.npy"))
        var scores: String?
        @Flag(help: "Score every vector.") var exact = false
        @Flag(help: "Scan one bit per dimension, and look again at the best.") var approx = false
        @Option(help: ArgumentHelp("Vectors to look at again in an approximate search.", valueName: "n")) var pool: Int?
        @Option(
            help: ArgumentHelp(
                "Scan so many vectors of an index stored by partition, those nearest to the query by their partitions.",
                valueName: "n"))
        var scan: Int?
        @Option(
            help: ArgumentHelp(
                "Look at as much as was measured to find this share of the neighbours ('index tune').",
                valueName: "share"))
        var recall: Double?
        @Flag(help: "Answer all queries in one call.") var batch = false
        @Option(help: ArgumentHelp("How files are read: mapped or pread.", valueName: "way")) var io = "mapped"
        @Flag(help: "Print JSON.") var json = false
        @Option(help: ArgumentHelp("Worker threads (default: all cores).", valueName: "n")) var threads: Int?

        func validate() throws {
            try IndexCommand.check(threads: threads)
            if exact, approx || pool != nil || scan != nil || recall != nil {
                throw ValidationError("--exact and --approx exclude each other")
            }
            try IndexCommand.check(recall: recall)
            if recall != nil, pool != nil || scan != nil {
                throw ValidationError("--recall says how much is looked at; leave out --pool and --scan")
            }
            if let scan, scan < 1 { throw ValidationError("--scan is \(scan), must be at least 1") }
            guard (1...100_000).contains(count) else { throw ValidationError("-k is \(count), must be 1 to 100000") }
            if let pool, !(1...1_000_000).contains(pool) {
                throw ValidationError("--pool is \(pool), must be 1 to 1000000")
            }
            guard VectorIndexFileReading(rawValue: io) != nil else {
                throw ValidationError("--io is \(io), must be mapped or pread")
            }
        }

        private var mode: VectorSearchMode {
            if exact { return .exact }
            if let recall { return .recall(recall) }
            return approx || pool != nil || scan != nil ? .approximate(poolSize: pool, rowBudget: scan) : .automatic
        }

        func run() async throws {
            let request = VectorIndexWorkflow.QueryRequest(
                indexPath: index, vectorsPath: vectors, k: count,
                mode: mode,
                isBatch: batch, reading: VectorIndexFileReading(rawValue: io) ?? .mapped, idsPath: output,
                scoresPath: scores)
            let report = try await VectorIndexWorkflow.query(request, threads: threads)
            print(json ? try JSONFile.text(report) : report.text, terminator: "")
        }
    }

    /// `vlmpipe index tune`.
    struct Tune: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Measures approximate search on queries of yours, and stores what it is worth in the index.",
            discussion: """
                Take queries like those you will ask: recall of texts says nothing about pictures, nor the other way \
                round. Approximate searches then print the recall measured, and look at as much as 0.97 takes, or as \
                --recall asks for. Changing the vectors of the index forgets the measurement.

                  vlmpipe index tune photos.vlx --queries captions.npy --truth photos.npy
                  vlmpipe index tune --queries captions.npy

                Recall is measured against the vectors: those of --truth (row i has the id --first-id + i), those the \
                index keeps (profile full), or the embeddings of the workspace. Without any of them it is measured against \
                exact search over the codes, and said so.
                """)
        @OptionGroup var place: Place
        @Option(help: ArgumentHelp("Queries, one per row: .npy, .fvecs or .bvecs.", valueName: "file"))
        var queries: String
        @Option(help: ArgumentHelp("The vectors the index was made of: .npy, .fvecs or .bvecs.", valueName: "file"))
        var truth: String?
        @Option(help: ArgumentHelp("Id of the first vector of --truth.", valueName: "n")) var firstId: UInt64 = 0
        @Option(name: .customShort("k"), help: ArgumentHelp("How many neighbours.", valueName: "n")) var count = 10

        func validate() throws {
            guard (1...1000).contains(count) else { throw ValidationError("-k is \(count), must be 1 to 1000") }
        }

        func run() async throws {
            let given = truth.map { VectorIndexWorkflow.TuningTruth.file($0, firstID: firstId) }
            let text = try await place.change { index, embeddings in
                try await VectorIndexWorkflow.tune(
                    index, queriesPath: queries, k: count,
                    truth: given ?? embeddings.map { .embeddings(folder: $0) } ?? .index,
                    threads: place.global.threads)
            }
            print(text, terminator: "")
        }
    }

    /// `vlmpipe index unpack`.
    struct Unpack: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stores codes uncompressed, for serving: larger, and searched where they are mapped.")
        @Argument(help: ArgumentHelp("Index folder.", valueName: "index.vlx")) var index: String
        func run() async throws {
            print(try VectorIndexWorkflow.setPacking(of: index, isUnpacked: true), terminator: "")
        }
    }

    /// `vlmpipe index pack`.
    struct Pack: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Compresses codes again: the opposite of unpack.")
        @Argument(help: ArgumentHelp("Index folder.", valueName: "index.vlx")) var index: String
        func run() async throws {
            print(try VectorIndexWorkflow.setPacking(of: index, isUnpacked: false), terminator: "")
        }
    }
}
