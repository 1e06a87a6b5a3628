import Encoders
import Kernels
import TestSupport
import Testing

@Suite("Towers in integers against Float32")
struct PrecisionTests {
    /// Cosines of unit-length rows, ascending.
    private func cosines(_ left: [Float], _ right: [Float], dimension: Int) -> [Double] {
        stride(from: 0, to: left.count, by: dimension).map { row in
            (row..<row + dimension).reduce(0) { $0 + Double(left[$1]) * Double(right[$1]) }
        }.sorted()
    }

    /// The bounds of `embed`.
    private func expectFaithful(
        _ exact: [Float], _ small: [Float], dimension: Int, _ label: String
    ) {
        let cosines = cosines(exact, small, dimension: dimension)
        let mean = cosines.reduce(0, +) / Double(cosines.count)
        #expect(mean >= 0.999, "\(label): mean cosine \(mean)")
        #expect(cosines[cosines.count / 100] >= 0.995, "\(label): first percentile \(cosines[cosines.count / 100])")
        let agreement = agreement(exact, small, dimension: dimension)
        #expect(agreement >= 0.95, "\(label): \(agreement) of the ten nearest stay")
    }

    /// The mean share of each row's ten nearest others that stay its nearest.
    private func agreement(_ exact: [Float], _ small: [Float], dimension: Int) -> Double {
        let count = exact.count / dimension
        func nearest(_ rows: [Float], _ index: Int) -> Set<Int> {
            func similarity(_ other: Int) -> Float {
                (0..<dimension).reduce(0) { $0 + rows[index * dimension + $1] * rows[other * dimension + $1] }
            }
            let others = (0..<count).filter { $0 != index }.map { (index: $0, similarity: similarity($0)) }
            return Set(others.sorted { $0.similarity > $1.similarity }.prefix(10).map(\.index))
        }
        let kept = (0..<count).map { nearest(exact, $0).intersection(nearest(small, $0)).count }.reduce(0, +)
        return Double(kept) / Double(10 * count)
    }

    /// Images that differ as photographs do: soft spots of colour and some grain.
    private func images(_ configuration: DualEncoderConfiguration, count: Int) -> [UInt8] {
        let size = configuration.vision.imageSize
        return (0..<count).flatMap { index -> [UInt8] in
            var random = TestRandom(seed: UInt64(index + 100))
            let spots = (0..<5).map { _ in (0..<6).map { _ in random.unit() } }
            return (0..<size * size).flatMap { place -> [UInt8] in
                let (x, y) = (Double(place % size) / Double(size), Double(place / size) / Double(size))
                var color = [60.0, 60, 60]
                for spot in spots {
                    let distance = (x - spot[0]) * (x - spot[0]) + (y - spot[1]) * (y - spot[1])
                    let weight = max(0, 1 - distance / (0.05 + 0.2 * spot[2]))
                    for channel in 0..<3 { color[channel] += 190 * weight * spot[3 + channel] }
                }
                return color.map { UInt8(min(255, max(0, $0 + 10 * random.unit()))) }
            }
        }
    }

    private func parameters(_ architecture: DualEncoderArchitecture, hasOutliers: Bool) -> FloatBuffer {
        let parameters = architecture.initialParameters(seed: 3)
        guard hasOutliers else { return parameters }
        for entry in architecture.layout.entries where entry.name.hasSuffix("Norm.weight") {
            for index in 0..<6 { parameters[entry.offset + (index * 37 + 5) % entry.count] *= 30 }
        }
        return parameters
    }

