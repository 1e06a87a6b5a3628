import CKernels

/// Products y = f(x·Wᵀ + b) + residual of packed rows with row-major weights [columns, depth], on the calling thread.
///
/// Register tiles of 12 rows by 32 columns; bias, activation and residual are applied to a tile while it is in the first cache.
/// The weights of 32 columns at a time are transposed into `panel`, which costs six hundredths of a product of 300 rows and spares a
/// second copy of the weights. Weights of 16 bits are widened on that way: a query, which waits for its weights, reads half as much.
///
/// **Same result.** An element is one sum in the order of depth, in runs of 384 terms that are then added: it depends on its own row
/// and column alone, whatever it is computed together with. AVX2 and AVX-512 agree in every bit; `ProductLevel.plain` rounds
/// products and may differ in the last bits.
public enum PanelProduct {
    /// Columns that are worked on together.
    public static let panelColumnCount = Int(VLM_PANEL_COLUMNS)
    /// Rows of a tile: the memory of packed rows is a multiple of it.
    public static let panelRowCount = Int(VLM_PANEL_ROWS)

    /// Floats of packed rows.
    public static func packedCount(rowCount: Int, depth: Int) -> Int { vlm_packed_row_count(rowCount, depth) }

    /// Floats of the scratch that `multiply` needs.
    public static func panelCount(depth: Int) -> Int { depth * panelColumnCount }

    /// packed = rows of x [rowCount, depth], dense, in the order that tiles read.
    public static func pack(_ x: FloatRegion, into packed: FloatRegion, rowCount: Int, depth: Int) {
        x.require(rowCount * depth, "pack rows", "rows")
        packed.require(packedCount(rowCount: rowCount, depth: depth), "pack rows", "packed rows")
        unsafe vlm_pack_rows(x.pointer, depth, rowCount, depth, packed.pointer)
    }

    /// y [rowCount, columnCount] = f(x·Wᵀ + b) + residual; what is missing counts as zero, no activation as f(s) = s.
    ///
    /// `residual` may be `y`. Traps when `level` is above `ProductLevel.best`.
    ///
    /// - Parameter stride: Floats from row to row of y and of the residual; nil where they are dense.
    public static func multiply(
        packed: FloatRegion, by weight: WeightRegion, bias: FloatRegion? = nil, activation: ActivationFunction? = nil,
        residual: FloatRegion? = nil, into y: FloatRegion, stride: Int? = nil, rowCount: Int, columnCount: Int,
        depth: Int, panel: FloatRegion, level: ProductLevel = .best
    ) {
        precondition(level <= .best, "panel product: this machine has no \(level)")
        packed.require(packedCount(rowCount: rowCount, depth: depth), "panel product", "packed rows")
        weight.require(columnCount * depth, "panel product")
        panel.require(panelCount(depth: depth), "panel product", "panel")
        let end = unsafe ProductEnd(
            bias, activation, residual, y, stride: stride, rowCount: rowCount, columnCount: columnCount)
        unsafe vlm_panel_product(
            packed.pointer, rowCount, weight.value, columnCount, depth, end.value, panel.pointer, level.rawValue)
    }
}

/// What becomes of the sums of a product, checked; its pointers hold while the regions live.
@unsafe
struct ProductEnd {
    let value: vlm_product_end

    init(
        _ bias: FloatRegion?, _ activation: ActivationFunction?, _ residual: FloatRegion?, _ y: FloatRegion,
        stride: Int? = nil, rowCount: Int, columnCount: Int
    ) {
        let stride = stride ?? columnCount
        precondition(stride >= columnCount, "panel product: rows of \(columnCount) columns with a stride of \(stride)")
        let count = rowCount == 0 ? 0 : (rowCount - 1) * stride + columnCount
        y.require(count, "panel product", "result")
        bias?.require(columnCount, "panel product", "bias")
        residual?.require(count, "panel product", "residual")
        unsafe value = vlm_product_end(
            bias: bias?.pointer, residual: residual?.pointer, out: y.pointer, out_stride: stride,
            activation: activation?.code ?? Int32(VLM_ACTIVATION_NONE))
    }
}
