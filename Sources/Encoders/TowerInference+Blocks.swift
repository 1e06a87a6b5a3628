import Kernels

extension TowerInference {
    /// The rows that blocks work on: packed sequences of tokens.
    struct TokenRows {
        /// Where each sequence starts.
        let sequences: [Int32]
        /// Rows of all sequences.
        let rowCount: Int
        /// Whether a token sees only itself and those before it.
        let isCausal: Bool
        /// Rotary positions; then all sequences have the table's length.
        var rotary: Rotary?
        /// The row of each sequence that is pooled; it sees its whole sequence.
        let pooledRows: [Int32]
        /// One query per sequence that is pooled.
        let queryOffsets: [Int32]
    }

    /// Rotary positions of the patches behind a few tokens that are not turned.
    struct Rotary {
        let table: RotaryTable
        let sequenceCount: Int
        let tokenCount: Int
        let prefixCount: Int
    }

    /// One block in place over all rows of the stream: x += attention(norm(x)); x += mlp(norm(x)).
    func apply(_ block: BlockLayer, to stream: FloatRegion, _ rows: TokenRows) {
        let width = block.attentionNorm.width
        let attention = block.attention
        let normed = buffers.region(.normed, rows.rowCount * width)
        norm(block.attentionNorm, stream, into: normed, rowCount: rows.rowCount)
        let queryKeyValue = buffers.region(.queryKeyValue, rows.rowCount * 3 * width)
        attentionInput(attention.queryKeyValue, of: attention, normed, into: queryKeyValue, rowCount: rows.rowCount)
        if let rotary = rows.rotary {
            rotate(queryKeyValue, rotary, attention, stride: 3 * width)
            rotate(queryKeyValue.suffix(from: width), rotary, attention, stride: 3 * width)
        }
        let attended = buffers.region(.attended, rows.rowCount * width)
        let core = AttentionKernel(
            headCount: attention.headCount, headWidth: attention.headWidth, queryStride: 3 * width,
            keyValueStride: 3 * width, isCausal: rows.isCausal)
        let (key, value) = (queryKeyValue.suffix(from: width), queryKeyValue.suffix(from: 2 * width))
        if plan.attendsInIntegers(attention, isCausal: rows.isCausal) {
            core.forwardInIntegers(
                query: queryKeyValue, key: key, value: value, into: attended, queryOffsets: rows.sequences,
                keyOffsets: rows.sequences,
                scratch: buffers.region(.scratch, core.integerScratchCount(keyOffsets: rows.sequences)))
        } else {
            core.forward(
                query: queryKeyValue, key: key, value: value, into: attended, queryOffsets: rows.sequences,
                keyOffsets: rows.sequences, probabilities: nil,
                scratch: buffers.region(
                    .scratch, core.scratchCount(queryOffsets: rows.sequences, keyOffsets: rows.sequences)))
        }
        attentionOutput(attention, attended, into: stream, rowCount: rows.rowCount, residual: stream)
        mlp(block.mlp, after: block.mlpNorm, stream, normed: normed, rowCount: rows.rowCount)
    }

    /// The last block for one row per sequence (see `BlockLayer.pooled`); returns [pooled rows, C].
    func applyPooled(_ block: BlockLayer, to stream: FloatRegion, _ rows: TokenRows) -> FloatRegion {
        let width = block.attentionNorm.width
        let attention = block.attention
        let pooledCount = rows.pooledRows.count
        let pooled = buffers.region(.pooledStream, pooledCount * width)
        IndexedRowKernels.gather(rows.pooledRows, of: stream, into: pooled, columnCount: width)
        let normed = buffers.region(.normed, rows.rowCount * width)
        norm(block.attentionNorm, stream, into: normed, rowCount: rows.rowCount)
        let keyValue = buffers.region(.queryKeyValue, rows.rowCount * 2 * width)
        attentionInput(attention.keyValue, of: attention, normed, into: keyValue, rowCount: rows.rowCount)
        // The pooled token stands before the patches and is not turned.
        if let rotary = rows.rotary { rotate(keyValue, rotary, attention, stride: 2 * width) }
        let pooledNormed = buffers.region(.pooledNormed, pooledCount * width)
        IndexedRowKernels.gather(rows.pooledRows, of: normed, into: pooledNormed, columnCount: width)
        let query = buffers.region(.query, pooledCount * width)
        linear(attention.query, pooledNormed, into: query, rowCount: pooledCount)
        let attended = attend(
            query, to: keyValue, attention, queryOffsets: rows.queryOffsets, keyOffsets: rows.sequences,
            queryCount: pooledCount)
        attentionOutput(attention, attended, into: pooled, rowCount: pooledCount, residual: pooled)
        mlp(block.mlp, after: block.mlpNorm, pooled, normed: pooledNormed, rowCount: pooledCount)
        return pooled
    }

