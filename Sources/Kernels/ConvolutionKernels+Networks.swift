import CKernels

/// The parts of convolutional networks that are no matrix products.
extension ConvolutionKernels {
    /// Extent of a depthwise kernel in both directions.
    public static let depthwiseKernelSize = Int(VLM_DEPTHWISE_KERNEL)

    /// output[b, y, x, c] = bias[c] + Σ weight[i, j, c] · images[b, y + i − 3, x + j − 3, c], zero outside the image.
    ///
    /// A 7 × 7 convolution of each channel on its own. Images are height × width × channels, the weight is
    /// [7, 7, channels]; `output` has the images' shape and must not overlap them.
    public static func depthwise(
        _ images: FloatRegion, weight: FloatRegion, bias: FloatRegion, into output: FloatRegion, batchCount: Int,
        height: Int, width: Int, channelCount: Int
    ) {
        precondition(!output.overlaps(images), "depthwise convolution: the output overlaps the images")
        let count = batchCount * height * width * channelCount
        images.require(count, "depthwise convolution", "images")
        output.require(count, "depthwise convolution", "output")
        weight.require(depthwiseKernelSize * depthwiseKernelSize * channelCount, "depthwise convolution", "weight")
        bias.require(channelCount, "depthwise convolution", "bias")
        unsafe vlm_depthwise_convolution(
            images.pointer, weight.pointer, bias.pointer, output.pointer, batchCount, height, width, channelCount)
    }

    /// output[b, y, x, c] = mean of the size × size places of channel c from (y · size, x · size) on.
    ///
    /// Images are height × width × channels; places beyond the last whole square are not read.
    public static func averagePool(
        _ images: FloatRegion, into output: FloatRegion, batchCount: Int, height: Int, width: Int, channelCount: Int,
        size: Int
    ) {
        precondition(size > 0 && !output.overlaps(images), "average pool: size \(size), or the output overlaps")
        images.require(batchCount * height * width * channelCount, "average pool", "images")
        output.require(batchCount * (height / size) * (width / size) * channelCount, "average pool", "output")
        unsafe vlm_average_pool(images.pointer, output.pointer, batchCount, height, width, channelCount, size)
    }
}

extension RowKernels {
    /// output = max(0, input + bias + residual) in each row; a missing operand counts as zero, NaN stays.
    ///
    /// `output` may be `input` or `residual`.
    public static func rectify(
        _ input: FloatRegion, bias: FloatRegion?, residual: FloatRegion?, into output: FloatRegion, rowCount: Int,
        columnCount: Int
    ) {
        input.require(rowCount * columnCount, "rectifier", "input")
        output.require(rowCount * columnCount, "rectifier", "output")
        residual?.require(rowCount * columnCount, "rectifier", "residual")
        bias?.require(columnCount, "rectifier", "bias")
        unsafe vlm_rectify(
            input.pointer, bias?.pointer, residual?.pointer, output.pointer, rowCount, columnCount)
    }
}
