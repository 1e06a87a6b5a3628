import Kernels

/// A size to scale pictures to, and the part of the result that is wanted: a resize followed by a crop, without the
/// pixels that the crop would drop.
struct ResizeTarget: Hashable, Sendable {
    /// The whole result's columns and rows.
    let width: Int
    let height: Int
    /// The part of it that is computed.
    let columns: Range<Int>
    let rows: Range<Int>

    /// Traps unless both sizes are at least 1 and the ranges, where given, lie inside and are not empty.
    init(width: Int, height: Int, columns: Range<Int>? = nil, rows: Range<Int>? = nil) {
        self.width = width
        self.height = height
        self.columns = columns ?? 0..<width
        self.rows = rows ?? 0..<height
        precondition(
            width >= 1 && height >= 1 && !self.columns.isEmpty && !self.rows.isEmpty && self.columns.lowerBound >= 0
                && self.columns.upperBound <= width && self.rows.lowerBound >= 0 && self.rows.upperBound <= height,
            "ResizeTarget: columns \(self.columns) and rows \(self.rows) of \(width) × \(height)")
    }

    /// The wanted part of a picture (or view of one) whose columns `columns` and rows `rows` are scaled to this size.
    func resampled(
        _ bytes: [UInt8], format: Resampling.PixelFormat, offset: Int = 0, rowStride: Int, width: Int, height: Int,
        columns sourceColumns: Range<Int>, rows sourceRows: Range<Int>, filter: ResampleFilter, release: PillowRelease,
        loops: Resampling.Loops = .fastest
    ) -> [UInt8] {
        Resampling.resampled(
            bytes.span, format: format, offset: offset, rowStride: rowStride, width: width, height: height,
            columns: Self.axis(
                sourceCount: width, box: sourceColumns, targetCount: self.width, targets: columns, filter: filter,
                tapAlignment: 4),
            rows: Self.axis(
                sourceCount: height, box: sourceRows, targetCount: self.height, targets: rows, filter: filter,
                tapAlignment: 1),
            order: release.passOrder(
                width: width, height: height, targetWidth: self.width, targetHeight: self.height), loops: loops)
    }

    /// `nil` where the pass would copy: same size, whole box, all targets.
    private static func axis(
        sourceCount: Int, box: Range<Int>, targetCount: Int, targets: Range<Int>, filter: ResampleFilter,
        tapAlignment: Int
    ) -> ResampleAxis? {
        if box == 0..<sourceCount, targetCount == sourceCount, targets == 0..<targetCount { return nil }
        return ResampleAxis(
            sourceCount: sourceCount, box: box, targetCount: targetCount, targets: targets, filter: filter,
            tapAlignment: tapAlignment)
    }
}
