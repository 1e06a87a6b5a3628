import Kernels

extension Tape {
    /// y[i] = x[rows[i]]; a row may be named more than once.
    public func selectRows(_ rows: [Int32], of x: TapeValue) -> TapeValue {
        let y = allocate(rows.count, x.columnCount)
        IndexedRowKernels.gather(rows, of: region(of: x), into: region(of: y), columnCount: x.columnCount)
        record(.rowSelection(RowSelectionOperation(x: x, rows: rows, output: y)))
        return y
    }
}

/// y[i] = x[r(i)]; dx[r(i)] += dy[i]. Keeps the row numbers.
struct RowSelectionOperation {
    let x: TapeValue
    let rows: [Int32]
    let output: TapeValue

    func backward(_ pass: BackwardPass) {
        guard let gradient = pass.gradient(of: output) else { return }
        if let target = pass.zeroedTarget(for: x) {
            IndexedRowKernels.scatterAdd(gradient, to: rows, of: target, columnCount: x.columnCount)
        }
        pass.release(output)
    }
}
