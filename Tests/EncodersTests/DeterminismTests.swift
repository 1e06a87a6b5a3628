import Encoders
import Kernels
import TestSupport
import Testing

@Suite("Bits depend on the sample alone")
struct DeterminismTests {
    private func encoder(_ configuration: DualEncoderConfiguration) throws -> DualEncoder {
        let architecture = try DualEncoderArchitecture(configuration)
        return try DualEncoder(configuration: configuration, parameters: TestModels.parameters(architecture, seed: 7))
    }

    private static func configurations() throws -> [DualEncoderConfiguration] {
        try DualEncoderConfiguration.Stem.allCases.flatMap {
            [try TestModels.configuration(stem: $0), try TestModels.mediumConfiguration(stem: $0)]
        }
    }

    @Test func imagesInAnyCompany() throws {
        for configuration in try Self.configurations() {
            let encoder = try encoder(configuration)
            let count = 2 * encoder.imageSliceRowCount + 1
            let pixels = TestModels.pixels(configuration, count: count, seed: 8)
            let bytes = configuration.vision.imageByteCount
            let dimension = configuration.embeddingDimension
            let together = encoder.encodeImages(pixels, count: count)
            #expect(together.count == count * dimension && together.allSatisfy { $0.isFinite })
            for image in 0..<count {
                let alone = encoder.encodeImages(Array(pixels[image * bytes..<(image + 1) * bytes]), count: 1)
                #expect(alone == Array(together[image * dimension..<(image + 1) * dimension]), "image \(image)")
            }
            let tail = encoder.encodeImages(Array(pixels[3 * bytes..<count * bytes]), count: count - 3)
            #expect(tail == Array(together[(3 * dimension)...]))
            #expect(encoder.encodeImages([], count: 0).isEmpty)
        }
    }

    @Test func textsInAnyCompany() throws {
        for configuration in try Self.configurations() {
            let encoder = try encoder(configuration)
            let texts = TestModels.texts(configuration, count: 70, seed: 9)
            let dimension = configuration.embeddingDimension
            let together = encoder.encodeTexts(texts)
            #expect(together.allSatisfy { $0.isFinite })
            for (index, text) in texts.enumerated() {
                #expect(
                    encoder.encodeTexts([text]) == Array(together[index * dimension..<(index + 1) * dimension]),
                    "text \(index) of \(text.count) tokens")
            }
            let reversed = encoder.encodeTexts(texts.reversed())
            for index in texts.indices {
                let place = texts.count - 1 - index
                #expect(
                    Array(reversed[place * dimension..<(place + 1) * dimension])
                        == Array(together[index * dimension..<(index + 1) * dimension]))
            }
            #expect(encoder.encodeTexts([]).isEmpty)
        }
    }

    @Test func threadsDoNotDisturbEachOther() async throws {
        let configuration = try TestModels.mediumConfiguration(stem: .convolutional)
        let encoder = try encoder(configuration)
        let pixels = TestModels.pixels(configuration, count: 5, seed: 10)
        let texts = TestModels.texts(configuration, count: 40, seed: 11)
        let expected = encoder.encodeImages(pixels, count: 5) + encoder.encodeTexts(texts)
        await withTaskGroup(of: [Float].self) { group in
            for _ in 0..<8 {
                group.addTask { encoder.encodeImages(pixels, count: 5) + encoder.encodeTexts(texts) }
            }
            for await result in group { #expect(result == expected) }
        }
    }

    @Test func trainingAndInferenceAgree() throws {
        for configuration in try Self.configurations() {
            let architecture = try DualEncoderArchitecture(configuration)
            let parameters = TestModels.parameters(architecture, seed: 12)
            let encoder = try DualEncoder(configuration: configuration, parameters: parameters)
            let pixels = TestModels.pixels(configuration, count: 5, seed: 13)
            let texts = TestModels.texts(configuration, count: 30, seed: 14)
            let images = FloatBuffer(count: 5 * configuration.embeddingDimension)
            let captions = FloatBuffer(count: 30 * configuration.embeddingDimension)
            ImageTowerSlice(architecture: architecture, maximumRowCount: 5).forward(
                pixels: pixels, rowCount: 5, parameters: parameters, embeddings: images, at: 0)
            TextTowerSlice(architecture: architecture, maximumRowCount: 30).forward(
                tokens: texts, parameters: parameters, embeddings: captions, at: 0)
            expectClose(encoder.encodeImages(pixels, count: 5), images.array.map(Double.init), bound: 1e-6, "images")
            expectClose(encoder.encodeTexts(texts), captions.array.map(Double.init), bound: 1e-6, "texts")
        }
    }

    /// The same slice again, and a slice that did other work before, give the same bits.
    @Test func slicesCarryNothingOver() throws {
        let configuration = try TestModels.mediumConfiguration(stem: .patch)
        let architecture = try DualEncoderArchitecture(configuration)
        let parameters = TestModels.parameters(architecture, seed: 15)
        let dimension = configuration.embeddingDimension
        var random = TestRandom(seed: 16)
        let upstream = FloatBuffer(random.values(6 * dimension))
        let pixels = TestModels.pixels(configuration, count: 6, seed: 17)
        let texts = TestModels.texts(configuration, count: 6, seed: 18)
        func step(_ images: ImageTowerSlice, _ captions: TextTowerSlice, count: Int) -> [Float] {
            let embeddings = FloatBuffer(count: 12 * dimension)
            let gradient = FloatBuffer(count: parameters.count)
            images.forward(pixels: pixels, rowCount: count, parameters: parameters, embeddings: embeddings, at: 0)
            captions.forward(tokens: Array(texts.prefix(count)), parameters: parameters, embeddings: embeddings, at: 6)
            images.backward(embeddingGradient: upstream, at: 0, parameters: parameters, gradient: gradient)
            captions.backward(embeddingGradient: upstream, at: 0, parameters: parameters, gradient: gradient)
            return embeddings.array + gradient.array
        }
        let images = ImageTowerSlice(architecture: architecture, maximumRowCount: 6)
        let captions = TextTowerSlice(architecture: architecture, maximumRowCount: 6)
        let first = step(images, captions, count: 6)
        let short = step(images, captions, count: 2)
        let isRepeated = step(images, captions, count: 6) == first
        #expect(isRepeated, "the same slices again")
        let isFresh =
            step(
                ImageTowerSlice(architecture: architecture, maximumRowCount: 2),
                TextTowerSlice(architecture: architecture, maximumRowCount: 2), count: 2) == short
        #expect(isFresh, "slices that did nothing before")
    }
}
