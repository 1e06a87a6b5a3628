import Kernels

extension TowerInference {
    /// A slice of images through CLIP's residual network.
    func encode(
        _ layers: ModifiedResNetLayers, _ images: ImageSlice, output: TowerOutput, observer: StageObserver?
    ) -> FloatRegion {
        let inference = ModifiedResNetInference(
            tower: self, layers: layers, imageSize: images.vision.imageSize, batchCount: images.sliceRowCount)
        let cells = inference.cells(normalizedPixels(images), observer: observer)
        if output == .tokens { return cells }
        let pooled = inference.attentionPool(cells)
        observer?(.pooled, pooled)
        if output == .pooled { return pooled }
        return embedding(
            pooled, projection: layers.projection, rowCount: images.sliceRowCount,
            width: layers.projection.inputWidth, observer: observer)
    }
}

/// The forward pass of CLIP's residual network over a slice of images (Radford et al. 2021; open_clip's `ModifiedResNet`).
///
/// Batch normalisation is part of the convolutions' weights and biases. A rectifier follows every convolution but the shortcuts'
/// and is applied with the bias, and in a block's last convolution with the residual.
struct ModifiedResNetInference {
    let tower: TowerInference
    let layers: ModifiedResNetLayers
    let imageSize: Int
    /// Images of the slice.
    let batchCount: Int

    var buffers: InferenceBuffers { tower.buffers }

    /// Images in a buffer, height and width being `size`.
    private struct Images {
        var values: FloatRegion
        var size: Int
    }

    /// Normalised images [batch, S, S, 3] to the cells of the last stage [batch, cells, C].
    func cells(_ images: FloatRegion, observer: StageObserver?) -> FloatRegion {
        var stream = stem(images)
        observer?(.stem, stream.values)
        var slots: (current: InferenceBuffers.Slot, free: InferenceBuffers.Slot) = (.stream, .attended)
        for (index, stage) in layers.stages.enumerated() {
            for block in stage {
                if block.shortcut != nil { swap(&slots.current, &slots.free) }
                stream = apply(block, stream, into: slots.current)
            }
            observer?(.stage(index), stream.values)
        }
        return stream.values
    }

    private func stem(_ images: FloatRegion) -> Images {
        var x = Images(values: images, size: imageSize)
        for (index, layer) in layers.stem.enumerated() {
            x = convolve(layer, x, into: index.isMultiple(of: 2) ? .normed : .queryKeyValue)
        }
        return averagePool(x, width: layers.stem[layers.stem.count - 1].map.outputWidth, by: 2, into: .stream)
    }

    /// A block's output: in `slot` where it has a shortcut, otherwise in place of `x`.
    private func apply(_ block: ModifiedResNetLayers.Block, _ x: Images, into slot: InferenceBuffers.Slot) -> Images {
        let innerWidth = block.reduction.outputWidth
        var inner = Images(
            values: buffers.region(.normed, batchCount * x.size * x.size * innerWidth), size: x.size)
        rectified(block.reduction, x.values, into: inner.values, rowCount: batchCount * x.size * x.size)
        inner = convolve(block.convolution, inner, into: .queryKeyValue)
        inner = averagePool(inner, width: innerWidth, by: block.stride, into: .normed)
        let rowCount = batchCount * inner.size * inner.size
        var output = x
        if let shortcut = block.shortcut {
            let small = averagePool(x, width: shortcut.inputWidth, by: block.stride, into: .stemOutput)
            output = Images(values: buffers.region(slot, rowCount * shortcut.outputWidth), size: small.size)
            tower.linear(shortcut, small.values, into: output.values, rowCount: rowCount)
        }
        rectified(block.expansion, inner.values, into: output.values, rowCount: rowCount, isAdded: true)
        return output
    }

    /// y = relu(x·Wᵀ + b), or relu(y + x·Wᵀ + b).
    private func rectified(
        _ layer: LinearLayer, _ x: FloatRegion, into y: FloatRegion, rowCount: Int, isAdded: Bool = false
    ) {
        let width = layer.outputWidth
        tower.forEachRun(rowCount: rowCount, columnCount: max(width, layer.inputWidth)) { run in
            let part = y.region(at: run.lowerBound * width, count: run.count * width)
            let sums = isAdded ? buffers.region(.hidden, run.count * width) : part
            product(
                layer, x.region(at: run.lowerBound * layer.inputWidth, count: run.count * layer.inputWidth),
                into: sums, rowCount: run.count)
            RowKernels.rectify(
                sums, bias: layer.bias.map(tower.region(of:)), residual: isAdded ? part : nil, into: part,
                rowCount: run.count, columnCount: width)
        }
    }

    private func convolve(_ layer: SpatialConvolutionLayer, _ x: Images, into slot: InferenceBuffers.Slot) -> Images {
        let shape = ConvolutionShape(
            height: x.size, width: x.size, channelCount: layer.inputWidth, kernelSize: layer.kernelSize,
            stride: layer.stride, padding: layer.padding)
        let width = layer.map.outputWidth
        let output = buffers.region(slot, batchCount * shape.outputPlaceCount * width)
        tower.forEachRun(over: x.values, shape, batchCount: batchCount) { places, columns in
            let part = output.region(at: places.lowerBound * width, count: places.count * width)
            product(layer.map, columns, into: part, rowCount: places.count)
            RowKernels.rectify(
                part, bias: layer.map.bias.map(tower.region(of:)), residual: nil, into: part, rowCount: places.count,
                columnCount: width)
        }
        return Images(values: output, size: shape.outputHeight)
    }

    /// x·Wᵀ, without the bias.
    private func product(_ layer: LinearLayer, _ x: FloatRegion, into y: FloatRegion, rowCount: Int) {
        tower.product(layer, x, bias: nil, into: y, rowCount: rowCount)
    }

    /// `x` itself when there is nothing to pool.
    private func averagePool(_ x: Images, width: Int, by size: Int, into slot: InferenceBuffers.Slot) -> Images {
        guard size > 1 else { return x }
        let outputSize = x.size / size
        let output = buffers.region(slot, batchCount * outputSize * outputSize * width)
        ConvolutionKernels.averagePool(
            x.values, into: output, batchCount: batchCount, height: x.size, width: x.size, channelCount: width,
            size: size)
        return Images(values: output, size: outputSize)
    }
}
