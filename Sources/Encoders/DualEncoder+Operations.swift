import Kernels

/// What the towers really compute, as opposed to `EncoderCost`: of a tower that pools one token the last block computes little else,
/// and texts are as long as they are.
extension DualEncoder {
    /// The operations of `count` images, in any company.
    public func imageOperations(count: Int) -> OperationCount {
        let vision = configuration.vision
        guard case .transformer(let tower) = architecture.imageTower else {
            let cost = EncoderCost(architecture).imageOperationCount
            guard case .modifiedResNet = architecture.imageTower else { return OperationCount(float: cost * count) }
            let (whole, rest) = count.quotientAndRemainder(dividingBy: imageSliceRowCount)
            return OperationCount(float: cost * (whole + (rest > 0 ? 1 : 0)) * imageSliceRowCount)
        }
        let tokens = vision.tokenCount
        var sum = plan.operations(tower.stem, vision)
        sum += plan.operations(tower.blocks, tokenCount: tokens, isCausal: false, isPooled: tower.pool == nil)
        if let pool = tower.pool {
            // The probe's query is computed once for a slice.
            sum += plan.operations(pool.attention.keyValue, rowCount: tokens)
            sum += plan.attention(pool.attention, queryCount: 1, keyCount: tokens)
            for layer in [pool.attention.output, pool.mlp.hidden, pool.mlp.output] {
                sum += plan.operations(layer, rowCount: 1)
            }
        }
        if let projection = tower.projection { sum += plan.operations(projection, rowCount: 1) }
        return sum * count
    }

    /// The operations of a text of `tokenCount` tokens from its first to its end token. Traps when it is longer than the context.
    public func textOperations(tokenCount: Int) -> OperationCount {
        precondition(
            tokenCount > 0 && tokenCount <= configuration.text.contextLength, "text of \(tokenCount) tokens")
        let tower = architecture.textTower
        let tokens = configuration.text.seesPadding ? configuration.text.contextLength : tokenCount
        var sum = plan.operations(
            tower.blocks, tokenCount: tokens, isCausal: configuration.text.isCausal, isPooled: true)
        if let projection = tower.projection { sum += plan.operations(projection, rowCount: 1) }
        return sum
    }
}

extension InferencePlan {
    /// Of one product.
    func operations(_ layer: LinearLayer, rowCount: Int) -> OperationCount {
        let count = 2 * layer.inputWidth * layer.outputWidth * rowCount
        return switch self[layer]?.width {
        case nil: OperationCount(float: count)
        case .bytes: OperationCount(integer: count)
        case .words: OperationCount(wideInteger: count)
        }
    }

    /// Products of queries with keys and of probabilities with values.
    func attention(
        _ layer: AttentionLayer, queryCount: Int, keyCount: Int, isInIntegers: Bool = false
    ) -> OperationCount {
        let count = 4 * queryCount * keyCount * layer.query.outputWidth
        return isInIntegers ? OperationCount(wideInteger: count) : OperationCount(float: count)
    }

    /// Of one sequence; `isPooled`: of the last block only one token goes on.
    func operations(_ blocks: [BlockLayer], tokenCount: Int, isCausal: Bool, isPooled: Bool) -> OperationCount {
        var sum = OperationCount()
        for (index, block) in blocks.enumerated() {
            let attention = block.attention
            let isLast = isPooled && index == blocks.count - 1
            let rows = isLast ? 1 : tokenCount
            if isLast {
                sum += operations(attention.query, rowCount: 1)
                sum += operations(attention.keyValue, rowCount: tokenCount)
            } else {
                sum += operations(attention.queryKeyValue, rowCount: tokenCount)
            }
            sum += self.attention(
                attention, queryCount: rows, keyCount: tokenCount,
                isInIntegers: !isLast && attendsInIntegers(attention, isCausal: isCausal))
            for layer in [attention.output, block.mlp.hidden, block.mlp.output] {
                sum += operations(layer, rowCount: rows)
            }
        }
        return sum
    }

    /// Of one image's patches.
    func operations(_ stem: StemLayer, _ vision: DualEncoderConfiguration.Vision) -> OperationCount {
        switch stem {
        case .patch(let layer):
            let float = operations(layer, rowCount: vision.patchCount)
            // Two 8-bit products.
            return patches == nil ? float : OperationCount(wideInteger: float.total)
        case .convolutional(let convolutions, let projection):
            var sum = operations(projection, rowCount: vision.patchCount)
            var size = vision.imageSize
            for layer in convolutions {
                let shape = layer.shape(inputSize: size)
                sum += operations(layer.map, rowCount: shape.outputPlaceCount)
                size = shape.outputHeight
            }
            return sum
        }
    }
}
