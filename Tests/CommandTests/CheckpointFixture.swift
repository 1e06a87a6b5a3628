import Foundation
import TestSupport
import Testing

/// The tiny checkpoint of Tests/Peers/tiny_checkpoints.py that comes with words, in a folder as it is downloaded.
struct CheckpointFixture {
    let folder: TemporaryFolder
    /// Name of the checkpoint's folder.
    static let name = "checkpoint"

    private static let tests = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent()

    init() throws {
        folder = try TemporaryFolder()
        let files = FileManager.default
        try files.copyItem(
            at: Self.tests.appending(path: "EncodersTests/Fixtures/clip-openclip-words"),
            to: URL(fileURLWithPath: folder.file(Self.name)))
        let vocabulary = "bpe_simple_vocab_16e6.txt"
        try files.copyItem(
            at: Self.tests.appending(path: "TokenizationTests/Fixtures/clip/\(vocabulary)"),
            to: URL(fileURLWithPath: folder.file("\(Self.name)/\(vocabulary)")))
    }

    /// The tool with a workspace that does not exist yet.
    var tool: Tool { Tool(workspace: folder.file("workspace"), folder: folder.path) }

    /// Changes a text file of the checkpoint.
    func edit(_ name: String, _ change: (String) -> String) throws {
        let url = URL(fileURLWithPath: folder.file("\(Self.name)/\(name)"))
        try Data(change(try String(contentsOf: url, encoding: .utf8)).utf8).write(to: url)
    }

    /// Pictures of the demonstration data, as files in this folder.
    func pictures(_ count: Int) throws -> [String] {
        try tool.succeed(["demo-data", "scenes", "--count", "16", "--quiet"])
        let list = try FileManager.default.contentsOfDirectory(atPath: folder.file("scenes/train"))
        let tar = Process()
        tar.executableURL = URL(fileURLWithPath: "/bin/tar")
        tar.arguments = ["-xf", folder.file("scenes/train/\(try #require(list.first))"), "-C", folder.path]
        try tar.run()
        tar.waitUntilExit()
        #expect(tar.terminationStatus == 0)
        return Array(try folder.names().filter { $0.hasSuffix(".jpg") }.prefix(count))
    }
}

/// A NumPy file as the tests need it.
struct NumpyArray {
    let header: String
    let data: Data

    init(_ path: String) throws {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        try #require(bytes.count > 10 && bytes.prefix(6) == Data([0x93] + Array("NUMPY".utf8)))
        let length = Int(bytes[8]) + Int(bytes[9]) << 8
        header = String(decoding: bytes[10..<10 + length], as: UTF8.self)
        data = bytes.dropFirst(10 + length)
    }

    /// The elements, which must be F32.
    func floats() throws -> [Float] {
        try #require(header.contains("<f4"))
        return data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }
}
