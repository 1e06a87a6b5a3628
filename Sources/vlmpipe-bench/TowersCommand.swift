import ArgumentParser
import Foundation

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
    @Option(help: "Threads.") var threads = ProcessInfo.processInfo.activeProcessorCount
    @Option(help: "Seconds of each of the alternating measurements.") var seconds = 2.0

    func validate() throws {
        if !(1...1024).contains(threads) { throw ValidationError("--threads is \(threads), must be from 1 to 1024") }
        if !(0.01...600).contains(seconds) {
            throw ValidationError("--seconds is \(seconds), must be from 0.01 to 600")
        }
    }

    func run() async throws {
        var results: [TowerBenchmark.Result] = []
        for model in models.isEmpty ? TowerModel.allCases : models {
            results.append(try await TowerBenchmark(model, threadCount: threads, seconds: seconds).run())
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        print(String(decoding: try encoder.encode(results), as: UTF8.self))
    }
}
