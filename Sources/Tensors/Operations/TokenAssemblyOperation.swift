import Kernels

extension Tape {
    /// Per image: a class token, then its patches, each plus its position; [batch · (patches + 1), width].
    public func assembleTokens(
        patches: TapeValue, classToken: ParameterSpan, positions: ParameterSpan, patchCount: Int
    ) -> TapeValue {
        let width = patches.columnCount
        precondition(
            patchCount > 0 && patches.rowCount.isMultiple(of: patchCount) && classToken.count == width
                && positions.count == (patchCount + 1) * width,
            "token assembly: \(patches.rowCount) rows of \(patchCount) patches, class token of \(classToken.count), positions of \(positions.count)"
        )
        let batchCount = patches.rowCount / patchCount
        let y = allocate(batchCount * (patchCount + 1), width)
        IndexedRowKernels.assembleTokens(
            patches: region(of: patches), classToken: parameterRegion(classToken),
            positions: parameterRegion(positions), into: region(of: y), batchCount: batchCount, patchCount: patchCount,
            columnCount: width)
        record(
            .tokenAssembly(
                TokenAssemblyOperation(
                    patches: patches, classToken: classToken, positions: positions, patchCount: patchCount, output: y)))
        return y
    }
}

/// y[b, 0] = c + P[0], y[b, 1 + n] = x[b, n] + P[1 + n]; dc += Σ_b dy[b, 0], dP += Σ_b dy[b], dx[b, n] = dy[b, 1 + n].
/// Keeps nothing.
struct TokenAssemblyOperation {
    let patches: TapeValue
    let classToken: ParameterSpan
    let positions: ParameterSpan
    let patchCount: Int
    let output: TapeValue

    func backward(_ pass: BackwardPass) {
        guard let gradient = pass.gradient(of: output) else { return }
        let count = patches.rowCount * patches.columnCount
        let target = pass.target(for: patches)
        // Overwritten memory: the patches' own if nothing is there yet, else a block.
        let block = target?.isFresh == true ? -1 : pass.workspace.acquire(count)
        let patchGradient = block < 0 ? target?.region : pass.workspace.region(block, count)
        IndexedRowKernels.assembleTokensBackward(
            outputGradient: gradient, patchGradient: patchGradient ?? pass.workspace.scratch(count),
            classTokenGradient: pass.parameterGradient(classToken), positionGradient: pass.parameterGradient(positions),
            batchCount: patches.rowCount / patchCount, patchCount: patchCount, columnCount: patches.columnCount)
        if block >= 0 {
            if let target { RowKernels.add(pass.workspace.region(block, count), to: target.region) }
            pass.workspace.release(block)
        }
        pass.release(output)
    }
}
