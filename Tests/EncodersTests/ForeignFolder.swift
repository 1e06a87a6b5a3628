import Foundation
import TestSupport

/// A folder, or a copy of a golden checkpoint, that a test may spoil.
struct ForeignFolder {
    private let folder: TemporaryFolder
    let path: String

    init(copying name: String) throws {
        folder = try TemporaryFolder()
        path = folder.path + "/checkpoint"
        try FileManager.default.copyItem(
            atPath: try ForeignCheckpointGoldenTests.folder(name), toPath: path)
    }

    /// An empty folder.
    init() throws {
        folder = try TemporaryFolder()
        path = folder.path
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: path + "/" + name)
    }

    func rename(_ name: String, to newName: String) throws {
        try FileManager.default.moveItem(atPath: path + "/" + name, toPath: path + "/" + newName)
    }

    func edit(_ name: String, _ change: (String) throws -> String) throws {
        let url = URL(fileURLWithPath: path + "/" + name)
        let text = try String(contentsOf: url, encoding: .utf8)
        try Data(try change(text).utf8).write(to: url)
    }
}
