import CKernels

/// What both sides of a product are rounded to.
public enum IntegerWidth: Sendable, CaseIterable {
    /// Weights from −127 to 127, rows from 0 to 255.
    case bytes
    /// Both to as many steps either way as exact sums in 32 bits allow: 1672 for 768 columns, at most 32,767. Half as fast.
    case words
}

/// The weights of a product in integers, one scale for each output column, packed for `QuantizedProduct`.
///
/// Columns of the input that are much larger than the rest ("outliers") would take the range of a row from all others: their
/// weights stay in Float32, and a product adds their part in Float32. Immutable; a quarter of the Float32 weights' memory, or half.
public final class QuantizedWeights: Sendable {
    /// Output columns.
    public let columnCount: Int
    /// Input columns.
    public let depth: Int
    /// What weights, and the rows that they are multiplied with, are rounded to.
    public let width: IntegerWidth
    /// The input columns that stay in Float32, ascending.
    public let outliers: [Int32]

    private let packed: FloatBuffer
    private let scales: FloatBuffer
    private let sums: FloatBuffer
    private let side: FloatBuffer

    /// Sums of products of at most this many columns are exact.
    public static let maximumDepth = Int(VLM_QUANTISED_DEPTH_LIMIT)

    /// Quantises finite row-major weights [columnCount, depth].
    ///
    /// - Parameter outliers: places along `depth`, ascending and different.
    public init(
        _ weight: WeightRegion, columnCount: Int, depth: Int, outliers: [Int32] = [], width: IntegerWidth = .bytes
    ) {
        precondition(depth <= Self.maximumDepth, "quantised weights of \(depth) input columns")
        precondition(
            zip(outliers, outliers.dropFirst()).allSatisfy { $0 < $1 }
                && outliers.allSatisfy { $0 >= 0 && $0 < depth },
            "outlier columns \(outliers) of \(depth)")
        weight.require(columnCount * depth, "quantise")
        self.columnCount = columnCount
        self.depth = depth
        self.width = width
        self.outliers = outliers
        let panel = PanelProduct.panelColumnCount
        let paddedCount = (columnCount + panel - 1) / panel * panel
        packed = FloatBuffer(count: vlm_quantised_weight_size(columnCount, depth, width == .words ? 1 : 0))
        scales = FloatBuffer(count: paddedCount)
        sums = FloatBuffer(count: paddedCount)
        side = FloatBuffer(count: paddedCount * outliers.count)
        let scratch = FloatBuffer(count: vlm_quantised_scratch_count(depth))
        unsafe withValue { value in
            unsafe withUnsafePointer(to: value) { unsafe vlm_quantise_weight(weight.value, $0, scratch.storage) }
        }
    }

    /// Passes the weights to C, which alone reads and writes the integers in these buffers; valid for the call.
    @unsafe
    func withValue<Result>(_ body: (vlm_quantised_weight) -> Result) -> Result {
        unsafe outliers.withUnsafeBufferPointer { outliers in
            unsafe body(
                vlm_quantised_weight(
                    columns: columnCount, depth: depth, has_words: width == .words ? 1 : 0,
                    outlier_count: outliers.count, outliers: outliers.baseAddress,
                    packed: packed.bytes.assumingMemoryBound(to: UInt32.self), scales: scales.storage,
                    sums: sums.bytes.assumingMemoryBound(to: Int32.self), side: side.storage))
        }
    }
}

extension FloatBuffer {
    /// The memory as bytes.
    var bytes: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(storage) }
}
