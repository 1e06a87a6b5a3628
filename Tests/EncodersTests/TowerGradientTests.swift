import Encoders
import Kernels
import TestSupport
import Testing

@Suite("Whole towers against the plain towers in Double")
struct TowerGradientTests {
    /// Some elements of every parameter tensor, by central differences, and all of them together along a random direction.
    private func check(
        _ gradient: FloatBuffer, _ towers: PlainTowers, prefix: String, _ label: String,
        loss: (PlainTowers) -> Double
    ) {
        var random = TestRandom(seed: 99)
        var direction = [Double](repeating: 0, count: towers.parameters.count)
        var slope = 0.0
        func difference(_ move: (inout [Double], Double) -> Void) -> Double {
            let step = 1e-5
            var forward = towers
            var backward = towers
            move(&forward.parameters, step)
            move(&backward.parameters, -step)
            return (loss(forward) - loss(backward)) / (2 * step)
        }
        for entry in towers.layout.entries where entry.name.hasPrefix(prefix) {
            for _ in 0..<min(3, entry.count) {
                let index = entry.offset + random.integer(below: entry.count)
                let expected = difference { $0[index] += $1 }
                expectClose(
                    [gradient[index]], [expected], bound: 1e-4, "\(label): \(entry.name)[\(index - entry.offset)]")
            }
            for index in entry.range {
                direction[index] = random.unit() - 0.5
                slope += direction[index] * Double(gradient[index])
            }
        }
        let expected = difference { values, step in
            for index in values.indices { values[index] += step * direction[index] }
        }
        #expect(abs(slope - expected) < 1e-4 * (1 + abs(expected)), "\(label): along a direction")
        for entry in towers.layout.entries where !entry.name.hasPrefix(prefix) {
            #expect(gradient.array(entry.range).allSatisfy { $0 == 0 }, "\(label) leaves \(entry.name) alone")
        }
    }

    @Test(arguments: DualEncoderConfiguration.Stem.allCases, DualEncoderConfiguration.Activation.allCases)
    func imageTower(stem: DualEncoderConfiguration.Stem, activation: DualEncoderConfiguration.Activation) throws {
        let architecture = try DualEncoderArchitecture(TestModels.configuration(stem: stem, activation: activation))
        let parameters = TestModels.parameters(architecture, seed: 1)
        let count = 2
        let pixels = TestModels.pixels(architecture.configuration, count: count, seed: 2)
        let towers = PlainTowers(architecture, parameters)
        let embeddings = FloatBuffer(count: 4 * 12)
        let slice = ImageTowerSlice(architecture: architecture, maximumRowCount: 3)
        var random = TestRandom(seed: 3)
        let upstream = FloatBuffer(random.values(4 * 12))
        let gradient = FloatBuffer(count: parameters.count)
        slice.forward(pixels: pixels, rowCount: count, parameters: parameters, embeddings: embeddings, at: 1)
        #expect(embeddings.array(0..<12).allSatisfy { $0 == 0 } && embeddings.array(36..<48).allSatisfy { $0 == 0 })
        expectClose(embeddings.array(12..<36), towers.images(pixels, count: count), bound: 5e-6, "embeddings")
        slice.backward(embeddingGradient: upstream, at: 1, parameters: parameters, gradient: gradient)
        check(gradient, towers, prefix: "imageTower.", "image tower \(stem) \(activation)") { towers in
            zip(towers.images(pixels, count: count), upstream.array(12..<36)).reduce(0) { $0 + $1.0 * Double($1.1) }
        }
    }

    @Test func textTower() throws {
        let architecture = try DualEncoderArchitecture(TestModels.configuration(stem: .patch))
        let parameters = TestModels.parameters(architecture, seed: 4)
        let texts = TestModels.texts(architecture.configuration, count: 9, seed: 5)
        let towers = PlainTowers(architecture, parameters)
        let embeddings = FloatBuffer(count: 9 * 12)
        let slice = TextTowerSlice(architecture: architecture, maximumRowCount: 9)
        var random = TestRandom(seed: 6)
        let upstream = FloatBuffer(random.values(9 * 12))
        let gradient = FloatBuffer(count: parameters.count)
        slice.forward(tokens: texts, parameters: parameters, embeddings: embeddings, at: 0)
        expectClose(embeddings.array, towers.texts(texts), bound: 5e-6, "embeddings")
        slice.backward(embeddingGradient: upstream, at: 0, parameters: parameters, gradient: gradient)
        check(gradient, towers, prefix: "textTower.", "text tower") { towers in
            zip(towers.texts(texts), upstream.array).reduce(0) { $0 + $1.0 * Double($1.1) }
        }
    }

    @Test func tokensBehindTheEndTokenDoNotCount() throws {
        let architecture = try DualEncoderArchitecture(TestModels.configuration(stem: .patch))
        let parameters = TestModels.parameters(architecture, seed: 4)
        let slice = TextTowerSlice(architecture: architecture, maximumRowCount: 2)
        let embeddings = FloatBuffer(count: 2 * 12)
        slice.forward(tokens: [[1, 2, 19], [1, 2, 19, 3, 19]], parameters: parameters, embeddings: embeddings, at: 0)
        // Products of several rows may differ in their last bits by a row's place (decision 017).
        for (short, long) in zip(embeddings.array(0..<12), embeddings.array(12..<24)) {
            #expect(abs(short - long) < 2e-6)
        }
        let alone = FloatBuffer(count: 2 * 12)
        slice.forward(tokens: [[1, 2, 19]], parameters: parameters, embeddings: alone, at: 0)
        slice.forward(tokens: [[1, 2, 19, 3, 19]], parameters: parameters, embeddings: alone, at: 1)
        #expect(alone.array(0..<12) == alone.array(12..<24))
    }
}
