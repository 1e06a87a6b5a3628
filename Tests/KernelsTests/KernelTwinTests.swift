import Kernels
import TestSupport
import Testing

private typealias Plain = PlainKernels<Double>

@Suite("Kernels against their plain twins in Double")
struct KernelTwinTests {
    @Test(
        arguments: [(1, 1, 1), (3, 5, 7), (17, 64, 33), (37, 48, 80), (130, 31, 256), (4, 3, 0)],
        [(false, false), (true, false), (false, true), (true, true)])
    func matrixProduct(size: (Int, Int, Int), transposed: (left: Bool, right: Bool)) {
        let (rows, columns, depth) = size
        var random = TestRandom(seed: 1)
        let left = random.values(rows * depth)
        let right = random.values(depth * columns)
        let old = random.values(rows * columns)
        let expected = Plain.multiply(
            left.map(Double.init), isLeftTransposed: transposed.left, by: right.map(Double.init),
            isRightTransposed: transposed.right, rowCount: rows, columnCount: columns, depth: depth)
        for beta in [Float(0), 1] {
            // NaN in the old values must not matter when beta is 0.
            let result = FloatBuffer(beta == 0 ? old.map { _ in Float.nan } : old)
            MatrixProduct.multiply(
                FloatRegion(FloatBuffer(left)), isLeftTransposed: transposed.left, by: FloatRegion(FloatBuffer(right)),
                isRightTransposed: transposed.right, into: FloatRegion(result), rowCount: rows, columnCount: columns,
                depth: depth, alpha: 0.5, beta: beta)
            expectClose(
                result.array, zip(expected, old).map { 0.5 * $0 + Double(beta) * Double($1) }, bound: 1e-5,
                "product \(size) \(transposed) beta \(beta)")
        }
    }

    @Test func stridedMatrixProduct() {
        // A 2 × 3 block at column 1 of a 2 × 5 matrix, times a 3 × 2 block of a 3 × 4, into columns 1 ... 2 of a 2 × 4.
        let left = FloatBuffer([9, 1, 2, 3, 9, 9, 4, 5, 6, 9])
        let right = FloatBuffer([1, 0, 9, 9, 0, 1, 9, 9, 1, 1, 9, 9])
        let result = FloatBuffer([7, 7, 7, 7, 7, 7, 7, 7])
        MatrixProduct.multiply(
            FloatRegion(left).suffix(from: 1), leftStride: 5, by: FloatRegion(right), rightStride: 4,
            into: FloatRegion(result).suffix(from: 1), resultStride: 4, rowCount: 2, columnCount: 2, depth: 3)
        #expect(result.array == [7, 4, 5, 7, 7, 10, 11, 7])
    }

    @Test(arguments: [(1, 1), (3, 17), (5, 64), (2, 257), (0, 4)])
    func rowLoops(rows: Int, columns: Int) {
        var random = TestRandom(seed: 2)
        let x = random.values(rows * columns, -3...3)
        let gain = random.values(columns)
        let bias = random.values(columns)
        let wide = x.map(Double.init)
        let output = FloatBuffer(count: x.count)
        let norms = FloatBuffer(count: rows)
        RowKernels.layerNorm(
            FloatRegion(FloatBuffer(x)), gain: FloatRegion(FloatBuffer(gain)), bias: FloatRegion(FloatBuffer(bias)),
            into: FloatRegion(output), means: nil, reciprocalDeviations: nil, rowCount: rows, columnCount: columns,
            epsilon: 1e-5)
        expectClose(
            output.array,
            Plain.layerNorm(
                wide, gain: gain.map(Double.init), bias: bias.map(Double.init), columnCount: columns, epsilon: 1e-5),
            bound: 3e-6, "layer norm")
        RowKernels.l2Normalize(
            FloatRegion(FloatBuffer(x)), into: FloatRegion(output), norms: FloatRegion(norms), rowCount: rows,
            columnCount: columns, epsilon: 1e-12)
        expectClose(
            output.array, Plain.l2Normalize(wide, columnCount: columns, epsilon: 1e-12), bound: 1e-6, "L2")
        RowKernels.softmax(
            FloatRegion(FloatBuffer(x.map { 20 * $0 })), into: FloatRegion(output), logSums: FloatRegion(norms),
            rowCount: rows, columnCount: columns)
        expectClose(
            output.array, Plain.softmax(x.map { Double(20 * $0) }, columnCount: columns), bound: 3e-6, "softmax")
        let sums = FloatBuffer(bias)
        RowKernels.addColumnSums(
            of: FloatRegion(FloatBuffer(x)), to: FloatRegion(sums), rowCount: rows, columnCount: columns)
        expectClose(
            sums.array,
            (0..<columns).map { column in
                (0..<rows).reduce(Double(bias[column])) { $0 + wide[$1 * columns + column] }
            }, bound: 2e-6, "column sums")
    }

    @Test func l2OfAZeroRowStaysZero() {
        let output = FloatBuffer([1, 1, 1])
        RowKernels.l2Normalize(
            FloatRegion(FloatBuffer(count: 3)), into: FloatRegion(output), norms: FloatRegion(FloatBuffer(count: 1)),
            rowCount: 1, columnCount: 3, epsilon: 1e-12)
        #expect(output.array == [0, 0, 0])
    }

