import Kernels
import Samples

extension PixelImage {
    /// What the kernel sees beyond the box that is resized.
    public enum BoxEdges: Sendable {
        /// Nothing: as if the picture had been cropped to the box first. This is torchvision's `resized_crop`.
        case cut
        /// The neighbouring pixels of the picture. This is Pillow's `resize(size, box=box)`.
        case readAcross
    }

    /// The picture, or a box of it, at another size, bit for bit as Pillow's `Image.resize` makes it.
    ///
    /// Fixed-point arithmetic in two passes, columns first, with an 8-bit picture between (rows first where Pillow ≥
    /// 12.2 does so: pictures over 100 times as tall as wide whose height shrinks). A pass that changes nothing is
    /// skipped. The crop is never made as a picture of its own. Traps unless both sizes are at least 1 and the box lies
    /// inside.
    ///
    ///     let view = image.resized(width: 224, height: 224, filter: .bicubic)
    public func resized(
        width: Int, height: Int, filter: ResampleFilter, from box: PixelBox? = nil, edges: BoxEdges = .cut,
        loops: Resampling.Loops = .fastest
    ) -> PixelImage {
        resized(
            width: width, height: height, filter: filter, from: box, edges: edges, targetColumns: 0..<width,
            targetRows: 0..<height, loops: loops)
    }

    /// The same, of which only the given target columns and rows are computed: `resized` followed by a crop, without
    /// the pixels that the crop would drop.
    public func resized(
        width: Int, height: Int, filter: ResampleFilter, from box: PixelBox? = nil, edges: BoxEdges = .cut,
        targetColumns: Range<Int>, targetRows: Range<Int>, loops: Resampling.Loops = .fastest
    ) -> PixelImage {
        precondition(width >= 1 && height >= 1, "resized(width: \(width), height: \(height))")
        let whole = (x: 0, y: 0, width: self.width, height: self.height)
        let part = box.map { checked($0) } ?? whole
        // The view the kernel may read, and the box within it.
        let view = edges == .cut ? part : whole
        let columns = Self.axis(
            sourceCount: view.width, box: part.x - view.x..<part.x - view.x + part.width, targetCount: width,
            targets: targetColumns, filter: filter, tapAlignment: 4)
        let rows = Self.axis(
            sourceCount: view.height, box: part.y - view.y..<part.y - view.y + part.height, targetCount: height,
            targets: targetRows, filter: filter, tapAlignment: 1)
        let isVeryTall = view.height > view.width * 100 && height < view.height
        let bytes = Resampling.resampledRGB8(
            self.bytes.span, offset: 3 * (view.y * self.width + view.x), rowStride: 3 * self.width, width: view.width,
            height: view.height, columns: columns, rows: rows, order: isVeryTall ? .rowsFirst : .columnsFirst,
            loops: loops)
        return PixelImage(width: targetColumns.count, height: targetRows.count, bytes: bytes)
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
