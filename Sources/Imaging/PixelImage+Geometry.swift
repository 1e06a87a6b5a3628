import Kernels
import Samples

extension PixelImage {
    /// The part inside `box`. Traps unless the box lies wholly inside.
    public func cropped(to box: PixelBox) -> PixelImage {
        let (x, y, width, height) = checked(box)
        return PixelImage(
            width: width, height: height,
            bytes: PixelRearrangement.rearranged(
                bytes.span, pixelByteCount: 3, origin: 3 * (y * self.width + x), rowStep: 3 * self.width, columnStep: 3,
                width: width, height: height))
    }

    /// The mirror image, left and right exchanged.
    public func flippedHorizontally() -> PixelImage { oriented(.flippedHorizontally) }

    /// The picture turned upright: stored pixels moved as an EXIF orientation asks.
    ///
    /// The same as Pillow's `ImageOps.exif_transpose`. Width and height are exchanged if `orientation.swapsAxes`.
    public func oriented(_ orientation: ImageOrientation) -> PixelImage {
        guard orientation != .upright else { return self }
        return PixelImage(
            width: orientation.swapsAxes ? height : width, height: orientation.swapsAxes ? width : height,
            bytes: orientation.applied(to: bytes, pixelByteCount: 3, width: width, height: height))
    }

    /// The box as integers. Traps unless it lies wholly inside.
    func checked(_ box: PixelBox) -> (x: Int, y: Int, width: Int, height: Int) {
        let (x, y, width, height) = (Int(box.x), Int(box.y), Int(box.width), Int(box.height))
        precondition(
            x + width <= self.width && y + height <= self.height,
            "box \(box.array) is not inside \(self.width) × \(self.height)")
        return (x, y, width, height)
    }
}
