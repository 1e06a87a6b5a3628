import ArgumentParser
import Foundation
import Workflows

/// `vlmpipe-bench catalog`.
struct CatalogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalog",
        abstract: "Rows per second, bytes per row and query times of the catalog on synthetic rows, as JSON.",
        discussion: """
              vlmpipe-bench catalog --rows 1000000
              vlmpipe-bench catalog --rows 10000000 --keep big.sqlite
            """)

    @Option(help: ArgumentHelp("How many samples.", valueName: "n")) var rows = 1_000_000
    @Option(help: ArgumentHelp("Keep the catalog here (default: a temporary file).", valueName: "file"))
    var keep: String?

    func validate() throws {
        if !(1...1_000_000_000).contains(rows) {
            throw ValidationError("--rows is \(rows), must be from 1 to 1000000000")
        }
    }

    func run() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("vlmpipe-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer {
            do {
                try FileManager.default.removeItem(at: folder)
            } catch {
                FileHandle.standardError.write(Data("left behind: \(folder.path): \(error)\n".utf8))
            }
        }
        let result = try CatalogBenchmark.run(rows: rows, path: keep ?? folder.path + "/catalog.sqlite") { note in
            FileHandle.standardError.write(Data("vlmpipe-bench: \(note)\n".utf8))
        }
        print(try JSONFile.text(result), terminator: "")
    }
}
