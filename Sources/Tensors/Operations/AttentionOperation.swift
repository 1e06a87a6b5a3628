import Kernels

extension Tape {
    /// The attention core softmax(Q·Kᵀ/√D)·V per sequence and head; result [query rows, H·D].
    ///
    /// Queries are the columns from `queryColumn` on of `query`, keys and values those from `keyColumn` and `valueColumn` on of
    /// `keyValue`, which may be the same value. Offsets delimit the sequences' rows (see `AttentionKernel`).
    public func attention(
        query: TapeValue, queryColumn: Int, queryOffsets: [Int32], keyValue: TapeValue, keyColumn: Int,
        valueColumn: Int, keyOffsets: [Int32], headCount: Int, headWidth: Int, isCausal: Bool
    ) -> TapeValue {
        let width = headCount * headWidth
        precondition(
            queryColumn + width <= query.columnCount && max(keyColumn, valueColumn) + width <= keyValue.columnCount,
            "attention: \(width) columns from \(queryColumn), \(keyColumn), \(valueColumn) of \(query.columnCount) and \(keyValue.columnCount)"
        )
        let core = AttentionKernel(
            headCount: headCount, headWidth: headWidth, queryStride: query.columnCount,
            keyValueStride: keyValue.columnCount, isCausal: isCausal)
        let output = allocate(query.rowCount, width)
        let probabilities = allocateCache(core.probabilityCount(queryOffsets: queryOffsets, keyOffsets: keyOffsets))
        let operation = AttentionOperation(
            core: core, query: query, queryColumn: queryColumn, queryOffsets: queryOffsets, keyValue: keyValue,
            keyColumn: keyColumn, valueColumn: valueColumn, keyOffsets: keyOffsets, probabilities: probabilities,
            output: output)
        workspaces.withWorkspace { workspace in
            core.forward(
                query: region(of: query).suffix(from: queryColumn), key: region(of: keyValue).suffix(from: keyColumn),
                value: region(of: keyValue).suffix(from: valueColumn), into: region(of: output),
                queryOffsets: queryOffsets, keyOffsets: keyOffsets, probabilities: probabilities,
                scratch: workspace.scratch(core.scratchCount(queryOffsets: queryOffsets, keyOffsets: keyOffsets)))
        }
        record(.attention(operation))
        return output
    }
}

/// O = P·V, P = softmax(S), S = Q·Kᵀ/√D with later keys at −∞ where causal. With dO the gradient of O:
/// dV = Pᵀ·dO, dP = dO·Vᵀ, dS = P ∘ (dP − rowsum(P ∘ dP)) (the softmax's Jacobian), dQ = dS·K/√D, dK = dSᵀ·Q/√D.
/// Keeps Q, K, V (values of the tape) and P.
struct AttentionOperation {
    let core: AttentionKernel
    let query: TapeValue
    let queryColumn: Int
    let queryOffsets: [Int32]
    let keyValue: TapeValue
    let keyColumn: Int
    let valueColumn: Int
    let keyOffsets: [Int32]
    let probabilities: FloatRegion
    let output: TapeValue

    func backward(_ pass: BackwardPass) {
        guard let gradient = pass.gradient(of: output) else { return }
        let isShared = query == keyValue
        let width = core.headCount * core.headWidth
        // The core overwrites its own columns, so fresh memory it does not cover is cleared first, and memory that already
        // holds something gets the result by way of a block.
        let covers =
            isShared ? query.columnCount == 3 * width : query.columnCount == width && keyValue.columnCount == 2 * width
        let keyValueRoute = route(keyValue, pass, clearing: !covers)
        let queryRoute = isShared ? keyValueRoute : route(query, pass, clearing: !covers)
        let tape = pass.tape
        core.backward(
            query: tape.region(of: query).suffix(from: queryColumn),
            key: tape.region(of: keyValue).suffix(from: keyColumn),
            value: tape.region(of: keyValue).suffix(from: valueColumn), outputGradient: gradient,
            queryOffsets: queryOffsets, keyOffsets: keyOffsets, probabilities: probabilities,
            queryGradient: queryRoute.region.suffix(from: queryColumn),
            keyGradient: keyValueRoute.region.suffix(from: keyColumn),
            valueGradient: keyValueRoute.region.suffix(from: valueColumn),
            scratch: pass.workspace.scratch(core.scratchCount(queryOffsets: queryOffsets, keyOffsets: keyOffsets)))
        finish(keyValueRoute, pass)
        if !isShared { finish(queryRoute, pass) }
        pass.release(output)
    }

    /// Memory the core may overwrite, and where its contents go afterwards.
    private struct Route {
        let region: FloatRegion
        let block: Int
        let sum: FloatRegion?
    }

    private func route(_ value: TapeValue, _ pass: BackwardPass, clearing: Bool) -> Route {
        let target = pass.target(for: value)
        if let target, target.isFresh {
            if clearing { RowKernels.fill(target.region, with: 0) }
            return Route(region: target.region, block: -1, sum: nil)
        }
        let count = value.rowCount * value.columnCount
        let block = pass.workspace.acquire(count)
        let region = pass.workspace.region(block, count)
        if clearing { RowKernels.fill(region, with: 0) }
        return Route(region: region, block: block, sum: target?.region)
    }

    private func finish(_ route: Route, _ pass: BackwardPass) {
        guard route.block >= 0 else { return }
        if let sum = route.sum { RowKernels.add(route.region, to: sum) }
        pass.workspace.release(route.block)
    }
}
