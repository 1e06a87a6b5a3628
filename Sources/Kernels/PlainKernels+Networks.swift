extension PlainKernels {
    /// bias[c] + Σ weight[i, j, c] · images[b, y + i − k/2, x + j − k/2, c] for an odd kernel size k, zero outside the image.
    public static func depthwise(
        _ images: [Scalar], weight: [Scalar], bias: [Scalar], batchCount: Int, height: Int, width: Int,
        channelCount: Int, kernelSize: Int
    ) -> [Scalar] {
        (0..<batchCount * height * width * channelCount).map { index in
            let channel = index % channelCount
            let column = index / channelCount % width
            let row = index / (channelCount * width) % height
            let image = index / (channelCount * width * height)
            var sum = bias[channel]
            for place in 0..<kernelSize * kernelSize {
                let y = row + place / kernelSize - kernelSize / 2
                let x = column + place % kernelSize - kernelSize / 2
                guard y >= 0, y < height, x >= 0, x < width else { continue }
                sum +=
                    weight[place * channelCount + channel]
                    * images[((image * height + y) * width + x) * channelCount + channel]
            }
            return sum
        }
    }

    /// The mean of each whole size × size square of places per channel.
    public static func averagePool(
        _ images: [Scalar], batchCount: Int, height: Int, width: Int, channelCount: Int, size: Int
    ) -> [Scalar] {
        let (rowCount, columnCount) = (height / size, width / size)
        return (0..<batchCount * rowCount * columnCount * channelCount).map { index in
            let channel = index % channelCount
            let column = index / channelCount % columnCount
            let row = index / (channelCount * columnCount) % rowCount
            let image = index / (channelCount * columnCount * rowCount)
            return (0..<size * size).reduce(0) { sum, place in
                let y = row * size + place / size
                let x = column * size + place % size
                return sum + images[((image * height + y) * width + x) * channelCount + channel]
            } / Scalar(size * size)
        }
    }

    /// max(0, x + bias + residual) per row of columnCount values.
    public static func rectify(_ x: [Scalar], bias: [Scalar]?, residual: [Scalar]?, columnCount: Int) -> [Scalar] {
        x.indices.map { max(0, x[$0] + (bias?[$0 % columnCount] ?? 0) + (residual?[$0] ?? 0)) }
    }
}
