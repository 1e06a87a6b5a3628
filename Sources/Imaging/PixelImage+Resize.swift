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
    /// Fixed-point arithmetic in two passes with an 8-bit picture between, whose order `release` decides. A pass that
    /// changes nothing is skipped. The crop is never made as a picture of its own. Traps unless both sizes are at least 1
    /// and the box lies inside.
    ///
    ///     let view = image.resized(width: 224, height: 224, filter: .bicubic)
    public func resized(
        width: Int, height: Int, filter: ResampleFilter, from box: PixelBox? = nil, edges: BoxEdges = .cut,
        release: PillowRelease = .twelve, loops: Resampling.Loops = .fastest
    ) -> PixelImage {
        let target = ResizeTarget(width: width, height: height)
        let whole = (x: 0, y: 0, width: self.width, height: self.height)
        let part = box.map { checked($0) } ?? whole
        // The view the kernel may read, and the box within it.
        let view = edges == .cut ? part : whole
        let bytes = target.resampled(
            self.bytes, format: .rgb8, offset: 3 * (view.y * self.width + view.x), rowStride: 3 * self.width,
            width: view.width, height: view.height, columns: part.x - view.x..<part.x - view.x + part.width,
            rows: part.y - view.y..<part.y - view.y + part.height, filter: filter, release: release, loops: loops)
        return PixelImage(width: width, height: height, bytes: bytes)
    }
}
