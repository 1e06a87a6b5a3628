import ByteFormats
import Foundation
import Kernels
import PipelineEngine
import Samples
import Testing

@testable import Training

/// One batch and what the loss makes of it.
struct LossCase {
    let rowCount: Int
    let dimension: Int
    var images: [Float]
    var texts: [Float]
    var imageGroups: [UInt64]
    var textGroups: [UInt64]
    var logitScale: Float

    init(rowCount: Int, dimension: Int, seed: UInt64 = 1, groupCount: Int? = nil, logitScale: Float = 2.5) {
        self.rowCount = rowCount
        self.dimension = dimension
        self.logitScale = logitScale
        images = unitRows(count: rowCount, dimension: dimension, seed: seed)
        texts = unitRows(count: rowCount, dimension: dimension, seed: seed + 1000)
        var generator = SeededGenerator(seed: seed)
        imageGroups = (0..<rowCount).map { row in UInt64(groupCount.map { generator.integer(below: $0) } ?? row) }
        textGroups = (0..<rowCount).map { row in UInt64(groupCount.map { generator.integer(below: $0) } ?? row) }
    }

    struct Outcome: Equatable {
        let value: ContrastiveLoss.Value
        let imageGradient: [Float]
        let textGradient: [Float]
    }

    func evaluate(maximumRowCount: Int? = nil, on pool: ComputePool? = nil) async throws -> Outcome {
        let loss = ContrastiveLoss(maximumRowCount: maximumRowCount ?? rowCount, dimension: dimension)
        let imageGradient = FloatBuffer([Float](repeating: .nan, count: rowCount * dimension))
        let textGradient = FloatBuffer([Float](repeating: .nan, count: rowCount * dimension))
        let targets = PairTargets(imageGroups: imageGroups, textGroups: textGroups)
        let value =
            if let pool {
                try await loss.evaluate(
                    images: FloatBuffer(images), texts: FloatBuffer(texts), targets: targets, logitScale: logitScale,
                    imageGradient: imageGradient, textGradient: textGradient, on: pool)
            } else {
                loss.evaluate(
                    images: FloatBuffer(images), texts: FloatBuffer(texts), targets: targets, logitScale: logitScale,
                    imageGradient: imageGradient, textGradient: textGradient)
            }
        return Outcome(value: value, imageGradient: imageGradient.array, textGradient: textGradient.array)
    }
}

@Suite struct ContrastiveLossTests {
    @Test func `orthogonal pairs have the value worked out by hand`() async throws {
        // L = s·1 for the diagonal and 0 elsewhere: loss = ln(1 + (N − 1)·e^−s), ∂θ = −s·(N − 1)·e^−s / (1 + (N − 1)·e^−s).
        var example = LossCase(rowCount: 3, dimension: 3, logitScale: 0.5)
        example.images = [1, 0, 0, 0, 1, 0, 0, 0, 1]
        example.texts = example.images
        let outcome = try await example.evaluate()
        let scale = exp(0.5)
        let other = exp(-scale)
        #expect(abs(outcome.value.loss - log(1 + 2 * other)) < 1e-6)
        #expect(abs(outcome.value.logitScaleGradient + scale * 2 * other / (1 + 2 * other)) < 1e-6)
        // ∂I = s/N·(P − 1)·T: the diagonal pulls, the others push.
        let off = other / (1 + 2 * other)
        let diagonal = Float(scale / 3 * (-2 * off))
        let rest = Float(scale / 3 * off)
        expectEqual(
            outcome.imageGradient, [diagonal, rest, rest, rest, diagonal, rest, rest, rest, diagonal], within: 1e-6,
            "image gradient")
        #expect(outcome.textGradient == outcome.imageGradient)
    }

    @Test func `one pair and equal pairs cost what they must`() async throws {
        let single = try await LossCase(rowCount: 1, dimension: 4).evaluate()
        #expect(single.value == ContrastiveLoss.Value(loss: 0, logitScaleGradient: 0))
        #expect(single.imageGradient == [0, 0, 0, 0])
        var equal = LossCase(rowCount: 5, dimension: 4, groupCount: 1)
        equal.images = [Float](repeating: 0.5, count: 20)
        equal.texts = equal.images
        let outcome = try await equal.evaluate()
        #expect(abs(outcome.value.loss - log(5)) < 1e-6)
        expectEqual(outcome.imageGradient, [Float](repeating: 0, count: 20), within: 1e-7, "gradient of equal pairs")
    }

