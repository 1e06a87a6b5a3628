import CKernels

/// The mean and deviation of each channel as one multiplication and addition per byte.
public struct PixelNormalization: Sendable, Equatable {
    let scale: [Float]
    let shift: [Float]

    /// value = (byte / 255 − mean) / std per channel; three positive deviations.
    public init(mean: [Float], std: [Float]) {
        precondition(mean.count == 3 && std.count == 3, "pixel statistics of \(mean.count) and \(std.count) channels")
        scale = std.map { Float(1 / (255 * Double($0))) }
        shift = zip(mean, std).map { Float(-Double($0) / Double($1)) }
    }
}

/// A square convolution's geometry over images of height × width × channels.
public struct ConvolutionShape: Sendable, Equatable {
    /// Input rows.
    public let height: Int
    /// Input columns.
    public let width: Int
    /// Input channels.
    public let channelCount: Int
    /// Kernel extent in both directions.
    public let kernelSize: Int
    /// Step in both directions.
    public let stride: Int
    /// Zeros assumed around the image.
    public let padding: Int

    /// Describes the geometry; the kernel must fit the padded image.
    public init(height: Int, width: Int, channelCount: Int, kernelSize: Int, stride: Int, padding: Int) {
        precondition(
            height > 0 && width > 0 && channelCount > 0 && kernelSize > 0 && stride > 0 && padding >= 0
                && min(height, width) + 2 * padding >= kernelSize,
            "convolution \(kernelSize)/\(stride) padded by \(padding) over \(height) × \(width) × \(channelCount)")
        self.height = height
        self.width = width
        self.channelCount = channelCount
        self.kernelSize = kernelSize
        self.stride = stride
        self.padding = padding
    }

    /// Output rows.
    public var outputHeight: Int { vlm_convolution_extent(height, kernelSize, stride, padding) }
    /// Output columns.
    public var outputWidth: Int { vlm_convolution_extent(width, kernelSize, stride, padding) }
    /// Output places of one image.
    public var outputPlaceCount: Int { outputHeight * outputWidth }
    /// Floats that one output place looks at.
    public var columnCount: Int { kernelSize * kernelSize * channelCount }
    /// Floats of one input image.
    public var imageCount: Int { height * width * channelCount }
}

/// Rearrangements that turn images into rows for a matrix product.
public enum ConvolutionKernels {
    /// output [batch · patches, patch · patch · 3] = normalised pixels of each whole patch of square RGB images.
    public static func patches(
        of pixels: [UInt8], from byteOffset: Int = 0, into output: FloatRegion, batchCount: Int, imageSize: Int,
        patchSize: Int, normalization: PixelNormalization
    ) {
        let grid = imageSize / patchSize
        precondition(
            byteOffset >= 0 && batchCount * imageSize * imageSize * 3 <= pixels.count - byteOffset,
            "patches: \(pixels.count) bytes for \(batchCount) images of \(imageSize) pixels")
        output.require(batchCount * grid * grid * patchSize * patchSize * 3, "patches", "output")
        unsafe pixels.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            unsafe vlm_patches_from_bytes(
                base + byteOffset, output.pointer, batchCount, imageSize, patchSize, normalization.scale,
                normalization.shift)
        }
    }

    /// output = normalised pixels in place order.
    public static func normalize(
        _ pixels: [UInt8], from byteOffset: Int = 0, into output: FloatRegion, pixelCount: Int,
        normalization: PixelNormalization
    ) {
        precondition(
            byteOffset >= 0 && pixelCount * 3 <= pixels.count - byteOffset,
            "normalise: \(pixels.count) bytes for \(pixelCount) pixels from byte \(byteOffset)")
        output.require(pixelCount * 3, "normalise", "output")
        unsafe pixels.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            unsafe vlm_normalise_bytes(
                base + byteOffset, output.pointer, pixelCount, normalization.scale, normalization.shift)
        }
    }

    /// columns [batch · places, kernel · kernel · channels] = what each output place looks at, zero outside the image.
    public static func imageToColumns(
        _ images: FloatRegion, into columns: FloatRegion, batchCount: Int, shape: ConvolutionShape
    ) {
        check(images, columns, batchCount, shape, "image to columns")
        unsafe vlm_image_to_columns(
            images.pointer, columns.pointer, batchCount, shape.height, shape.width, shape.channelCount,
            shape.kernelSize, shape.stride, shape.padding)
    }

    /// The part of `imageToColumns` that makes the output rows `rows`, counted through all images of the batch.
    public static func imageToColumns(
        _ images: FloatRegion, into columns: FloatRegion, rows: Range<Int>, batchCount: Int, shape: ConvolutionShape
    ) {
        precondition(
            rows.lowerBound >= 0 && rows.upperBound <= batchCount * shape.outputHeight,
            "image to columns: rows \(rows) of \(batchCount) · \(shape.outputHeight)")
        images.require(batchCount * shape.imageCount, "image to columns", "images")
        columns.require(rows.count * shape.outputWidth * shape.columnCount, "image to columns", "columns")
        unsafe vlm_image_rows_to_columns(
            images.pointer, columns.pointer, rows.lowerBound, rows.count, shape.height, shape.width,
            shape.channelCount, shape.kernelSize, shape.stride, shape.padding)
    }

    /// images += each element of columns at the place `imageToColumns` took it from.
    public static func addColumnsToImage(
        _ columns: FloatRegion, to images: FloatRegion, batchCount: Int, shape: ConvolutionShape
    ) {
        check(images, columns, batchCount, shape, "columns to image")
        unsafe vlm_columns_to_image(
            columns.pointer, images.pointer, batchCount, shape.height, shape.width, shape.channelCount,
            shape.kernelSize, shape.stride, shape.padding)
    }

    private static func check(
        _ images: FloatRegion, _ columns: FloatRegion, _ batchCount: Int, _ shape: ConvolutionShape,
        _ operation: StaticString
    ) {
        images.require(batchCount * shape.imageCount, operation, "images")
        columns.require(batchCount * shape.outputPlaceCount * shape.columnCount, operation, "columns")
    }
}
