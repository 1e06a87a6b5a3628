import Kernels
import TestSupport
import Testing

private typealias Plain = PlainKernels<Double>

@Suite("Kernels of convolutional networks against their plain twins in Double")
struct NetworkKernelTests {
    struct Images: CustomStringConvertible {
        let batch: Int
        let height: Int
        let width: Int
        let channels: Int

        var count: Int { batch * height * width * channels }
        var description: String { "\(batch) × \(height) × \(width) × \(channels)" }

        init(_ batch: Int, _ height: Int, _ width: Int, _ channels: Int) {
            self.batch = batch
            self.height = height
            self.width = width
            self.channels = channels
        }
    }

    /// Images smaller than the kernel, part-full tiles in both directions, channels with and without vector tails.
    @Test(arguments: [
        Images(1, 1, 1, 1), Images(2, 2, 3, 16), Images(1, 8, 8, 32), Images(2, 7, 11, 21), Images(1, 17, 9, 40),
        Images(0, 4, 4, 4),
    ])
    func depthwise(_ shape: Images) {
        var random = TestRandom(seed: 11)
        let images = random.values(shape.count)
        let weight = random.values(49 * shape.channels)
        let bias = random.values(shape.channels)
        let output = FloatBuffer(Array(repeating: .nan, count: shape.count))
        ConvolutionKernels.depthwise(
            FloatRegion(FloatBuffer(images)), weight: FloatRegion(FloatBuffer(weight)),
            bias: FloatRegion(FloatBuffer(bias)), into: FloatRegion(output), batchCount: shape.batch,
            height: shape.height, width: shape.width, channelCount: shape.channels)
        expectClose(
            output.array,
            Plain.depthwise(
                images.map(Double.init), weight: weight.map(Double.init), bias: bias.map(Double.init),
                batchCount: shape.batch, height: shape.height, width: shape.width, channelCount: shape.channels,
                kernelSize: 7), bound: 2e-6, "depthwise \(shape)")
    }

    /// The layout: a single one in the weight moves the image by that much.
    @Test func depthwiseWeightIsRowsThenColumns() {
        let (height, width) = (4, 5)
        let images = (0..<height * width).map(Float.init)
        var weight = [Float](repeating: 0, count: 49)
        weight[(3 + 1) * 7 + 3 - 2] = 1
        let output = FloatBuffer(count: images.count)
        ConvolutionKernels.depthwise(
            FloatRegion(FloatBuffer(images)), weight: FloatRegion(FloatBuffer(weight)),
            bias: FloatRegion(FloatBuffer([0.5])), into: FloatRegion(output), batchCount: 1, height: height,
            width: width, channelCount: 1)
        for row in 0..<height {
            for column in 0..<width {
                let isInside = row + 1 < height && column - 2 >= 0
                let expected = isInside ? images[(row + 1) * width + column - 2] : 0
                #expect(output[row * width + column] == expected + 0.5)
            }
        }
    }

    @Test(arguments: [Images(2, 4, 6, 5), Images(1, 7, 5, 16), Images(1, 3, 3, 1), Images(0, 4, 4, 4)], [1, 2, 3])
    func averagePool(_ shape: Images, size: Int) {
        var random = TestRandom(seed: 12)
        let images = random.values(shape.count)
        let expected = Plain.averagePool(
            images.map(Double.init), batchCount: shape.batch, height: shape.height, width: shape.width,
            channelCount: shape.channels, size: size)
        let output = FloatBuffer(Array(repeating: .nan, count: expected.count))
        ConvolutionKernels.averagePool(
            FloatRegion(FloatBuffer(images)), into: FloatRegion(output), batchCount: shape.batch,
            height: shape.height, width: shape.width, channelCount: shape.channels, size: size)
        expectClose(output.array, expected, bound: 1e-6, "average pool \(shape) by \(size)")
    }

    @Test(
        arguments: [(1, 1), (3, 17), (5, 64), (0, 4)],
        [(true, true), (true, false), (false, true), (false, false)])
    func rectify(size: (rows: Int, columns: Int), operands: (hasBias: Bool, hasResidual: Bool)) {
        var random = TestRandom(seed: 13)
        let x = random.values(size.rows * size.columns)
        let bias = operands.hasBias ? random.values(size.columns) : nil
        let residual = operands.hasResidual ? random.values(x.count) : nil
        let expected = Plain.rectify(
            x.map(Double.init), bias: bias?.map(Double.init), residual: residual?.map(Double.init),
            columnCount: size.columns)
        let separate = FloatBuffer(Array(repeating: .nan, count: x.count))
        let inPlace = FloatBuffer(x)
        for (input, output) in [(FloatBuffer(x), separate), (inPlace, inPlace)] {
            RowKernels.rectify(
                FloatRegion(input), bias: bias.map { FloatRegion(FloatBuffer($0)) },
                residual: residual.map { FloatRegion(FloatBuffer($0)) }, into: FloatRegion(output),
                rowCount: size.rows, columnCount: size.columns)
            expectClose(output.array, expected, bound: 1e-6, "rectify \(size) \(operands)")
        }
    }

    @Test func rectifyKeepsNaNAndMayWriteTheResidual() {
        let residual = FloatBuffer([1, -3, .nan, 4])
        RowKernels.rectify(
            FloatRegion(FloatBuffer([.nan, 1, 1, 1])), bias: nil, residual: FloatRegion(residual),
            into: FloatRegion(residual), rowCount: 1, columnCount: 4)
        #expect(residual[0].isNaN && residual[1] == 0 && residual[2].isNaN && residual[3] == 5)
    }

    /// Any cut of the rows gives the whole.
    @Test(arguments: [1, 2, 3, 100])
    func columnsInParts(rowCount: Int) {
        let shape = ConvolutionShape(height: 5, width: 6, channelCount: 3, kernelSize: 3, stride: 2, padding: 1)
        var random = TestRandom(seed: 14)
        let images = random.values(2 * shape.imageCount)
        let expected = PlainKernels<Float>.imageToColumns(images, batchCount: 2, shape: shape)
        var parts: [Float] = []
        let total = 2 * shape.outputHeight
        for first in stride(from: 0, to: total, by: rowCount) {
            let rows = first..<min(first + rowCount, total)
            let columns = FloatBuffer(
                Array(repeating: .nan, count: rows.count * shape.outputWidth * shape.columnCount))
            ConvolutionKernels.imageToColumns(
                FloatRegion(FloatBuffer(images)), into: FloatRegion(columns), rows: rows, batchCount: 2, shape: shape)
            parts += columns.array
        }
        #expect(parts == expected)
    }
}
