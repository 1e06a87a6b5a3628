import CKernels

/// Products y = f(x·Wᵀ + b) + residual in 8-bit integers, on the calling thread.
///
/// Each row of x is quantised by its own range, x ≈ scale · (q − zero) with 0 ≤ q ≤ 255, the weights beforehand. Integer sums are
/// exact, so that every `ProductLevel` and every company of rows gives the same; what follows in Float32 is the same for AVX2 and
/// above, and within rounding below. A row that is not finite gives a row of NaN.
public enum QuantizedProduct {
    /// The memory that a product needs, in floats.
    public struct Scratch: Sendable {
        let packed: Int
        let rows: Int
        let side: Int
        let row: Int

        /// For `rowCount` rows times `weights`.
        public init(rowCount: Int, weights: QuantizedWeights) {
            packed = vlm_quantised_row_size(rowCount, weights.depth) / MemoryLayout<Float>.stride
            rows = vlm_packed_row_count(rowCount, 1)
            side = rows * weights.outliers.count
            row = vlm_quantise_scratch_count(weights.depth)
        }

        /// All of it.
        public var count: Int { packed + 2 * rows + side + row }
    }

    /// y [rowCount, columnCount] = f(x·Wᵀ + b) + residual for dense rows x; what is missing counts as zero, no activation as
    /// f(s) = s.
    ///
    /// `residual` may be `y`. Traps when `level` is above `ProductLevel.best`.
    public static func multiply(
        _ x: FloatRegion, by weights: QuantizedWeights, bias: FloatRegion? = nil,
        activation: ActivationFunction? = nil, residual: FloatRegion? = nil, into y: FloatRegion, rowCount: Int,
        scratch: FloatRegion, level: ProductLevel = .best
    ) {
        precondition(level <= .best, "quantised product: this machine has no \(level)")
        let sizes = Scratch(rowCount: rowCount, weights: weights)
        x.require(rowCount * weights.depth, "quantised product", "rows")
        scratch.require(sizes.count, "quantised product", "scratch")
        let end = unsafe ProductEnd(bias, activation, residual, y, rowCount: rowCount, columnCount: weights.columnCount)
        // The parts of the scratch follow each other; C alone reads and writes the integers in it.
        let base = unsafe scratch.pointer
        let zeros = unsafe base + sizes.packed + sizes.rows
        unsafe weights.withValue { weight in
            var rows = unsafe vlm_quantised_rows(
                rows: rowCount, packed: UnsafeMutableRawPointer(base).assumingMemoryBound(to: UInt8.self),
                scales: base + sizes.packed,
                zeros: UnsafeMutableRawPointer(zeros).assumingMemoryBound(to: Int32.self), side: zeros + sizes.rows)
            var weight = unsafe weight
            unsafe vlm_quantise_rows(x.pointer, &weight, &rows, zeros + sizes.rows + sizes.side)
            unsafe vlm_quantised_product(&rows, &weight, end.value, level.rawValue)
        }
    }
}