    /// Pooled vectors [sequences, C] of tokens [rows, C] after the final norm: y + mlp(norm(y)), y = attention(probe, tokens).
    func attentionPool(
        _ pool: AttentionPoolLayer, _ tokens: FloatRegion, sequences: SequenceOffsets
    ) -> FloatRegion {
        let width = pool.mlpNorm.width
        let attention = pool.attention
        let count = sequences.count
        let keyValue = buffers.region(.queryKeyValue, sequences.rowCount * 2 * width)
        attentionInput(attention.keyValue, of: attention, tokens, into: keyValue, rowCount: sequences.rowCount)
        // All sequences have the same query: computed once, then copied.
        let query = buffers.region(.query, count * width)
        linear(attention.query, region(of: pool.probe), into: query, rowCount: 1)
        for row in 1..<max(1, count) {
            RowKernels.copy(
                query.region(at: 0, count: width), to: query.region(at: row * width, count: width))
        }
        let attended = attend(
            query, to: keyValue, attention, queryOffsets: SequenceOffsets(count: count, length: 1).offsets,
            keyOffsets: sequences.offsets, queryCount: count)
        let pooled = buffers.region(.pooledStream, count * width)
        attentionOutput(attention, attended, into: pooled, rowCount: count, residual: nil)
        let normed = buffers.region(.pooledNormed, count * width)
        mlp(pool.mlp, after: pool.mlpNorm, pooled, normed: normed, rowCount: count)
        return pooled
    }

    /// Unmasked attention of one query per sequence; `keyValue` rows hold keys, then values. Returns [queries, C].
    private func attend(
        _ query: FloatRegion, to keyValue: FloatRegion, _ attention: AttentionLayer, queryOffsets: [Int32],
        keyOffsets: [Int32], queryCount: Int
    ) -> FloatRegion {
        let width = attention.query.outputWidth
        let attended = buffers.region(.attended, queryCount * width)
        let core = AttentionKernel(
            headCount: attention.headCount, headWidth: attention.headWidth, queryStride: width,
            keyValueStride: 2 * width, isCausal: false)
        core.forward(
            query: query, key: keyValue, value: keyValue.suffix(from: width), into: attended,
            queryOffsets: queryOffsets, keyOffsets: keyOffsets, probabilities: nil,
            scratch: buffers.region(.scratch, core.scratchCount(queryOffsets: queryOffsets, keyOffsets: keyOffsets)))
        return attended
    }

    /// `layer` is the attention's `queryKeyValue` or `keyValue`.
    private func attentionInput(
        _ layer: LinearLayer, of attention: AttentionLayer, _ x: FloatRegion, into y: FloatRegion, rowCount: Int
    ) {
        guard let valueBias = attention.unkeyedValueBias else {
            return linear(layer, x, into: y, rowCount: rowCount)
        }
        let width = attention.query.outputWidth
        let bias = buffers.region(.bias, layer.outputWidth)
        RowKernels.fill(bias, with: 0)
        if layer.outputWidth == 3 * width, let queryBias = attention.query.bias {
            RowKernels.copy(region(of: queryBias), to: bias.region(at: 0, count: width))
        }
        RowKernels.copy(region(of: valueBias), to: bias.region(at: layer.outputWidth - width, count: width))
        product(layer, x, bias: bias, into: y, rowCount: rowCount)
    }

    private func attentionOutput(
        _ attention: AttentionLayer, _ attended: FloatRegion, into y: FloatRegion, rowCount: Int,
        residual: FloatRegion?
    ) {
        if let layer = attention.norm { norm(layer, attended, into: attended, rowCount: rowCount) }
        linear(attention.output, attended, into: y, rowCount: rowCount, residual: residual)
    }

    private func rotate(_ rows: FloatRegion, _ rotary: Rotary, _ attention: AttentionLayer, stride: Int) {
        RotaryKernel.apply(
            to: rows, stride: stride, sequenceCount: rotary.sequenceCount, tokenCount: rotary.tokenCount,
            prefixCount: rotary.prefixCount, headCount: attention.headCount, headWidth: attention.headWidth,
            cosines: FloatRegion(rotary.table.cosines), sines: FloatRegion(rotary.table.sines))
    }

    /// stream += mlp(norm(stream)).
    private func mlp(
        _ layer: MLPLayer, after mlpNorm: NormLayer, _ stream: FloatRegion, normed: FloatRegion, rowCount: Int
    ) {
        norm(mlpNorm, stream, into: normed, rowCount: rowCount)
        let hiddenWidth = layer.output.inputWidth
        let hidden = buffers.region(.hidden, rowCount * hiddenWidth)
        if layer.isGated, let bias = layer.hidden.bias {
            let both = buffers.region(.gateAndValue, rowCount * layer.hidden.outputWidth)
            product(layer.hidden, normed, bias: nil, into: both, rowCount: rowCount)
            RowKernels.siluGate(
                both, bias: region(of: bias), into: hidden, rowCount: rowCount, columnCount: hiddenWidth)
        } else {
            linear(layer.hidden, normed, into: hidden, rowCount: rowCount, activation: activation)
        }
        if let layer = layer.norm { norm(layer, hidden, into: hidden, rowCount: rowCount) }
        linear(layer.output, hidden, into: stream, rowCount: rowCount, residual: stream)
    }
}
