import Kernels

extension Tape {
    /// y[s] = mean of the rows offsets[s] ..< offsets[s + 1] of x.
    public func meanPool(_ x: TapeValue, offsets: [Int32]) -> TapeValue {
        let y = allocate(offsets.count - 1, x.columnCount)
        IndexedRowKernels.meanRows(of: region(of: x), offsets: offsets, into: region(of: y), columnCount: x.columnCount)
        record(.meanPooling(MeanPoolingOperation(x: x, offsets: offsets, output: y)))
        return y
    }
}

/// y[s] = Σ x[r] / n(s); dx[r] += dy[s] / n(s). Keeps the offsets.
struct MeanPoolingOperation {
    let x: TapeValue
    let offsets: [Int32]
    let output: TapeValue

    func backward(_ pass: BackwardPass) {
        guard let gradient = pass.gradient(of: output) else { return }
        if let target = pass.zeroedTarget(for: x) {
            IndexedRowKernels.meanRowsBackward(
                outputGradient: gradient, offsets: offsets, inputGradient: target, columnCount: x.columnCount)
        }
        pass.release(output)
    }
}
