import Kernels
import Tensors

/// Forward passes without a tape: the kernels of the training path over a few buffers that are used again in every block.
struct TowerInference {
    let parameters: FloatBuffer
    let buffers: InferenceBuffers
    let activation: ActivationFunction

    func region(of span: ParameterSpan) -> FloatRegion {
        FloatRegion(parameters, offset: span.offset, count: span.count)
    }

    func linear(
        _ layer: LinearLayer, _ x: FloatRegion, into y: FloatRegion, rowCount: Int, residual: FloatRegion? = nil
    ) {
        LinearKernel.apply(
            x, weight: region(of: layer.weight), bias: layer.bias.map(region(of:)), residual: residual, into: y,
            rowCount: rowCount, inputWidth: layer.inputWidth, outputWidth: layer.outputWidth)
    }

    func norm(_ layer: NormLayer, _ x: FloatRegion, into y: FloatRegion, rowCount: Int) {
        RowKernels.layerNorm(
            x, gain: region(of: layer.gain), bias: region(of: layer.bias), into: y, means: nil,
            reciprocalDeviations: nil, rowCount: rowCount, columnCount: layer.width,
            epsilon: LayerNormOperation.epsilon)
    }

    /// stream += mlp(norm(stream)).
    private func mlp(_ block: BlockLayer, _ stream: FloatRegion, normed: FloatRegion, rowCount: Int) {
        norm(block.mlpNorm, stream, into: normed, rowCount: rowCount)
        let layer = block.mlp.hidden
        let hidden = buffers.region(.hidden, rowCount * layer.outputWidth)
        LinearKernel.applyActivated(
            normed, weight: region(of: layer.weight), bias: layer.bias.map(region(of:)), activation: activation,
            into: hidden, rowCount: rowCount, inputWidth: layer.inputWidth, outputWidth: layer.outputWidth)
        linear(block.mlp.output, hidden, into: stream, rowCount: rowCount, residual: stream)
    }

    /// One block in place over all rows of the stream.
    func apply(_ block: BlockLayer, to stream: FloatRegion, sequences: [Int32], rowCount: Int, isCausal: Bool) {
        let width = block.attentionNorm.width
        let normed = buffers.region(.normed, rowCount * width)
        norm(block.attentionNorm, stream, into: normed, rowCount: rowCount)
        let queryKeyValue = buffers.region(.queryKeyValue, rowCount * 3 * width)
        linear(block.attention.queryKeyValue, normed, into: queryKeyValue, rowCount: rowCount)
        let attended = buffers.region(.attended, rowCount * width)
        let core = AttentionKernel(
            headCount: block.attention.headCount, headWidth: block.attention.headWidth, queryStride: 3 * width,
            keyValueStride: 3 * width, isCausal: isCausal)
        core.forward(
            query: queryKeyValue, key: queryKeyValue.suffix(from: width), value: queryKeyValue.suffix(from: 2 * width),
            into: attended, queryOffsets: sequences, keyOffsets: sequences, probabilities: nil,
            scratch: buffers.region(.scratch, core.scratchCount(queryOffsets: sequences, keyOffsets: sequences)))
        linear(block.attention.output, attended, into: stream, rowCount: rowCount, residual: stream)
        mlp(block, stream, normed: normed, rowCount: rowCount)
    }

    /// The last block for one row per sequence (see `BlockLayer.pooled`); returns [pooled rows, C].
    func applyPooled(
        _ block: BlockLayer, to stream: FloatRegion, sequences: [Int32], queryOffsets: [Int32], pooledRows: [Int32],
        rowCount: Int
    ) -> FloatRegion {
        let width = block.attentionNorm.width
        let pooledCount = pooledRows.count
        let pooled = buffers.region(.pooledStream, pooledCount * width)
        IndexedRowKernels.gather(pooledRows, of: stream, into: pooled, columnCount: width)
        let normed = buffers.region(.normed, rowCount * width)
        norm(block.attentionNorm, stream, into: normed, rowCount: rowCount)
        let keyValue = buffers.region(.queryKeyValue, rowCount * 2 * width)
        linear(block.attention.keyValue, normed, into: keyValue, rowCount: rowCount)
        let pooledNormed = buffers.region(.pooledNormed, pooledCount * width)
        IndexedRowKernels.gather(pooledRows, of: normed, into: pooledNormed, columnCount: width)
        let query = buffers.region(.query, pooledCount * width)
        linear(block.attention.query, pooledNormed, into: query, rowCount: pooledCount)
        let attended = buffers.region(.attended, pooledCount * width)
        let core = AttentionKernel(
            headCount: block.attention.headCount, headWidth: block.attention.headWidth, queryStride: width,
            keyValueStride: 2 * width, isCausal: false)
        core.forward(
            query: query, key: keyValue, value: keyValue.suffix(from: width), into: attended,
            queryOffsets: queryOffsets, keyOffsets: sequences, probabilities: nil,
            scratch: buffers.region(.scratch, core.scratchCount(queryOffsets: queryOffsets, keyOffsets: sequences)))
        linear(block.attention.output, attended, into: pooled, rowCount: pooledCount, residual: pooled)
        mlp(block, pooled, normed: pooledNormed, rowCount: pooledCount)
        return pooled
    }

    /// norm → projection → unit length.
    func embedding(
        _ pooled: FloatRegion, finalNorm: NormLayer, projection: LinearLayer, rowCount: Int,
        observer: StageObserver? = nil
    ) -> FloatRegion {
        observer?(.pooled, pooled)
        let normed = buffers.region(.pooledNormed, rowCount * finalNorm.width)
        norm(finalNorm, pooled, into: normed, rowCount: rowCount)
        let projected = buffers.region(.projected, rowCount * projection.outputWidth)
        linear(projection, normed, into: projected, rowCount: rowCount)
        observer?(.projected, projected)
        let embedding = buffers.region(.embedding, rowCount * projection.outputWidth)
        RowKernels.l2Normalize(
            projected, into: embedding, norms: buffers.region(.norms, rowCount), rowCount: rowCount,
            columnCount: projection.outputWidth, epsilon: L2NormalizationOperation.epsilon)
        observer?(.embedding, embedding)
        return embedding
    }
}
