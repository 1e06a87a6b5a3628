import Kernels
import TestSupport
import Testing

@Suite("Rotary positions and gates against their plain twins")
struct TransformerKernelTests {
    @Test(arguments: [(1, 1, 0, 1, 2), (2, 5, 1, 3, 8), (1, 17, 1, 2, 64), (3, 4, 0, 1, 12), (2, 3, 3, 2, 4)])
    func rotation(sequenceCount: Int, tokenCount: Int, prefixCount: Int, headCount: Int, headWidth: Int) {
        var random = TestRandom(seed: UInt64(tokenCount * 100 + headWidth))
        let (width, extra) = (headCount * headWidth, 5)
        let (rowCount, stride) = (sequenceCount * tokenCount, width + extra)
        let x = random.values(rowCount * stride)
        let angleCount = (tokenCount - prefixCount) * headWidth / 2
        let (cosines, sines) = (random.values(angleCount), random.values(angleCount))
        let buffer = FloatBuffer(x)
        RotaryKernel.apply(
            to: FloatRegion(buffer), stride: stride, sequenceCount: sequenceCount, tokenCount: tokenCount,
            prefixCount: prefixCount, headCount: headCount, headWidth: headWidth,
            cosines: FloatRegion(FloatBuffer(cosines)), sines: FloatRegion(FloatBuffer(sines)))
        let dense = (0..<rowCount).flatMap { x[$0 * stride..<$0 * stride + width] }
        let expected = PlainKernels<Double>.rotated(
            dense.map(Double.init), tokenCount: tokenCount, prefixCount: prefixCount, headCount: headCount,
            headWidth: headWidth, cosines: cosines.map(Double.init), sines: sines.map(Double.init))
        let turned = buffer.array
        expectClose(
            (0..<rowCount).flatMap { turned[$0 * stride..<$0 * stride + width] }, expected, bound: 1e-6, "rotation")
        for row in 0..<rowCount {
            let rest = row * stride + width..<(row + 1) * stride
            #expect(turned[rest] == x[rest], "columns behind the heads stay")
            if row % tokenCount < prefixCount {
                #expect(
                    turned[row * stride..<rest.lowerBound] == x[row * stride..<rest.lowerBound], "a prefix row stays")
            }
        }
    }

    @Test(arguments: [(0, 3), (1, 1), (3, 7), (5, 64), (2, 257)])
    func gate(rowCount: Int, columnCount: Int) {
        var random = TestRandom(seed: UInt64(rowCount * 1000 + columnCount))
        let x = random.values(2 * rowCount * columnCount, -6...6)
        let bias = random.values(2 * columnCount)
        let output = FloatBuffer(count: rowCount * columnCount)
        RowKernels.siluGate(
            FloatRegion(FloatBuffer(x)), bias: FloatRegion(FloatBuffer(bias)), into: FloatRegion(output),
            rowCount: rowCount, columnCount: columnCount)
        let expected = PlainKernels<Double>.siluGate(
            x.map(Double.init), bias: bias.map(Double.init), columnCount: columnCount)
        expectClose(output.array, expected, bound: 1e-5, "gate")
    }

    @Test func gateAtTheEnds() {
        let x: [Float] = [-1000, 2, 1000, 2, .nan, 2]
        let output = FloatBuffer(count: 3)
        RowKernels.siluGate(
            FloatRegion(FloatBuffer(x)), bias: FloatRegion(FloatBuffer([0, 0])), into: FloatRegion(output), rowCount: 3,
            columnCount: 1)
        #expect(abs(output[0]) < 1e-30 && output[1] == 2000 && output[2].isNaN)
    }
}
