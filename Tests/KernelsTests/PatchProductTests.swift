import Kernels
import TestSupport
import Testing

@Suite("Patches in integers against their plain twin at every level")
struct PatchProductTests {
    private static let normalization = PixelNormalization(
        mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711])

    /// Patches cut out one by one, normalised and multiplied in Double.
    private func twin(
        _ pixels: [UInt8], _ weight: [Float], _ bias: [Float]?, images: Int, size: Int, patch: Int, columns: Int
    ) -> [Double] {
        let patches = FloatBuffer(count: images * (size / patch) * (size / patch) * patch * patch * 3)
        ConvolutionKernels.patches(
            of: pixels, into: FloatRegion(patches), batchCount: images, imageSize: size, patchSize: patch,
            normalization: Self.normalization)
        let depth = patch * patch * 3
        let sums = PlainKernels<Double>.panelProduct(
            patches.array.map(Double.init), weight: weight.map(Double.init), rowCount: patches.count / depth,
            columnCount: columns, depth: depth, isFused: false)
        return sums.enumerated().map { $0.element + Double(bias?[$0.offset % columns] ?? 0) }
    }

    private func product(
        _ weight: [Float], _ bias: [Float]?, patch: Int, columns: Int
    ) -> PatchProduct {
        PatchProduct(
            weight: WeightRegion(FloatRegion(FloatBuffer(weight))), bias: bias.map { FloatRegion(FloatBuffer($0)) },
            columnCount: columns, patchSize: patch, normalization: Self.normalization)
    }

    private func apply(
        _ product: PatchProduct, _ pixels: [UInt8], from offset: Int = 0, images: Int, size: Int, patch: Int,
        columns: Int, _ level: ProductLevel
    ) -> [Float] {
        let patchCount = images * (size / patch) * (size / patch)
        let guards = [Float](repeating: 7, count: 20)
        let y = FloatBuffer([Float](repeating: .nan, count: patchCount * columns) + guards)
        let scratch = FloatBuffer(
            [Float](repeating: .nan, count: product.scratchCount(patchCount: patchCount)) + guards)
        product.apply(
            to: pixels, from: offset, batchCount: images, imageSize: size, into: FloatRegion(y),
            scratch: FloatRegion(scratch), level: level)
        #expect(Array(y.array.suffix(20)) == guards && Array(scratch.array.suffix(20)) == guards)
        return Array(y.array.dropLast(20))
    }

    /// Images, size, patch, columns: remainder pixels, patches whose bytes fill no unit, tails of tiles.
    @Test(
        arguments: [(1, 1, 1, 1), (2, 7, 3, 5), (3, 10, 4, 33), (1, 28, 14, 40), (13, 5, 5, 3), (0, 8, 4, 4)],
        ProductLevel.available)
    func equalsTheTwin(shape: (images: Int, size: Int, patch: Int, columns: Int), level: ProductLevel) {
        let (images, size, patch, columns) = shape
        var random = TestRandom(seed: 11)
        let bytes = size * size * 3
        let pixels = (0..<images * bytes).map { _ in UInt8(random.integer(below: 256)) }
        let weight = random.values(columns * patch * patch * 3)
        for bias in [nil, random.values(columns)] {
            let product = product(weight, bias, patch: patch, columns: columns)
            let actual = apply(product, pixels, images: images, size: size, patch: patch, columns: columns, level)
            let expected = twin(
                pixels, weight, bias, images: images, size: size, patch: patch, columns: columns)
            let scale = max(1, expected.map { abs($0) }.max() ?? 1)
            expectClose(actual, expected, bound: 2e-5 * scale, "\(shape) at \(level)")
            #expect(
                apply(product, pixels, images: images, size: size, patch: patch, columns: columns, .plain) == actual,
                "the bits of plain loops")
            // Alone, and from the middle of the bytes.
            guard images > 1 else { continue }
            let last = apply(
                product, pixels, from: (images - 1) * bytes, images: 1, size: size, patch: patch, columns: columns,
                level)
            #expect(Array(actual.suffix(last.count)) == last)
        }
    }

    /// Black, white, and weights of one sign: the largest sums there are.
    @Test(arguments: ProductLevel.available)
    func extremes(level: ProductLevel) {
        for byte in [UInt8(0), 255] {
            let pixels = [UInt8](repeating: byte, count: 32 * 32 * 3)
            let weight =
                [Float](repeating: 1, count: 3072) + [Float](repeating: -1, count: 3072)
                + [Float](repeating: 0, count: 3072)
            let product = product(weight, nil, patch: 32, columns: 3)
            let actual = apply(product, pixels, images: 1, size: 32, patch: 32, columns: 3, level)
            let expected = twin(pixels, weight, nil, images: 1, size: 32, patch: 32, columns: 3)
            expectClose(actual, expected, bound: 0.05, "\(byte)")
            #expect(actual[2] == 0)
        }
    }
}
