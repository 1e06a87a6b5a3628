import Kernels
import Tensors

extension TowerInference {
    /// Patch features [rowCount · patches, C] of a slice of images.
    func stem(_ stem: StemLayer, _ images: ImageSlice) -> FloatRegion {
        let (vision, rowCount) = (images.vision, images.rowCount)
        let patchCount = vision.patchCount
        let output = buffers.region(.stemOutput, rowCount * patchCount * vision.width)
        switch stem {
        case .patch(let layer):
            if let product = plan.patches {
                product.apply(
                    to: images.pixels, from: images.byteOffset, batchCount: rowCount, imageSize: vision.imageSize,
                    into: output,
                    scratch: buffers.region(.packed, product.scratchCount(patchCount: rowCount * patchCount)),
                    level: plan.level)
                return output
            }
            let patches = buffers.region(.input, rowCount * patchCount * layer.inputWidth)
            ConvolutionKernels.patches(
                of: images.pixels, from: images.byteOffset, into: patches, batchCount: rowCount,
                imageSize: vision.imageSize,
                patchSize: vision.patchSize, normalization: images.normalization)
            linear(layer, patches, into: output, rowCount: rowCount * patchCount)
        case .convolutional(let convolutions, let projection):
            let imageCount = vision.imageSize * vision.imageSize * 3
            var x = buffers.region(.input, rowCount * imageCount)
            ConvolutionKernels.normalize(
                images.pixels, from: images.byteOffset, into: x, pixelCount: rowCount * imageCount / 3,
                normalization: images.normalization)
            var size = vision.imageSize
            // Outputs alternate between two slots that are free until the blocks begin; columns go to a third.
            for (index, layer) in convolutions.enumerated() {
                let shape = layer.shape(inputSize: size)
                let placeCount = rowCount * shape.outputPlaceCount
                let columns = buffers.region(.hidden, placeCount * shape.columnCount)
                ConvolutionKernels.imageToColumns(x, into: columns, batchCount: rowCount, shape: shape)
                let y = buffers.region(
                    index.isMultiple(of: 2) ? .queryKeyValue : .attended, placeCount * layer.outputChannelCount)
                linear(layer.map, columns, into: y, rowCount: placeCount, activation: activation)
                x = y
                size = shape.outputHeight
            }
            linear(projection, x, into: output, rowCount: rowCount * patchCount)
        }
        return output
    }
}
