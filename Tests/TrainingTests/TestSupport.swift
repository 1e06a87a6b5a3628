import ByteFormats
import Encoders
import Foundation
import Kernels
import PipelineEngine
import Samples
import Synchronization
import Testing
import Training

/// Fails unless both have the same count, are finite and differ by at most `bound`; prints the worst index.
func expectEqual(
    _ values: [Float], _ expected: [Float], within bound: Float, _ label: String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(values.count == expected.count, "\(label): count", sourceLocation: sourceLocation)
    guard values.count == expected.count else { return }
    var worst = (index: 0, difference: Float(0))
    for (index, pair) in zip(values, expected).enumerated() {
        guard pair.0.isFinite, pair.1.isFinite else {
            Issue.record("\(label)[\(index)]: \(pair.0), expected \(pair.1)", sourceLocation: sourceLocation)
            return
        }
        if !(abs(pair.0 - pair.1) <= worst.difference) { worst = (index, abs(pair.0 - pair.1)) }
    }
    #expect(
        worst.difference <= bound,
        "\(label): worst at \(worst.index): \(values[worst.index]), expected \(expected[worst.index])",
        sourceLocation: sourceLocation)
}

/// Unit-length rows from a seed.
func unitRows(count: Int, dimension: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).flatMap { _ in
        let row = (0..<dimension).map { _ in generator.uniform(in: -1...1) }
        let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return row.map { Float($0 / norm) }
    }
}

/// A folder that is removed after the test.
func withTemporaryFolder<Output>(_ body: (String) async throws -> Output) async throws -> Output {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("training-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer {
        do { try FileManager.default.removeItem(at: folder) } catch { Issue.record(error) }
    }
    return try await body(folder.path)
}

func fileBytes(_ path: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path))
}

/// A model that trains in milliseconds.
func tinyArchitecture(initialLogitScale: Float = 2.6593) throws -> DualEncoderArchitecture {
    try DualEncoderArchitecture(
        DualEncoderConfiguration(
            embeddingDimension: 16,
            vision: .init(imageSize: 16, patchSize: 8, width: 16, layerCount: 1, headWidth: 8, stem: .patch),
            text: .init(
                contextLength: 8, vocabularySize: 40, width: 16, layerCount: 1, headCount: 2, endTokenID: 39,
                padTokenID: 0),
            initialLogitScale: initialLogitScale
        ))
}

func tinyRecipe() -> TrainingRecipe {
    var recipe = TrainingRecipe()
    recipe.batchSize = 8
    recipe.sliceRowCount = 3
    recipe.length = .epochs(3)
    recipe.learningRate = 3e-3
    recipe.checkpointInterval = 2
    recipe.evaluationCount = 2
    return recipe
}

/// Drawn pairs: sample i has its own brightness pattern and its own two words, jittered by epoch.
final class DrawnSource: TrainingSource {
    struct Broken: Error {}

    let sampleCount: Int
    let fingerprint: String
    let isJittered: Bool
    let brokenSamples: Set<Int>
    let failures = Mutex<[Int]>([])

    init(sampleCount: Int, fingerprint: String = "drawn", isJittered: Bool = true, brokenSamples: Set<Int> = []) {
        self.sampleCount = sampleCount
        self.fingerprint = fingerprint
        self.isJittered = isJittered
        self.brokenSamples = brokenSamples
    }

    func load(sample index: Int, epoch: Int, seed: UInt64) throws -> TrainingExample {
        if brokenSamples.contains(index) { throw Broken() }
        var own = SeededGenerator(seed: UInt64(index))
        var drawn = SeededGenerator(seed: seed, epoch: epoch, number: UInt64(index), purpose: "jitter")
        let levels = (0..<12).map { _ in own.integer(below: 200) }
        let shift = isJittered ? drawn.integer(below: 40) : 0
        let pixels = (0..<16 * 16 * 3).map { byte -> UInt8 in
            let (pixel, channel) = (byte / 3, byte % 3)
            return UInt8(levels[(pixel / 16 / 8 * 2 + pixel % 16 / 8) * 3 + channel] + shift)
        }
        let long = isJittered && drawn.chance(0.5)
        let tokens: [Int32] =
            [1, Int32(2 + index % 6), Int32(10 + index / 6 % 28)] + (long ? [9] : []) + [39]
        return TrainingExample(
            pixels: pixels, tokens: tokens, imageGroup: UInt64(index), textGroup: UInt64(index * 2 + (long ? 1 : 0)))
    }

    func recordFailure(sample index: Int, error: any Error) {
        failures.withLock { $0.append(index) }
    }
}