    @Test(arguments: [(2, 3, nil), (7, 5, nil), (7, 5, 3), (65, 4, 20), (130, 6, nil)] as [(Int, Int, Int?)])
    func `gradients equal central differences in Double`(rowCount: Int, dimension: Int, groupCount: Int?) async throws {
        let example = LossCase(rowCount: rowCount, dimension: dimension, seed: 7, groupCount: groupCount)
        let plain = PlainContrastiveLoss(
            rowCount: rowCount, dimension: dimension, imageGroups: example.imageGroups, textGroups: example.textGroups)
        let images = example.images.map(Double.init)
        let texts = example.texts.map(Double.init)
        let scale = Double(example.logitScale)
        let outcome = try await example.evaluate()
        let expected = plain.loss(images: images, texts: texts, logitScale: scale)
        #expect(abs(outcome.value.loss - expected) < 2e-6)
        let scaleGradient = plain.difference(of: [scale], at: 0) {
            plain.loss(images: images, texts: texts, logitScale: $0[0])
        }
        #expect(abs(outcome.value.logitScaleGradient - scaleGradient) < 2e-6)
        let checked = Array(stride(from: 0, to: images.count, by: max(1, images.count / 40)))
        let imageGradient = checked.map { index in
            Float(plain.difference(of: images, at: index) { plain.loss(images: $0, texts: texts, logitScale: scale) })
        }
        let textGradient = checked.map { index in
            Float(plain.difference(of: texts, at: index) { plain.loss(images: images, texts: $0, logitScale: scale) })
        }
        expectEqual(checked.map { outcome.imageGradient[$0] }, imageGradient, within: 3e-6, "images")
        expectEqual(checked.map { outcome.textGradient[$0] }, textGradient, within: 3e-6, "texts")
    }

    @Test func `the towers are treated alike`() async throws {
        let example = LossCase(rowCount: 70, dimension: 6, seed: 3, groupCount: 40)
        var swapped = example
        swap(&swapped.images, &swapped.texts)
        let outcome = try await example.evaluate()
        let other = try await swapped.evaluate()
        #expect(abs(outcome.value.loss - other.value.loss) < 1e-7)
        #expect(outcome.imageGradient == other.textGradient)
        #expect(outcome.textGradient == other.imageGradient)
    }

    @Test func `a permutation of the rows permutes the gradients`() async throws {
        let example = LossCase(rowCount: 67, dimension: 5, seed: 4, groupCount: 30)
        var order = Array(0..<67)
        var generator = SeededGenerator(seed: 9)
        generator.shuffle(&order)
        func permuted(_ rows: [Float]) -> [Float] { order.flatMap { rows[$0 * 5..<$0 * 5 + 5] } }
        var shuffled = example
        shuffled.images = permuted(example.images)
        shuffled.texts = permuted(example.texts)
        shuffled.imageGroups = order.map { example.imageGroups[$0] }
        shuffled.textGroups = order.map { example.textGroups[$0] }
        let outcome = try await example.evaluate()
        let other = try await shuffled.evaluate()
        #expect(abs(outcome.value.loss - other.value.loss) < 1e-6)
        expectEqual(other.imageGradient, permuted(outcome.imageGradient), within: 1e-6, "images")
        expectEqual(other.textGradient, permuted(outcome.textGradient), within: 1e-6, "texts")
    }

    @Test(arguments: [1, 2, 5])
    func `the bits do not depend on the threads or on a larger workspace`(threadCount: Int) async throws {
        let pool = ComputePool(threadCount: threadCount)
        defer { pool.shutdown() }
        let example = LossCase(rowCount: 200, dimension: 16, seed: 5)
        let alone = try await example.evaluate()
        #expect(try await example.evaluate(maximumRowCount: 300, on: pool) == alone)
    }

    @Test(arguments: ["plain", "blocks", "grouped"])
    func `values equal PyTorch's`(name: String) async throws {
        let golden = try goldenFile()
        let imageEntry = try golden.entry(named: "\(name)/images")
        var example = LossCase(rowCount: imageEntry.shape[0], dimension: imageEntry.shape[1])
        example.images = try golden.floats(of: "\(name)/images")
        example.texts = try golden.floats(of: "\(name)/texts")
        example.imageGroups = try golden.floats(of: "\(name)/imageGroups").map(UInt64.init)
        example.textGroups = try golden.floats(of: "\(name)/textGroups").map(UInt64.init)
        example.logitScale = try golden.floats(of: "\(name)/logitScale")[0]
        let outcome = try await example.evaluate()
        expectEqual([Float(outcome.value.loss)], try golden.floats(of: "\(name)/loss"), within: 5e-6, "loss")
        expectEqual(
            [Float(outcome.value.logitScaleGradient)], try golden.floats(of: "\(name)/logitScaleGradient"),
            within: 5e-6, "logit scale gradient")
        expectEqual(
            outcome.imageGradient, try golden.floats(of: "\(name)/imageGradient"), within: 3e-6, "image gradient")
        expectEqual(
            outcome.textGradient, try golden.floats(of: "\(name)/textGradient"), within: 3e-6, "text gradient")
    }
}

func goldenFile() throws -> SafetensorsFile {
    let url = try #require(
        Bundle.module.url(forResource: "loss_golden", withExtension: "safetensors", subdirectory: "Fixtures"))
    return try SafetensorsFile(path: url.path)
}

@Suite struct PairTargetsTests {
    @Test func `equal captions and equal images share the mass`() {
        // Rows 0 and 2 have one caption, rows 2 and 3 one image; 0 and 3 have nothing in common.
        let targets = PairTargets(imageGroups: [1, 2, 3, 3], textGroups: [7, 8, 7, 9])
        #expect((0..<4).map { Array(targets.matches(ofRow: $0)) } == [[0, 2], [1], [0, 2, 3], [2, 3]])
        #expect((0..<4).map { targets.mass(ofRow: $0) } == [0.5, 1, 1.0 / 3, 0.5])
        #expect(PairTargets(imageGroups: [], textGroups: []).rowCount == 0)
    }
}
