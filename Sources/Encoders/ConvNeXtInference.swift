import Kernels

extension TowerInference {
    /// A slice of images through a ConvNeXt.
    func encode(
        _ layers: ConvNeXtLayers, _ images: ImageSlice, output: TowerOutput, observer: StageObserver?
    ) -> FloatRegion {
        let inference = ConvNeXtInference(
            tower: self, layers: layers, imageSize: images.vision.imageSize, batchCount: images.sliceRowCount)
        let cells = inference.cells(normalizedPixels(images), observer: observer)
        if output == .tokens { return cells }
        let pooled = inference.pooled(cells)
        observer?(.pooled, pooled)
        let features = inference.features(pooled)
        if output == .pooled { return features }
        return embedding(
            inference.headInput(features), projection: layers.projection, rowCount: images.sliceRowCount,
            width: layers.projection.inputWidth, observer: observer)
    }
}

/// The forward pass of a ConvNeXt image tower over a slice of images (Liu et al. 2022; timm's `ConvNeXt` in open_clip).
///
/// Per block: x += W₂·gelu(W₁·norm(depthwise(x)) + b₁) + b₂ with the exact GELU, whatever the model's activation. The average over
/// all cells of the last stage is normalised and mapped to the embedding.
struct ConvNeXtInference {
    let tower: TowerInference
    let layers: ConvNeXtLayers
    let imageSize: Int
    /// Images of the slice.
    let batchCount: Int

    private typealias Network = DualEncoderConfiguration.ConvNeXt
    private var buffers: InferenceBuffers { tower.buffers }
    private var featureWidth: Int { layers.finalNorm.width }

    /// Normalised images [batch, S, S, 3] to the cells of the last stage [batch, cells, C].
    func cells(_ images: FloatRegion, observer: StageObserver?) -> FloatRegion {
        var gridSize = Network.gridSize(imageSize: imageSize, stage: 0)
        var stream = stem(images, gridSize: gridSize)
        observer?(.stem, stream)
        for (index, stage) in layers.stages.enumerated() {
            if let downsample = stage.downsample {
                let inputSize = gridSize
                gridSize = Network.gridSize(imageSize: imageSize, stage: index)
                stream = apply(downsample, to: stream, inputSize: inputSize, outputSize: gridSize)
            }
            for block in stage.blocks { apply(block, to: stream, gridSize: gridSize) }
            observer?(.stage(index), stream)
        }
        return stream
    }

    /// The average of the cells [batch, C].
    func pooled(_ cells: FloatRegion) -> FloatRegion {
        let pooled = buffers.region(.pooledStream, batchCount * featureWidth)
        IndexedRowKernels.meanRows(
            of: cells,
            offsets: SequenceOffsets(count: batchCount, length: cells.count / (batchCount * featureWidth)).offsets,
            into: pooled, columnCount: featureWidth)
        return pooled
    }

    /// norm(pooled) [batch, C].
    func features(_ pooled: FloatRegion) -> FloatRegion {
        let normed = buffers.region(.pooledNormed, batchCount * featureWidth)
        tower.norm(layers.finalNorm, pooled, into: normed, rowCount: batchCount)
        return normed
    }

    /// The input of the last map: the features, or the hidden units of a head of two maps.
    func headInput(_ features: FloatRegion) -> FloatRegion {
        guard let layer = layers.projectionHidden else { return features }
        let hidden = buffers.region(.query, batchCount * layer.outputWidth)
        activated(layer, features, into: hidden, rowCount: batchCount)
        return hidden
    }

    /// Convolution of kernel and stride 4, then a norm, in runs of whole image rows.
    private func stem(_ images: FloatRegion, gridSize: Int) -> FloatRegion {
        let size = Network.stemSize
        let stream = buffers.region(.stream, batchCount * gridSize * gridSize * layers.stem.outputWidth)
        convolve(
            layers.stem, images,
            ConvolutionShape(
                height: imageSize, width: imageSize, channelCount: 3, kernelSize: size, stride: size, padding: 0),
            into: stream)
        tower.norm(layers.stemNorm, stream, into: stream, rowCount: batchCount * gridSize * gridSize)
        return stream
    }

    /// The next stage's stream, which replaces the last one's.
    private func apply(
        _ layer: ConvNeXtLayers.Downsample, to stream: FloatRegion, inputSize: Int, outputSize: Int
    ) -> FloatRegion {
        let size = Network.downsampleSize
        let rowCount = batchCount * inputSize * inputSize
        let normed = buffers.region(.normed, rowCount * layer.norm.width)
        tower.norm(layer.norm, stream, into: normed, rowCount: rowCount)
        let output = buffers.region(
            .stream, batchCount * outputSize * outputSize * layer.convolution.outputWidth)
        convolve(
            layer.convolution, normed,
            ConvolutionShape(
                height: inputSize, width: inputSize, channelCount: layer.norm.width, kernelSize: size, stride: size,
                padding: 0), into: output)
        return output
    }

    private func apply(_ block: ConvNeXtLayers.Block, to stream: FloatRegion, gridSize: Int) {
        let width = block.norm.width
        let rowCount = batchCount * gridSize * gridSize
        let normed = buffers.region(.normed, rowCount * width)
        ConvolutionKernels.depthwise(
            stream, weight: tower.region(of: block.depthwiseWeight), bias: tower.region(of: block.depthwiseBias),
            into: normed, batchCount: batchCount, height: gridSize, width: gridSize, channelCount: width)
        let hiddenWidth = block.mlp.hidden.outputWidth
        tower.forEachRun(rowCount: rowCount, columnCount: hiddenWidth) { run in
            let x = normed.region(at: run.lowerBound * width, count: run.count * width)
            tower.norm(block.norm, x, into: x, rowCount: run.count)
            let hidden = buffers.region(.hidden, run.count * hiddenWidth)
            activated(block.mlp.hidden, x, into: hidden, rowCount: run.count)
            let y = stream.region(at: run.lowerBound * width, count: run.count * width)
            tower.linear(block.mlp.output, hidden, into: y, rowCount: run.count, residual: y)
        }
    }

    private func convolve(
        _ layer: LinearLayer, _ x: FloatRegion, _ shape: ConvolutionShape, into output: FloatRegion
    ) {
        tower.forEachRun(over: x, shape, batchCount: batchCount) { rows, columns in
            tower.linear(
                layer, columns,
                into: output.region(at: rows.lowerBound * layer.outputWidth, count: rows.count * layer.outputWidth),
                rowCount: rows.count)
        }
    }

    private func activated(_ layer: LinearLayer, _ x: FloatRegion, into y: FloatRegion, rowCount: Int) {
        tower.linear(layer, x, into: y, rowCount: rowCount, activation: .gelu)
    }
}
