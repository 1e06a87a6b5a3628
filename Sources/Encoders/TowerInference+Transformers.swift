import Kernels

extension TowerInference {
    /// A slice of images through a vision transformer.
    func encode(
        _ tower: ImageTowerLayers, _ images: ImageSlice, output: TowerOutput, observer: StageObserver?
    ) -> FloatRegion {
        let vision = images.vision
        let sequences = SequenceOffsets(count: images.sliceRowCount, length: vision.tokenCount)
        let rows = TokenRows(
            sequences: sequences.offsets, rowCount: sequences.rowCount, isCausal: false,
            rotary: tower.rotary.map {
                Rotary(
                    table: $0, sequenceCount: images.sliceRowCount, tokenCount: vision.tokenCount,
                    prefixCount: vision.tokenCount - vision.patchCount)
            }, pooledRows: sequences.offsets.dropLast(),
            queryOffsets: SequenceOffsets(count: images.sliceRowCount, length: 1).offsets)
        let stream = tokens(tower, images)
        observer?(.stem, stream)
        if let layer = tower.stemNorm {
            norm(layer, stream, into: stream, rowCount: rows.rowCount)
            observer?(.stemNorm, stream)
        }
        let features: FloatRegion
        if let pool = tower.pool {
            let normed = allTokens(tower.blocks, tower.finalNorm, stream, rows, observer)
            if output == .tokens { return normed }
            features = attentionPool(pool, normed, sequences: sequences)
            observer?(.pooled, features)
        } else if output == .tokens {
            return allTokens(tower.blocks, tower.finalNorm, stream, rows, observer)
        } else {
            features = pooledToken(tower.blocks, tower.finalNorm, stream, rows, observer)
        }
        if output == .pooled { return features }
        return embedding(
            features, projection: tower.projection, rowCount: images.sliceRowCount, width: vision.width,
            observer: observer)
    }

    /// A slice of texts through the text tower.
    func encode(
        _ tower: TextTowerLayers, _ batch: TextBatch, width: Int, isCausal: Bool, output: TowerOutput,
        observer: StageObserver?
    ) -> FloatRegion {
        let rows = TokenRows(
            sequences: batch.sequences.offsets, rowCount: batch.tokens.count, isCausal: isCausal,
            pooledRows: batch.pooledRows,
            queryOffsets: SequenceOffsets(count: batch.sequences.count, length: 1).offsets)
        let stream = buffers.region(.stream, rows.rowCount * width)
        IndexedRowKernels.embedding(
            table: weights.weights(of: tower.tokenEmbedding), positions: region(of: tower.positions),
            tokens: batch.tokens, places: batch.places, into: stream, columnCount: width)
        observer?(.stem, stream)
        if output == .tokens { return allTokens(tower.blocks, tower.finalNorm, stream, rows, observer) }
        let features = pooledToken(tower.blocks, tower.finalNorm, stream, rows, observer)
        if output == .pooled { return features }
        return embedding(
            features, projection: tower.projection, rowCount: rows.pooledRows.count, width: width, observer: observer)
    }

    /// All tokens through all blocks and the final norm: [rows, C].
    private func allTokens(
        _ blocks: [BlockLayer], _ finalNorm: NormLayer, _ stream: FloatRegion, _ rows: TokenRows,
        _ observer: StageObserver?
    ) -> FloatRegion {
        for (index, block) in blocks.enumerated() {
            apply(block, to: stream, rows)
            observer?(.block(index), stream)
        }
        let normed = buffers.region(.normed, rows.rowCount * finalNorm.width)
        norm(finalNorm, stream, into: normed, rowCount: rows.rowCount)
        return normed
    }

    /// The pooled token of each sequence after the final norm: [sequences, C]. Of the last block nothing else is computed.
    private func pooledToken(
        _ blocks: [BlockLayer], _ finalNorm: NormLayer, _ stream: FloatRegion, _ rows: TokenRows,
        _ observer: StageObserver?
    ) -> FloatRegion {
        for (index, block) in blocks.dropLast().enumerated() {
            apply(block, to: stream, rows)
            observer?(.block(index), stream)
        }
        let pooled = applyPooled(blocks[blocks.count - 1], to: stream, rows)
        observer?(.pooled, pooled)
        let normed = buffers.region(.pooledNormed, rows.pooledRows.count * finalNorm.width)
        norm(finalNorm, pooled, into: normed, rowCount: rows.pooledRows.count)
        return normed
    }

    /// Patches, behind the class token if there is one, plus positions: [images, tokens, C].
    private func tokens(_ tower: ImageTowerLayers, _ images: ImageSlice) -> FloatRegion {
        let vision = images.vision
        let patches = stem(tower.stem, images)
        let stream = buffers.region(.stream, images.sliceRowCount * vision.tokenCount * vision.width)
        let positions = region(of: tower.positions)
        if let classToken = tower.classToken {
            IndexedRowKernels.assembleTokens(
                patches: patches, classToken: region(of: classToken), positions: positions, into: stream,
                batchCount: images.sliceRowCount, patchCount: vision.patchCount, columnCount: vision.width)
        } else {
            // All positions of an image are one row here.
            RowKernels.addBias(
                positions, to: patches, into: stream, rowCount: images.sliceRowCount,
                columnCount: vision.tokenCount * vision.width)
        }
        return stream
    }
}
