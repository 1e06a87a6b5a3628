import DemoScenes
import Foundation
import Imaging
import PipelineEngine
import Shards

/// What `vlmpipe demo-data` is asked for.
public struct DemoDataRequest: Sendable {
    /// Folder to write to.
    public var directory: String
    /// Training samples.
    public var count: Int
    /// Seed of the drawing.
    public var seed: UInt64
    /// Worker threads; all cores if nil.
    public var threads: Int?
    /// Whether progress is shown.
    public var isQuiet: Bool

    /// A request.
    public init(directory: String, count: Int, seed: UInt64, threads: Int?, isQuiet: Bool) {
        self.directory = directory
        self.count = count
        self.seed = seed
        self.threads = threads
        self.isQuiet = isQuiet
    }
}

/// What was written.
public struct DemoDataReport: Sendable {
    /// One line for people.
    public let summary: String
}

/// What is on each test picture, and what may be asked: the content of `test-truth.json`.
public struct SceneTruth: Codable, Sendable {
    /// A question with its right answers.
    public struct Query: Codable, Sendable {
        /// Colour, thing, setting.
        public var combination: SceneCombination
        /// Whether the combination never occurs in training.
        public var isWithheld: Bool
        /// The question in English.
        public var english: String
        /// The question in Chinese.
        public var chinese: String
    }

    /// Version of the file's form.
    public var version = "0.1"
    /// Seed of the drawing.
    public var seed: UInt64
    /// What is on each picture, by its key.
    public var scenes: [String: Scene]
    /// All 480 combinations.
    public var queries: [Query]
}

/// Draws the scene data set and writes it as shards: `train/`, `test/` and `test-truth.json`.
public enum DemoDataWorkflow {
    /// Test scenes: each of the 480 combinations three times as the first thing.
    public static let testSampleCount = 1440
    /// Pixels per side of a picture.
    public static let imageSize = 96
    /// JPEG quality of a picture.
    public static let jpegQuality = 90

    /// Writes the files; shards that are there with the same names are replaced.
    ///
    /// - Throws: `ShardError` when the disk refuses; `CancellationError`.
    public static func run(_ request: DemoDataRequest) async throws -> DemoDataReport {
        let pool = ComputePool(threadCount: request.threads ?? ProcessInfo.processInfo.activeProcessorCount)
        let dataset = SceneDataset(seed: request.seed)
        let progress = ProgressReporter(
            title: "demo-data", unit: "pictures", totalCount: request.count + testSampleCount,
            style: .automatic(isQuiet: request.isQuiet))
        defer { progress.finish() }

        var byteCount = 0
        var done = 0
        for (split, count) in [(SceneDataset.Split.train, request.count), (.test, testSampleCount)] {
            var writer = try ShardWriter(directory: "\(request.directory)/\(split.rawValue)", maximumSampleCount: 2000)
            let start = done
            try await pool.orderedMap(0..<count, window: 4 * pool.threadCount) { index in
                try sample(dataset, split, index)
            } consume: { sample in
                try writer.write(key: sample.key, members: sample.members)
                done += 1
                progress.update(completedCount: done)
            }
            precondition(done - start == count, "every scene is written")
            byteCount += try writer.finish().reduce(0) { $0 + $1.byteCount }
        }
        try JSONFile.write(truth(dataset, seed: request.seed), to: "\(request.directory)/test-truth.json")
        pool.shutdown()
        let size = ByteText.text(byteCount)
        return DemoDataReport(
            summary: "wrote \(request.count) training and \(testSampleCount) test pictures, \(size), "
                + "to \(request.directory)/train and \(request.directory)/test")
    }

    private struct DrawnSample: Sendable {
        let key: String
        let members: [(suffix: String, bytes: [UInt8])]
    }

    private static func sample(
        _ dataset: SceneDataset, _ split: SceneDataset.Split, _ index: Int
    ) throws -> DrawnSample {
        struct Facts: Encodable {
            let captions: [String]
            let split: String
        }
        let scene = dataset.scene(split: split, index: index)
        let captions = dataset.captions(scene)
        let jpeg = try ImageEncoder.jpeg(dataset.render(scene, size: imageSize), quality: jpegQuality)
        let facts = try JSONFile.text(Facts(captions: captions, split: split.rawValue))
        return DrawnSample(
            key: scene.key,
            members: [
                ("jpg", jpeg), ("json", Array(facts.utf8)), ("txt", Array((captions.first ?? "").utf8)),
            ])
    }

    private static func truth(_ dataset: SceneDataset, seed: UInt64) -> SceneTruth {
        let scenes = (0..<testSampleCount).map { dataset.scene(split: .test, index: $0) }
        return SceneTruth(
            seed: seed, scenes: Dictionary(uniqueKeysWithValues: scenes.map { ($0.key, $0) }),
            queries: SceneCombination.all.map { combination in
                SceneTruth.Query(
                    combination: combination, isWithheld: SceneDataset.withheldCombinations.contains(combination),
                    english: combination.query(in: .english), chinese: combination.query(in: .chinese))
            })
    }
}
