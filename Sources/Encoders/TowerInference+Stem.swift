import Kernels
import Tensors

extension TowerInference {
    /// Patch features [sliceRowCount · patches, C] of a slice of images.
    func stem(_ stem: StemLayer, _ images: ImageSlice) -> FloatRegion {
        let (vision, rowCount, sliceRowCount) = (images.vision, images.rowCount, images.sliceRowCount)
        let patchCount = vision.patchCount
        let output = buffers.region(.stemOutput, sliceRowCount * patchCount * vision.width)
        switch stem {
        case .patch(let layer):
            let patches = buffers.region(.input, sliceRowCount * patchCount * layer.inputWidth)
            ConvolutionKernels.patches(
                of: images.pixels, from: images.byteOffset, into: patches, batchCount: rowCount,
                imageSize: vision.imageSize,
                patchSize: vision.patchSize, normalization: images.normalization)
            clear(patches, from: rowCount * patchCount * layer.inputWidth)
            linear(layer, patches, into: output, rowCount: sliceRowCount * patchCount)
        case .convolutional(let convolutions, let projection):
            let imageCount = vision.imageSize * vision.imageSize * 3
            var x = buffers.region(.input, sliceRowCount * imageCount)
            ConvolutionKernels.normalize(
                images.pixels, from: images.byteOffset, into: x, pixelCount: rowCount * imageCount / 3,
                normalization: images.normalization)
            clear(x, from: rowCount * imageCount)
            var size = vision.imageSize
            // Outputs alternate between two slots that are free until the blocks begin; columns go to a third.
            for (index, layer) in convolutions.enumerated() {
                let shape = layer.shape(inputSize: size)
                let placeCount = sliceRowCount * shape.outputPlaceCount
                let columns = buffers.region(.hidden, placeCount * shape.columnCount)
                ConvolutionKernels.imageToColumns(x, into: columns, batchCount: sliceRowCount, shape: shape)
                let y = buffers.region(
                    index.isMultiple(of: 2) ? .queryKeyValue : .attended, placeCount * layer.outputChannelCount)
                linear(layer.map, columns, into: y, rowCount: placeCount, activation: activation)
                x = y
                size = shape.outputHeight
            }
            linear(projection, x, into: output, rowCount: sliceRowCount * patchCount)
        }
        return output
    }

    private func clear(_ region: FloatRegion, from start: Int) {
        RowKernels.fill(region.suffix(from: start), with: 0)
    }
}
