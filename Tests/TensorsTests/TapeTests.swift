import Kernels
import Tensors
import Testing

@Suite struct TapeTests {
    @Test func steadyStateKeepsTheArena() {
        let tape = Tape(workspaces: TapeWorkspacePool())
        let parameters = FloatBuffer(count: 4096)
        let gradient = FloatBuffer(count: 4096)
        let upstream = FloatBuffer(count: 64 * 1024)
        var capacities: [Int] = []
        for _ in 0..<4 {
            tape.begin(parameters: parameters)
            capacities.append(tape.arenaCapacity)
            let x = tape.input(rowCount: 1024, columnCount: 64) { RowKernels.fill($0, with: 1) }
            let y = tape.linear(x, weight: ParameterSpan(offset: 0, count: 4096), outputWidth: 64)
            tape.backward(from: y, gradient: FloatRegion(upstream), into: gradient)
        }
        #expect(capacities[0] == 0)
        #expect(capacities[1] >= 2 * 1024 * 64)
        #expect(capacities[2] == capacities[1] && capacities[3] == capacities[1])
    }

    @Test func inputsGetNoGradient() {
        let tape = Tape(workspaces: TapeWorkspacePool())
        tape.begin(parameters: FloatBuffer([2, 3]))
        let x = tape.input(Tensor(shape: [1, 2], values: [5, 7]))
        let y = tape.add(
            tape.linear(x, weight: ParameterSpan(offset: 0, count: 2), outputWidth: 1),
            tape.linear(x, weight: ParameterSpan(offset: 0, count: 2), outputWidth: 1))
        #expect(tape.tensor(of: y).values == [62])
        let gradient = FloatBuffer(count: 2)
        tape.backward(from: y, gradient: FloatRegion(FloatBuffer([1])), into: gradient)
        #expect(gradient.array == [10, 14])
    }

    @Test func tensorViewsShareAndReorder() {
        let tensor = Tensor(shape: [2, 3], values: [1, 2, 3, 4, 5, 6])
        #expect(tensor.transposed(0, 1).values == [1, 4, 2, 5, 3, 6])
        #expect(tensor.transposed(0, 1).shape == [3, 2])
        #expect(tensor.narrowed(axis: 1, to: 1..<3).values == [2, 3, 5, 6])
        #expect(tensor.narrowed(axis: 1, to: 1..<3).transposed(0, 1)[1, 0] == 3)
        #expect(!tensor.narrowed(axis: 1, to: 1..<3).layout.isContiguous)
        #expect(tensor.narrowed(axis: 0, to: 1..<2).layout.isContiguous)
        #expect(tensor.narrowed(axis: 0, to: 1..<2).values == [4, 5, 6])
        #expect(tensor.narrowed(axis: 0, to: 1..<1).values == [])
        #expect(tensor.transposed(0, 1).reshaped([6]).values == [1, 4, 2, 5, 3, 6])
        #expect(Tensor(shape: [], values: [7])[] == 7)
        #expect(Tensor(shape: [0, 4], values: []).values.isEmpty)
    }

    @Test func nonContiguousViewsEnterTheTapeInIndexOrder() {
        let tape = Tape(workspaces: TapeWorkspacePool())
        tape.begin(parameters: FloatBuffer(count: 0))
        let view = Tensor(shape: [3, 4], values: (0..<12).map(Float.init)).transposed(0, 1).narrowed(axis: 0, to: 1..<3)
        #expect(tape.tensor(of: tape.input(view)).values == [1, 5, 9, 2, 6, 10])
    }
}
