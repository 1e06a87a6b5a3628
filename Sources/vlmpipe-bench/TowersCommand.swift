import ArgumentParser
import Encoders
import Foundation

extension Precision: ExpressibleByArgument {}

/// `vlmpipe-bench towers`.
struct TowersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "towers",
        abstract: "Speed of towers with random weights, and its share of that of matrix products, as JSON.",
        discussion: """
            The speed of products of the tower's own shapes is measured in the same run, alternating with the tower.

              vlmpipe-bench towers
              vlmpipe-bench towers ViT-L-14 --threads 1 --seconds 10
            """)

    @Argument(help: ArgumentHelp("Models (default: all).", valueName: "model")) var models: [TowerModel] = []
    @Option(help: ArgumentHelp("fp32 or int8 (default: both).", valueName: "precision")) var precision: Precision?
    @Flag(help: "Make six gains of each norm 30 times larger than the rest.") var outliers = false
    @Option(
        help: ArgumentHelp("Texts as token ids: one text a line, from first to end token.", valueName: "file"))
    var tokens: String?
    @Option(help: "Threads.") var threads = ProcessInfo.processInfo.activeProcessorCount
    @Option(help: "Seconds of each of the alternating measurements.") var seconds = 2.0

    func validate() throws {
        if !(1...1024).contains(threads) { throw ValidationError("--threads is \(threads), must be from 1 to 1024") }
        if !(0.01...600).contains(seconds) {
            throw ValidationError("--seconds is \(seconds), must be from 0.01 to 600")
        }
    }

    func run() async throws {
        let texts = try tokens.map(Self.texts(path:))
        var results: [TowerBenchmark.Result] = []
        for model in models.isEmpty ? TowerModel.allCases : models {
            for precision in precision.map({ [$0] }) ?? Precision.allCases {
                let benchmark = try TowerBenchmark(
                    model, precision, threadCount: threads, seconds: seconds, hasOutliers: outliers, texts: texts)
                results.append(await benchmark.run())
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        print(String(decoding: try encoder.encode(results), as: UTF8.self))
    }

    private static func texts(path: String) throws -> [[Int32]] {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        let texts = lines.map { $0.split(separator: " ").compactMap { Int32($0) } }
        guard !texts.isEmpty,
            texts.allSatisfy({ (1...77).contains($0.count) && $0.allSatisfy { (0..<49_408).contains($0) } })
        else { throw ValidationError("--tokens: \(path) must hold lines of 1 to 77 token ids below 49408") }
        return texts
    }
}
