import CKernels

extension RowKernels {
    /// output = silu(gate) · value with silu(t) = t·σ(t), for rows that hold the gate's columns, then the values'.
    ///
    /// - Parameters:
    ///   - input: [rowCount, 2 · columnCount].
    ///   - bias: [2 · columnCount], added first.
    ///   - output: [rowCount, columnCount]; must not overlap `input`.
    public static func siluGate(
        _ input: FloatRegion, bias: FloatRegion, into output: FloatRegion, rowCount: Int, columnCount: Int
    ) {
        input.require(2 * rowCount * columnCount, "SiLU gate", "input")
        bias.require(2 * columnCount, "SiLU gate", "bias")
        output.require(rowCount * columnCount, "SiLU gate", "output")
        precondition(!output.overlaps(input), "SiLU gate: output overlaps input")
        unsafe vlm_silu_gate(input.pointer, bias.pointer, output.pointer, rowCount, columnCount)
    }
}

extension PlainKernels {
    /// silu(gate + bias) · (value + bias); x [rows, 2 · columnCount] and bias [2 · columnCount] hold the gate's columns first.
    public static func siluGate(_ x: [Scalar], bias: [Scalar], columnCount: Int) -> [Scalar] {
        (0..<x.count / 2).map { index in
            let (row, column) = (index / columnCount, index % columnCount)
            let gate = x[row * 2 * columnCount + column] + bias[column]
            let value = x[row * 2 * columnCount + columnCount + column] + bias[columnCount + column]
            return gate / (1 + Scalar.exponential(-gate)) * value
        }
    }
}
