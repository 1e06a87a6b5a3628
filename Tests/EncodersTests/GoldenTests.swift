import ByteFormats
import Encoders
import Foundation
import Kernels
import TestSupport
import Testing

/// Embeddings and gradients that PyTorch computed; see Tests/Peers/encoders_golden.py.
@Suite struct GoldenTests {
    private static let cases: [(DualEncoderConfiguration.Stem, DualEncoderConfiguration.Activation)] = [
        (.patch, .gelu), (.convolutional, .quickGELU),
    ]

    @Test(arguments: cases)
    func embeddingsAndGradientsAreThoseOfPyTorch(
        stem: DualEncoderConfiguration.Stem, activation: DualEncoderConfiguration.Activation
    ) throws {
        let architecture = try DualEncoderArchitecture(TestModels.configuration(stem: stem, activation: activation))
        let url = try #require(
            Bundle.module.url(
                forResource: stem.rawValue, withExtension: "safetensors", subdirectory: "Fixtures"))
        let file = try SafetensorsFile(path: url.path)
        let parameters = FloatBuffer(count: architecture.layout.totalCount)
        for entry in architecture.layout.entries {
            #expect(try file.entry(named: entry.name).shape == entry.shape, "\(entry.name)")
            parameters.write(try file.floats(of: entry.name), at: entry.offset)
        }
        let pixels = try file.integers(of: "input.pixels").map { UInt8($0) }
        let padded = try file.integers(of: "input.tokens")
        let context = architecture.configuration.text.contextLength
        let texts = stride(from: 0, to: padded.count, by: context).map { start in
            padded[start..<start + context].map { Int32($0) }
        }
        let imageCount = pixels.count / architecture.configuration.vision.imageByteCount
        let expectedImages = try file.floats(of: "output.images").map(Double.init)
        let expectedTexts = try file.floats(of: "output.texts").map(Double.init)

        let encoder = try DualEncoder(configuration: architecture.configuration, parameters: parameters)
        expectClose(encoder.encodeImages(pixels, count: imageCount), expectedImages, bound: 2e-6, "images")
        expectClose(encoder.encodeTexts(texts), expectedTexts, bound: 2e-6, "texts")

        let images = ImageTowerSlice(architecture: architecture, maximumRowCount: imageCount)
        let textSlice = TextTowerSlice(architecture: architecture, maximumRowCount: texts.count)
        let imageEmbeddings = FloatBuffer(count: expectedImages.count)
        let textEmbeddings = FloatBuffer(count: expectedTexts.count)
        let gradient = FloatBuffer(count: parameters.count)
        images.forward(pixels: pixels, rowCount: imageCount, parameters: parameters, embeddings: imageEmbeddings, at: 0)
        textSlice.forward(tokens: texts, parameters: parameters, embeddings: textEmbeddings, at: 0)
        expectClose(imageEmbeddings.array, expectedImages, bound: 2e-6, "training images")
        expectClose(textEmbeddings.array, expectedTexts, bound: 2e-6, "training texts")
        images.backward(
            embeddingGradient: FloatBuffer(try file.floats(of: "upstream.images")), at: 0, parameters: parameters,
            gradient: gradient)
        textSlice.backward(
            embeddingGradient: FloatBuffer(try file.floats(of: "upstream.texts")), at: 0, parameters: parameters,
            gradient: gradient)
        for entry in architecture.layout.entries where entry.name != "logitScale" {
            expectClose(
                gradient.array(entry.range), try file.floats(of: "gradient." + entry.name).map(Double.init),
                bound: 2e-5, "gradient of \(entry.name)")
        }
    }
}
