/// Resampling of a picture whose rows arrive from the top, without the picture in memory.
///
/// The result equals that of `Resampling.resampled`, byte for byte. Memory: columns first, the rows that are needed at the
/// target's width; rows first, the target's rows at the source's width and as many rows as one window has.
public struct ResampleStream: Sendable {
    private let columns: ResampleAxis
    private let rows: ResampleAxis
    private let order: Resampling.PassOrder
    private let format: Resampling.PixelFormat
    private let sourceStride: Int
    /// What the first pass made.
    private var middle: [UInt8] = []
    /// Rows first: source rows that are still needed, and the number of the first of them.
    private var pending: [UInt8] = []
    private var firstPendingRow = 0
    /// Rows first: target rows that are done.
    private var doneRowCount = 0
    /// Source rows that have come.
    public private(set) var rowCount = 0

    /// A stream for a picture of `columns.sourceCount` × `rows.sourceCount` pixels.
    public init(
        format: Resampling.PixelFormat, columns: ResampleAxis, rows: ResampleAxis, order: Resampling.PassOrder
    ) {
        self.format = format
        self.columns = columns
        self.rows = rows
        self.order = order
        sourceStride = format.byteCount * columns.sourceCount
        switch order {
        case .columnsFirst: middle.reserveCapacity(format.byteCount * columns.targetCount * rows.sourceCount)
        case .rowsFirst: middle.reserveCapacity(sourceStride * rows.targetCount)
        }
    }

    /// Takes the next rows, without padding between them. Traps if they are more than are missing.
    public mutating func append(_ strip: Span<UInt8>) {
        let count = strip.count / sourceStride
        precondition(
            count * sourceStride == strip.count && rowCount + count <= rows.sourceCount,
            "ResampleStream: \(strip.count) bytes after \(rowCount) rows of \(rows.sourceCount)")
        guard count > 0 else { return }
        rowCount += count
        switch order {
        case .columnsFirst:
            middle += Resampling.resampled(
                strip, format: format, rowStride: sourceStride, width: columns.sourceCount, height: count,
                columns: columns, rows: nil)
        case .rowsFirst:
            unsafe strip.withUnsafeBufferPointer { unsafe pending.append(contentsOf: $0) }
            makeRows()
        }
    }

    /// Target height × target width pixels. Traps unless all rows have come.
    public consuming func finish() -> [UInt8] {
        precondition(rowCount == rows.sourceCount, "ResampleStream: \(rowCount) rows of \(rows.sourceCount)")
        switch order {
        case .columnsFirst:
            return Resampling.resampled(
                middle.span, format: format, rowStride: format.byteCount * columns.targetCount,
                width: columns.targetCount, height: rows.sourceCount, columns: nil, rows: rows)
        case .rowsFirst:
            return Resampling.resampled(
                middle.span, format: format, rowStride: sourceStride, width: columns.sourceCount,
                height: rows.targetCount, columns: columns, rows: nil)
        }
    }

    /// Makes the target rows whose source rows have all come, and drops what no later one needs.
    private mutating func makeRows() {
        let ready = rows.targets(from: doneRowCount, within: rowCount)
        if !ready.isEmpty {
            middle += Resampling.resampled(
                pending.span, format: format, rowStride: sourceStride, width: columns.sourceCount,
                height: rowCount - firstPendingRow, columns: nil,
                rows: rows.part(ready, of: firstPendingRow..<rowCount))
            doneRowCount = ready.upperBound
        }
        let needed = doneRowCount < rows.targetCount ? rows.start(ofTarget: doneRowCount) : rowCount
        let dropped = min(needed, rowCount) - firstPendingRow
        if dropped > 0 {
            pending.removeFirst(dropped * sourceStride)
            firstPendingRow += dropped
        }
    }
}
