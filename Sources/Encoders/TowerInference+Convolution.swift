import Kernels

/// What the convolutional towers share: products over rows of channels, in runs whose results the next loop finds in the cache.
extension TowerInference {
    /// Rows from which on a product runs at full speed.
    private static let minimumRunRowCount = 384
    /// Floats of a run's widest matrix that stay in a core's own cache.
    private static let runFloatCount = 1 << 18

    /// Rows of a run over matrices of at most `columnCount` columns.
    func runRowCount(columnCount: Int) -> Int {
        max(Self.minimumRunRowCount, Self.runFloatCount / max(1, columnCount))
    }

    /// Calls `body` with ranges of rows that cover `rowCount`.
    func forEachRun(rowCount: Int, columnCount: Int, _ body: (Range<Int>) -> Void) {
        let step = runRowCount(columnCount: columnCount)
        for first in stride(from: 0, to: rowCount, by: step) {
            body(first..<min(first + step, rowCount))
        }
    }

    /// Calls `body` with runs of output places, in rows [places, kernel · kernel · channels] of what each of them looks at.
    func forEachRun(
        over images: FloatRegion, _ shape: ConvolutionShape, batchCount: Int,
        _ body: (_ places: Range<Int>, _ columns: FloatRegion) -> Void
    ) {
        let width = shape.outputWidth
        let step = max(1, runRowCount(columnCount: shape.columnCount) / width)
        let rowCount = batchCount * shape.outputHeight
        for first in stride(from: 0, to: rowCount, by: step) {
            let rows = first..<min(first + step, rowCount)
            let columns = buffers.region(.hidden, rows.count * width * shape.columnCount)
            ConvolutionKernels.imageToColumns(images, into: columns, rows: rows, batchCount: batchCount, shape: shape)
            body(rows.lowerBound * width..<rows.upperBound * width, columns)
        }
    }

    /// Normalised pixels [slice, S, S, 3]; images that are not there are zero.
    func normalizedPixels(_ images: ImageSlice) -> FloatRegion {
        let imageCount = images.vision.imageByteCount
        let output = buffers.region(.input, images.sliceRowCount * imageCount)
        ConvolutionKernels.normalize(
            images.pixels, from: images.byteOffset, into: output, pixelCount: images.rowCount * imageCount / 3,
            normalization: images.normalization)
        RowKernels.fill(output.suffix(from: images.rowCount * imageCount), with: 0)
        return output
    }
}
