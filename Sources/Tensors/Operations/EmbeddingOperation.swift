import Kernels

extension Tape {
    /// y[r] = table[tokens[r]] + positions[places[r]]; `table` is [vocabulary, width], `positions` [context, width].
    public func embedding(
        table: ParameterSpan, positions: ParameterSpan, tokens: [Int32], places: [Int32], width: Int
    ) -> TapeValue {
        let y = allocate(tokens.count, width)
        IndexedRowKernels.embedding(
            table: parameterRegion(table), positions: parameterRegion(positions), tokens: tokens, places: places,
            into: region(of: y), columnCount: width)
        record(
            .embedding(
                EmbeddingOperation(table: table, positions: positions, tokens: tokens, places: places, output: y)))
        return y
    }
}

/// y[r] = E[t(r)] + P[p(r)]; dE[t(r)] += dy[r], dP[p(r)] += dy[r], rows in order. Keeps the indices.
struct EmbeddingOperation {
    let table: ParameterSpan
    let positions: ParameterSpan
    let tokens: [Int32]
    let places: [Int32]
    let output: TapeValue

    func backward(_ pass: BackwardPass) {
        guard let gradient = pass.gradient(of: output) else { return }
        IndexedRowKernels.embeddingBackward(
            outputGradient: gradient, tokens: tokens, places: places, tableGradient: pass.parameterGradient(table),
            positionGradient: pass.parameterGradient(positions), columnCount: output.columnCount)
        pass.release(output)
    }
}
