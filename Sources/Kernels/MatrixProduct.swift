import COpenBLAS

/// Float32 matrix products by OpenBLAS, each on the calling thread.
///
/// Callers run slices on threads of their own; a product that spread over threads as well would only get in their way.
/// OpenBLAS is set to one thread when the first product runs, or before by `useCallingThread`.
public enum MatrixProduct {
    /// Runs once: it acts on the whole process.
    private static let singleThreaded: Void = vlm_blas_use_calling_thread()

    /// Ends the threads that OpenBLAS starts when a program is loaded: until they sleep, about 100 ms, they take the cores
    /// from whatever a short command does.
    public static func useCallingThread() { _ = singleThreaded }

    /// C = alpha · op(A) · op(B) + beta · C for row-major matrices.
    ///
    /// op(A) is [rowCount, depth] and op(B) is [depth, columnCount]; a transposed operand is stored as [depth, rowCount] or
    /// [columnCount, depth]. With beta 0 the old values of C are not read. C must not overlap A or B.
    ///
    /// - Parameters:
    ///   - leftStride: floats from row to row of A as stored; nil for a dense matrix. Likewise for B and C.
    public static func multiply(
        _ left: FloatRegion, isLeftTransposed: Bool = false, leftStride: Int? = nil,
        by right: FloatRegion, isRightTransposed: Bool = false, rightStride: Int? = nil,
        into result: FloatRegion, resultStride: Int? = nil,
        rowCount: Int, columnCount: Int, depth: Int, alpha: Float = 1, beta: Float = 0
    ) {
        guard rowCount > 0, columnCount > 0 else { return }
        let leftShape = isLeftTransposed ? (rows: depth, columns: rowCount) : (rows: rowCount, columns: depth)
        let rightShape = isRightTransposed ? (rows: columnCount, columns: depth) : (rows: depth, columns: columnCount)
        let leftStride = leftStride ?? leftShape.columns
        let rightStride = rightStride ?? rightShape.columns
        let resultStride = resultStride ?? columnCount
        check(left, leftShape.rows, leftShape.columns, leftStride, "left operand")
        check(right, rightShape.rows, rightShape.columns, rightStride, "right operand")
        check(result, rowCount, columnCount, resultStride, "result")
        _ = singleThreaded
        unsafe cblas_sgemm(
            CblasRowMajor, isLeftTransposed ? CblasTrans : CblasNoTrans, isRightTransposed ? CblasTrans : CblasNoTrans,
            blasint(rowCount), blasint(columnCount), blasint(depth), alpha, left.pointer,
            blasint(max(1, leftStride)), right.pointer, blasint(max(1, rightStride)), beta, result.pointer,
            blasint(max(1, resultStride)))
    }

    /// y = y + alpha · op(A) · x for a dense row-major matrix A [rowCount, columnCount].
    ///
    /// Products of several rows give a row other bits in another place, which OpenBLAS's loops for some CPUs treat otherwise;
    /// one vector at a time gets the same wherever it stands. x and y must not overlap.
    public static func addProduct(
        of matrix: FloatRegion, isTransposed: Bool = false, and x: FloatRegion, to y: FloatRegion, rowCount: Int,
        columnCount: Int, alpha: Float = 1
    ) {
        guard rowCount > 0, columnCount > 0 else { return }
        check(matrix, rowCount, columnCount, columnCount, "matrix")
        x.require(isTransposed ? rowCount : columnCount, "matrix times vector", "vector")
        y.require(isTransposed ? columnCount : rowCount, "matrix times vector", "result")
        _ = singleThreaded
        unsafe cblas_sgemv(
            CblasRowMajor, isTransposed ? CblasTrans : CblasNoTrans, blasint(rowCount), blasint(columnCount), alpha,
            matrix.pointer, blasint(columnCount), x.pointer, 1, 1, y.pointer, 1)
    }

    private static func check(_ region: FloatRegion, _ rows: Int, _ columns: Int, _ stride: Int, _ role: StaticString) {
        precondition(
            stride >= columns && rows <= Int(Int32.max) && stride <= Int(Int32.max),
            "matrix product: \(role) [\(rows), \(columns)] with a row stride of \(stride)")
        guard rows > 0, columns > 0 else { return }
        region.require((rows - 1) * stride + columns, "matrix product", role)
    }
}
