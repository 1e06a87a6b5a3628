import Encoders
import Testing

/// Sizes and costs of published models, as open_clip's profile lists them.
@Suite struct EncoderCostTests {
    struct Published: Sendable, CustomTestStringConvertible {
        let name: String
        let imageSize: Int, patchSize: Int, width: Int, layers: Int, headWidth: Int
        var mlpRatio = 4.0
        let dimension: Int, textWidth: Int, textLayers: Int, textHeads: Int
        /// Millions of parameters and GFLOP, image and text.
        let imageParameters: Double, textParameters: Double, imageCost: Double, textCost: Double
        var testDescription: String { name }
    }

    static let published = [
        Published(
            name: "ViT-B-32", imageSize: 224, patchSize: 32, width: 768, layers: 12, headWidth: 64, dimension: 512,
            textWidth: 512, textLayers: 12, textHeads: 8, imageParameters: 87.85, textParameters: 63.43,
            imageCost: 8.82, textCost: 5.96),
        Published(
            name: "ViT-B-16", imageSize: 224, patchSize: 16, width: 768, layers: 12, headWidth: 64, dimension: 512,
            textWidth: 512, textLayers: 12, textHeads: 8, imageParameters: 86.19, textParameters: 63.43,
            imageCost: 35.13, textCost: 5.96),
        Published(
            name: "ViT-L-14-336", imageSize: 336, patchSize: 14, width: 1024, layers: 24, headWidth: 64, dimension: 768,
            textWidth: 768, textLayers: 12, textHeads: 12, imageParameters: 304.29, textParameters: 123.65,
            imageCost: 381.9, textCost: 13.3),
        Published(
            name: "ViT-bigG-14", imageSize: 224, patchSize: 14, width: 1664, layers: 48, headWidth: 104,
            mlpRatio: 4.9231, dimension: 1280, textWidth: 1280, textLayers: 32, textHeads: 20, imageParameters: 1844.9,
            textParameters: 694.7, imageCost: 967.5, textCost: 97.9),
    ]

    @Test(arguments: published) func publishedTransformers(_ model: Published) throws {
        let cost = try EncoderCost(
            DualEncoderConfiguration(
                embeddingDimension: model.dimension,
                vision: .init(
                    imageSize: model.imageSize, patchSize: model.patchSize, width: model.width,
                    layerCount: model.layers, headWidth: model.headWidth, mlpRatio: model.mlpRatio),
                text: .init(
                    contextLength: 77, vocabularySize: 49408, width: model.textWidth, layerCount: model.textLayers,
                    headCount: model.textHeads, endTokenID: 49407, padTokenID: 0)))
        func isNear(_ count: Int, _ expected: Double, scale: Double, within share: Double) -> Bool {
            abs(Double(count) / scale - expected) <= expected * share
        }
        #expect(isNear(cost.imageParameterCount, model.imageParameters, scale: 1e6, within: 0.0005))
        #expect(isNear(cost.textParameterCount, model.textParameters, scale: 1e6, within: 0.0005))
        #expect(
            isNear(cost.imageOperationCount, model.imageCost, scale: 1e9, within: 0.03), "\(cost.imageOperationCount)")
        #expect(isNear(cost.textOperationCount, model.textCost, scale: 1e9, within: 0.03), "\(cost.textOperationCount)")
    }
}
