import CKernels

/// A vision transformer's patch embedding straight from 8-bit pixels, in integers: y = normalised patch · Wᵀ + b.
///
/// A byte is an integer already, so nothing of the image is lost: normalisation is folded into the weights and the bias (in Double), and
/// the weights are the sum of two 8-bit matrices, the second of what the first leaves, which is 15 bits and a sign of each output
/// column's largest weight. Integer sums are exact, hence the same in any company and at every `ProductLevel`; y agrees with the
/// Float32 product to about 1e-5.
public final class PatchProduct: Sendable {
    private let coarse: QuantizedWeights
    private let fine: QuantizedWeights
    private let bias: FloatBuffer
    private let patchSize: Int

    /// Bytes of patches of this size can be summed.
    public static func supports(patchSize: Int) -> Bool { patchSize * patchSize * 3 <= QuantizedWeights.maximumDepth }

    /// Folds and quantises finite weights [columnCount, patch · patch · 3] (height, width, channel).
    public init(
        weight: WeightRegion, bias: FloatRegion?, columnCount: Int, patchSize: Int, normalization: PixelNormalization
    ) {
        precondition(Self.supports(patchSize: patchSize), "patches of \(patchSize) pixels in integers")
        let depth = patchSize * patchSize * 3
        weight.require(columnCount * depth, "patch product")
        bias?.require(columnCount, "patch product", "bias")
        self.patchSize = patchSize
        self.bias = FloatBuffer(count: columnCount)
        let (first, rest) = (FloatBuffer(count: columnCount * depth), FloatBuffer(count: columnCount * depth))
        // What a pixel of the value that integer sums start from is worth.
        let zeros = (0..<3).map {
            Double(VLM_PIXEL_ZERO) * Double(normalization.scale[$0]) + Double(normalization.shift[$0])
        }
        let scales = normalization.scale.map(Double.init)
        for column in 0..<columnCount {
            let row = weight.region(at: column * depth, count: depth).array
            var folded = [Double](repeating: 0, count: depth)
            var (sum, largest) = (bias.map { Double($0.buffer[$0.offset + column]) } ?? 0, 0.0)
            for place in 0..<depth {
                let value = Double(row[place])
                sum += value * zeros[place % 3]
                folded[place] = value * scales[place % 3]
                largest = max(largest, abs(folded[place]))
            }
            self.bias[column] = Float(sum)
            let step = largest / 127
            let steps = folded.map { step > 0 ? ($0 / step).rounded() * step : 0 }
            first.write(steps.map(Float.init), at: column * depth)
            rest.write(zip(folded, steps).map { Float($0 - $1) }, at: column * depth)
        }
        coarse = QuantizedWeights(WeightRegion(FloatRegion(first)), columnCount: columnCount, depth: depth)
        fine = QuantizedWeights(WeightRegion(FloatRegion(rest)), columnCount: columnCount, depth: depth)
    }

    /// Floats of scratch for `patchCount` patches.
    public func scratchCount(patchCount: Int) -> Int {
        QuantizedProduct.Scratch(rowCount: patchCount, weights: coarse).count
    }

    /// y [batch · patches, columnCount] of square RGB images of `imageSize` pixels a side, one after the other from `byteOffset` on.
    ///
    /// Pixels behind the last whole patch are left out. Traps when there are fewer bytes, or when `level` is above
    /// `ProductLevel.best`.
    public func apply(
        to pixels: [UInt8], from byteOffset: Int = 0, batchCount: Int, imageSize: Int, into y: FloatRegion,
        scratch: FloatRegion, level: ProductLevel = .best
    ) {
        precondition(level <= .best, "patch product: this machine has no \(level)")
        precondition(
            byteOffset >= 0 && batchCount * imageSize * imageSize * 3 <= pixels.count - byteOffset,
            "patches: \(pixels.count) bytes for \(batchCount) images of \(imageSize) pixels")
        let grid = imageSize / patchSize
        let patchCount = batchCount * grid * grid
        let columnCount = coarse.columnCount
        let ends = unsafe (
            ProductEnd(FloatRegion(bias), nil, nil, y, rowCount: patchCount, columnCount: columnCount),
            ProductEnd(nil, nil, y, y, rowCount: patchCount, columnCount: columnCount)
        )
        let sizes = QuantizedProduct.Scratch(rowCount: patchCount, weights: coarse)
        unsafe pixels.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            unsafe sizes.withRows(in: scratch, rowCount: patchCount) { rows, work in
                var rows = unsafe rows
                unsafe vlm_pack_patches(base + byteOffset, imageSize, patchSize, &rows, work, level.rawValue)
                unsafe coarse.withValue { weight in
                    var weight = unsafe weight
                    unsafe vlm_quantised_product(&rows, &weight, ends.0.value, work, level.rawValue)
                }
                unsafe fine.withValue { weight in
                    var weight = unsafe weight
                    unsafe vlm_quantised_product(&rows, &weight, ends.1.value, work, level.rawValue)
                }
            }
        }
    }
}