    private func check(_ configuration: DualEncoderConfiguration, hasOutliers: Bool, _ label: String) throws {
        let architecture = try DualEncoderArchitecture(configuration)
        let parameters = parameters(architecture, hasOutliers: hasOutliers)
        let exact = try DualEncoder(configuration: configuration, parameters: parameters)
        let small = try DualEncoder(configuration: configuration, parameters: parameters, precision: .int8)
        #expect(exact.precision == .fp32 && small.precision == .int8)
        let imageCount = 100
        let pixels = images(configuration, count: imageCount)
        let dimension = configuration.embeddingDimension
        expectFaithful(
            exact.encodeImages(pixels, count: imageCount), small.encodeImages(pixels, count: imageCount),
            dimension: dimension, label + " images")
        let texts = TestModels.texts(configuration, count: 100, seed: 5)
        expectFaithful(exact.encodeTexts(texts), small.encodeTexts(texts), dimension: dimension, label + " texts")
        #expect(exact.encodeImages(pixels, count: 1) != small.encodeImages(pixels, count: 1), "8 bits leave a trace")
        #expect(exact.encodeTexts(texts) != small.encodeTexts(texts), "of texts too")
        // Bits depend on the sample alone here too.
        let bytes = configuration.vision.imageByteCount
        let all = small.encodeImages(pixels, count: 7)
        for image in 0..<7 {
            let alone = small.encodeImages(Array(pixels[image * bytes..<(image + 1) * bytes]), count: 1)
            #expect(alone == Array(all[image * dimension..<(image + 1) * dimension]), "\(label) image \(image)")
        }
        let together = small.encodeTexts(texts)
        for index in stride(from: 0, to: texts.count, by: 9) {
            #expect(
                small.encodeTexts([texts[index]]) == Array(together[index * dimension..<(index + 1) * dimension]),
                "\(label) text \(index)")
        }
    }

    @Test(arguments: DualEncoderConfiguration.Stem.allCases, [false, true])
    func vectorsStay(stem: DualEncoderConfiguration.Stem, hasOutliers: Bool) throws {
        try check(
            try TestModels.mediumConfiguration(stem: stem), hasOutliers: hasOutliers,
            "\(stem), outliers: \(hasOutliers)")
    }

    /// What a norm makes large would take the range from all other channels, were it not kept in Float32.
    @Test func outliersMatter() throws {
        let configuration = try TestModels.mediumConfiguration(stem: .patch)
        let architecture = try DualEncoderArchitecture(configuration)
        let parameters = parameters(architecture, hasOutliers: true)
        let entries = architecture.layout.entries
        let norm = try #require(entries.first { $0.name == "imageTower.blocks.0.attentionNorm.weight" })
        let weight = try #require(entries.first { $0.name == "imageTower.blocks.0.attention.query.weight" })
        var random = TestRandom(seed: 6)
        let x = (0..<norm.count).map { Float(random.unit() * 2 - 1) * parameters[norm.offset + $0] }
        let rows = WeightRegion(FloatRegion(parameters, offset: weight.offset, count: weight.count))
        func worst(_ outliers: [Int32]) -> Double {
            let weights = QuantizedWeights(rows, columnCount: norm.count, depth: norm.count, outliers: outliers)
            let scratch = QuantizedProduct.Scratch(rowCount: 1, weights: weights).count
            let y = FloatBuffer(count: norm.count)
            QuantizedProduct.multiply(
                FloatRegion(FloatBuffer(x)), by: weights, into: FloatRegion(y), rowCount: 1,
                scratch: FloatRegion(FloatBuffer(count: scratch)))
            let exact = PlainKernels<Double>.panelProduct(
                x.map(Double.init), weight: rows.array.map(Double.init), rowCount: 1, columnCount: norm.count,
                depth: norm.count, isFused: false)
            return zip(y.array, exact).map { abs(Double($0) - $1) }.max() ?? .infinity
        }
        let large = (0..<norm.count).filter { parameters[norm.offset + $0] > 20 }.map(Int32.init)
        #expect(large.count == 6)
        #expect(worst(large) * 5 < worst([]), "\(worst(large)) with them, \(worst([])) without")
    }

    @Test func everyFamily() throws {
        for configuration in try TestModels.variants() {
            let architecture = try DualEncoderArchitecture(configuration)
            let parameters = TestModels.parameters(architecture, seed: 8)
            let exact = try DualEncoder(configuration: configuration, parameters: parameters)
            let small = try DualEncoder(configuration: configuration, parameters: parameters, precision: .int8)
            let count = 3
            let pixels = TestModels.pixels(configuration, count: count, seed: 9)
            let dimension = configuration.embeddingDimension
            let images = cosines(
                exact.encodeImages(pixels, count: count), small.encodeImages(pixels, count: count),
                dimension: dimension)
            #expect(images[0] > 0.99, "\(configuration.vision.architecture): \(images[0])")
            let texts = TestModels.texts(configuration, count: 9, seed: 10)
            let captions = cosines(exact.encodeTexts(texts), small.encodeTexts(texts), dimension: dimension)
            #expect(captions[0] > 0.99, "\(configuration.vision.architecture): \(captions[0])")
            // Other outputs work as well.
            for feature in DualEncoder.ImageFeature.allCases {
                #expect(small.imageFeatures(pixels, count: count, feature).allSatisfy { $0.isFinite })
            }
            for feature in DualEncoder.TextFeature.allCases {
                #expect(small.textFeatures(texts, feature).allSatisfy { $0.allSatisfy { $0.isFinite } })
            }
        }
    }
}
