import Kernels

extension ModifiedResNetInference {
    /// Attention with the mean of all cells as the only query, over the mean and the cells; returns [batch, C].
    ///
    /// With tokens x (mean first, positions added), q = W_q·x₀ + b_q and heads h of D channels:
    /// p_h = softmax_t(D^−½ · q_h·(W_k·x_t + b_k)_h), y_h = Σ_t p_ht·(W_v·x_t + b_v)_h.
    /// One query makes it cheaper to move the weights past the sums, which changes nothing but the order of additions:
    /// q_h·W_kh is one vector of C channels to compare the tokens with (q_h·b_kh is the same for all of them and drops out of the
    /// softmax), and Σ_t p_ht·x_t is one to multiply with W_vh. So no token is ever projected.
    func attentionPool(_ cells: FloatRegion) -> FloatRegion {
        let width = layers.query.inputWidth
        let cellCount = cells.count / (batchCount * width)
        let headCount = layers.headCount
        let headWidth = width / headCount
        let tokenCount = cellCount + 1
        let tokens = tokens(cells, cellCount: cellCount, width: width)

        let first = buffers.region(.pooledNormed, batchCount * width)
        IndexedRowKernels.gather(
            (0..<batchCount).map { Int32($0 * tokenCount) }, of: tokens, into: first, columnCount: width)
        let query = buffers.region(.query, batchCount * width)
        tower.linear(layers.query, first, into: query, rowCount: batchCount)

        // [batch, head, C]: what each head compares tokens with, then what it takes from them.
        let perHead = buffers.region(.queryKeyValue, batchCount * headCount * width)
        let keyWeight = tower.region(of: layers.key.weight)
        RowKernels.fill(perHead, with: 0)
        // Image by image, so that none depends on the others of its slice; one head's weights stay in the second cache.
        for head in 0..<headCount {
            let weight = keyWeight.region(at: head * headWidth * width, count: headWidth * width)
            for image in 0..<batchCount {
                MatrixProduct.addProduct(
                    of: weight, isTransposed: true,
                    and: query.region(at: image * width + head * headWidth, count: headWidth),
                    to: perHead.region(at: (image * headCount + head) * width, count: width), rowCount: headWidth,
                    columnCount: width, alpha: 1 / Float(headWidth).squareRoot())
            }
        }
        let scores = buffers.region(.scratch, batchCount * headCount * tokenCount)
        for image in 0..<batchCount {
            let own = tokens.region(at: image * tokenCount * width, count: tokenCount * width)
            let heads = perHead.region(at: image * headCount * width, count: headCount * width)
            let probabilities = scores.region(at: image * headCount * tokenCount, count: headCount * tokenCount)
            MatrixProduct.multiply(
                heads, by: own, isRightTransposed: true, into: probabilities, rowCount: headCount,
                columnCount: tokenCount, depth: width)
            RowKernels.softmax(
                probabilities, into: probabilities, logSums: nil, rowCount: headCount, columnCount: tokenCount)
            MatrixProduct.multiply(
                probabilities, by: own, into: heads, rowCount: headCount, columnCount: width, depth: tokenCount)
        }

        let pooled = buffers.region(.pooledStream, batchCount * width)
        RowKernels.addBias(
            layers.value.bias.map(tower.region(of:)), to: nil, into: pooled, rowCount: batchCount, columnCount: width)
        let valueWeight = tower.region(of: layers.value.weight)
        for head in 0..<headCount {
            let weight = valueWeight.region(at: head * headWidth * width, count: headWidth * width)
            for image in 0..<batchCount {
                MatrixProduct.addProduct(
                    of: weight, and: perHead.region(at: (image * headCount + head) * width, count: width),
                    to: pooled.region(at: image * width + head * headWidth, count: headWidth), rowCount: headWidth,
                    columnCount: width)
            }
        }
        return pooled
    }

    /// [batch, 1 + cells, C]: the cells' mean and the cells, each plus its position.
    private func tokens(_ cells: FloatRegion, cellCount: Int, width: Int) -> FloatRegion {
        let means = buffers.region(.pooledStream, batchCount * width)
        IndexedRowKernels.meanRows(
            of: cells, offsets: SequenceOffsets(count: batchCount, length: cellCount).offsets, into: means,
            columnCount: width)
        let tokens = buffers.region(.normed, batchCount * (cellCount + 1) * width)
        for image in 0..<batchCount {
            IndexedRowKernels.assembleTokens(
                patches: cells.region(at: image * cellCount * width, count: cellCount * width),
                classToken: means.region(at: image * width, count: width),
                positions: tower.region(of: layers.positions),
                into: tokens.region(
                    at: image * (cellCount + 1) * width, count: (cellCount + 1) * width), batchCount: 1,
                patchCount: cellCount, columnCount: width)
        }
        return tokens
    }
}
