import Foundation
import TestSupport
import Testing

/// A small drawn data set and a recipe that trains in seconds.
struct Fixture {
    static let trainCount = 640

    static let recipe = """
        version: "0.1"
        seed: 3
        embedding: 32
        image: {size: 32, patch: 8, stem: convolutional, width: 32, layers: 2, headWidth: 16}
        text: {context: 16, vocabulary: 600, width: 32, layers: 1, heads: 2}
        augmentation: {cropScale: [0.8, 1.0], brightness: 0.2}
        training: {batchSize: 64, samples: 6400, learningRate: 1.0e-3, checkpointInterval: 7, sliceRowCount: 16}
        """

    let folder: TemporaryFolder

    /// Draws the data and writes the recipe.
    init() throws {
        folder = try TemporaryFolder()
        try tool("unused").succeed(["demo-data", "scenes", "--count", "\(Self.trainCount)", "--quiet"])
        try Self.recipe.write(toFile: folder.path + "/recipe.yaml", atomically: true, encoding: .utf8)
    }

    /// The tool with a workspace of this name.
    func tool(_ workspace: String) -> Tool {
        Tool(workspace: "\(folder.path)/\(workspace)", folder: folder.path)
    }

    static let ingestTrain = ["ingest", "scenes/train", "--dataset", "scenes"]
    static let ingestTest = ["ingest", "scenes/test", "--dataset", "scenes", "--no-captions", "--check", "decode"]
    static let train = ["train", "--recipe", "recipe.yaml", "--model", "tiny"]
    static let embed = ["embed", "--model", "tiny"]

    /// Everything that must be equal after a kill: the catalog's dump and the bytes of models, checkpoints, embeddings and
    /// index segments; not manifests' numbers, logs and run records.
    func state(_ workspace: String) throws -> [String: Data] {
        let root = "\(folder.path)/\(workspace)"
        var state = ["catalog": Data(try tool(workspace).succeed(["dataset", "dump", "--quiet"]).output.utf8)]
        let files = FileManager.default.enumerator(atPath: root)
        while let name = files?.nextObject() as? String {
            let isResult =
                name.hasPrefix("models/") || name.hasPrefix("spaces/") || name.contains("/checkpoints/")
            let last = (name as NSString).lastPathComponent
            guard isResult, !last.hasPrefix("MANIFEST-"), last != "LOCK" else { continue }
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: "\(root)/\(name)", isDirectory: &isFolder), !isFolder.boolValue
            else { continue }
            state[name] = try Data(contentsOf: URL(fileURLWithPath: "\(root)/\(name)"))
        }
        return state
    }
}
