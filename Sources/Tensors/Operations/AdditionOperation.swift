import Kernels

extension Tape {
    /// z = x + y, element by element, of equal shapes.
    public func add(_ x: TapeValue, _ y: TapeValue) -> TapeValue {
        precondition(
            x.rowCount == y.rowCount && x.columnCount == y.columnCount,
            "add: [\(x.rowCount), \(x.columnCount)] and [\(y.rowCount), \(y.columnCount)]")
        let z = allocate(x.rowCount, x.columnCount)
        RowKernels.copy(region(of: x), to: region(of: z))
        RowKernels.add(region(of: y), to: region(of: z))
        record(.addition(AdditionOperation(x: x, y: y, output: z)))
        return z
    }
}

/// z = x + y; dx = dz, dy = dz. Keeps nothing.
struct AdditionOperation {
    let x: TapeValue
    let y: TapeValue
    let output: TapeValue

    func backward(_ pass: BackwardPass) {
        guard let gradient = pass.gradient(of: output) else { return }
        if let target = pass.target(for: x) {
            if target.isFresh {
                RowKernels.copy(gradient, to: target.region)
            } else {
                RowKernels.add(gradient, to: target.region)
            }
        }
        pass.hand(output, to: y)
    }
}