    /// Head widths with and without vector tails, long rows, and lengths that leave register tiles part full.
    @Test(
        arguments: [
            ([37, 37], 2, 64), ([1], 1, 8), ([3, 16, 17, 1, 32], 3, 32), ([50], 1, 72), ([70], 1, 80), ([9], 2, 104),
        ], [true, false])
    func attention(shape: (lengths: [Int], heads: Int, width: Int), isCausal: Bool) {
        var random = TestRandom(seed: 4)
        let rows = shape.lengths.reduce(0, +)
        let width = shape.heads * shape.width
        let offsets = shape.lengths.reduce(into: [Int32(0)]) { $0.append($0[$0.count - 1] + Int32($1)) }
        let parts = (0..<3).map { _ in random.values(rows * width, -2...2) }
        let core = AttentionKernel(
            headCount: shape.heads, headWidth: shape.width, queryStride: width, keyValueStride: width,
            isCausal: isCausal)
        let output = FloatBuffer(count: rows * width)
        let probabilities = FloatBuffer(
            count: core.probabilityCount(queryOffsets: offsets, keyOffsets: offsets))
        for kept in [FloatRegion(probabilities), nil] {
            let scratch = FloatBuffer(
                Array(repeating: .nan, count: core.scratchCount(queryOffsets: offsets, keyOffsets: offsets)))
            core.forward(
                query: FloatRegion(FloatBuffer(parts[0])), key: FloatRegion(FloatBuffer(parts[1])),
                value: FloatRegion(FloatBuffer(parts[2])), into: FloatRegion(output), queryOffsets: offsets,
                keyOffsets: offsets, probabilities: kept, scratch: FloatRegion(scratch))
            expectClose(
                output.array,
                Plain.attention(
                    query: parts[0].map(Double.init), key: parts[1].map(Double.init), value: parts[2].map(Double.init),
                    queryOffsets: offsets, keyOffsets: offsets, headCount: shape.heads, headWidth: shape.width,
                    isCausal: isCausal), bound: 5e-6, "attention \(shape) causal \(isCausal)")
        }
    }

    @Test func patchesAreRowsOfPixelsInPatchOrder() {
        var random = TestRandom(seed: 5)
        let (size, patch, batch) = (7, 3, 2)
        let pixels = (0..<batch * size * size * 3).map { _ in UInt8(random.integer(below: 256)) }
        let mean: [Float] = [0.48, 0.45, 0.4]
        let std: [Float] = [0.26, 0.27, 0.28]
        let expected = Plain.patches(
            of: pixels, batchCount: batch, imageSize: size, patchSize: patch, mean: mean.map(Double.init),
            std: std.map(Double.init))
        let output = FloatBuffer(count: expected.count)
        let normalization = PixelNormalization(mean: mean, std: std)
        ConvolutionKernels.patches(
            of: [1, 2] + pixels, from: 2, into: FloatRegion(output), batchCount: batch, imageSize: size,
            patchSize: patch, normalization: normalization)
        expectClose(output.array, expected, bound: 1e-6, "patches")
        #expect(abs(Double(output[3 * 1 + 1]) - (Double(pixels[4]) / 255 - 0.45) / 0.27) < 1e-6)
        let flat = FloatBuffer(count: pixels.count)
        ConvolutionKernels.normalize(
            pixels, into: FloatRegion(flat), pixelCount: pixels.count / 3, normalization: normalization)
        expectClose(
            flat.array,
            pixels.indices.map { (Double(pixels[$0]) / 255 - Double(mean[$0 % 3])) / Double(std[$0 % 3]) }, bound: 1e-6,
            "normalised")
    }

    @Test(arguments: [
        ConvolutionShape(height: 5, width: 7, channelCount: 3, kernelSize: 3, stride: 2, padding: 1),
        ConvolutionShape(height: 2, width: 2, channelCount: 1, kernelSize: 5, stride: 1, padding: 4),
    ])
    func unfoldAndFoldAreTransposes(shape: ConvolutionShape) {
        var random = TestRandom(seed: 6)
        let images = random.values(2 * shape.imageCount)
        let count = 2 * shape.outputPlaceCount * shape.columnCount
        let columns = FloatBuffer(Array(repeating: .nan, count: count))
        ConvolutionKernels.imageToColumns(
            FloatRegion(FloatBuffer(images)), into: FloatRegion(columns), batchCount: 2, shape: shape)
        let isExact = columns.array == PlainKernels<Float>.imageToColumns(images, batchCount: 2, shape: shape)
        #expect(isExact)
        // ⟨unfold(x), u⟩ = ⟨x, fold(u)⟩ for every u.
        let upstream = random.values(count)
        let folded = FloatBuffer(count: images.count)
        ConvolutionKernels.addColumnsToImage(
            FloatRegion(FloatBuffer(upstream)), to: FloatRegion(folded), batchCount: 2, shape: shape)
        let left = zip(columns.array, upstream).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        let right = zip(images, folded.array).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        #expect(abs(left - right) < 1e-4)
    }
}
