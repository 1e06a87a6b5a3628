import CKernels

/// Products y = f(x·Wᵀ + b) + residual in integers, on the calling thread.
///
/// Each row of x is quantised by its own range, x ≈ scale · (q − zero), to bytes or words as the weights are. Integer sums are exact, so that every `ProductLevel` and every company of rows gives the same; what follows in Float32 is the same for AVX2 and
/// above, and within rounding below. A row that is not finite gives a row of NaN.
public enum QuantizedProduct {
    /// The memory that a product needs, in floats.
    public struct Scratch: Sendable {
        let packed: Int
        let rows: Int
        let side: Int
        let work: Int

        /// For `rowCount` rows times `weights`.
        public init(rowCount: Int, weights: QuantizedWeights) {
            packed = vlm_quantised_row_size(rowCount, weights.depth)
            rows = vlm_packed_row_count(rowCount, 1)
            side = rows * weights.outliers.count
            work = vlm_quantised_scratch_count(weights.depth)
        }

        /// All of it.
        public var count: Int { packed + 2 * rows + side + work }
    }

    /// y [rowCount, columnCount] = f(x·Wᵀ + b) + residual for dense rows x; what is missing counts as zero, no activation as
    /// f(s) = s.
    ///
    /// `residual` may be `y`. Behind weights in bytes the exact GELU is computed to 9e-5, since its results are rounded to 8 bits next.
    /// Traps when `level` is above `ProductLevel.best`.
    public static func multiply(
        _ x: FloatRegion, by weights: QuantizedWeights, bias: FloatRegion? = nil,
        activation: ActivationFunction? = nil, residual: FloatRegion? = nil, into y: FloatRegion, rowCount: Int,
        scratch: FloatRegion, level: ProductLevel = .best
    ) {
        precondition(level <= .best, "quantised product: this machine has no \(level)")
        x.require(rowCount * weights.depth, "quantised product", "rows")
        let end = unsafe ProductEnd(bias, activation, residual, y, rowCount: rowCount, columnCount: weights.columnCount)
        unsafe Scratch(rowCount: rowCount, weights: weights).withRows(in: scratch, rowCount: rowCount) { rows, work in
            unsafe weights.withValue { weight in
                var weight = unsafe weight
                var rows = unsafe rows
                unsafe vlm_quantise_rows(x.pointer, &weight, &rows, work, level.rawValue)
                unsafe vlm_quantised_product(&rows, &weight, end.value, work, level.rawValue)
            }
        }
    }
}

extension QuantizedProduct.Scratch {
    /// Passes the places of quantised rows, and of what making and multiplying them needs, to C, which alone reads and writes the integers there.
    @unsafe
    func withRows(
        in scratch: FloatRegion, rowCount: Int, _ body: (vlm_quantised_rows, UnsafeMutablePointer<Float>) -> Void
    ) {
        scratch.require(count, "quantised product", "scratch")
        // The parts follow each other.
        let base = unsafe scratch.pointer
        let zeros = unsafe base + packed + rows
        unsafe body(
            vlm_quantised_rows(
                rows: rowCount, packed: UnsafeMutableRawPointer(base).assumingMemoryBound(to: UInt32.self),
                scales: base + packed, zeros: UnsafeMutableRawPointer(zeros).assumingMemoryBound(to: Int32.self),
                side: zeros + rows), zeros + rows + side)
    }
}
