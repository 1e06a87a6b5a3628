import Kernels
import Samples

extension PixelImage {
    /// The part inside `box`. Traps unless the box lies wholly inside.
    public func cropped(to box: PixelBox) -> PixelImage {
        let (x, y, width, height) = checked(box)
        return rearranged(
            origin: 3 * (y * self.width + x), rowStep: 3 * self.width, columnStep: 3, width: width, height: height)
    }

    /// The mirror image, left and right exchanged.
    public func flippedHorizontally() -> PixelImage { oriented(.flippedHorizontally) }

    /// The picture turned upright: stored pixels moved as an EXIF orientation asks.
    ///
    /// The same as Pillow's `ImageOps.exif_transpose`. Width and height are exchanged if `orientation.swapsAxes`.
    public func oriented(_ orientation: ImageOrientation) -> PixelImage {
        let row = 3 * width
        let right = 3 * (width - 1)
        let bottom = row * (height - 1)
        // Where the upright picture's top left pixel is stored, and where its rows and columns run.
        let (origin, rowStep, columnStep) =
            switch orientation {
            case .upright: (0, row, 3)
            case .flippedHorizontally: (right, row, -3)
            case .rotated180: (bottom + right, -row, -3)
            case .flippedVertically: (bottom, -row, 3)
            case .transposed: (0, 3, row)
            case .rotated90Clockwise: (bottom, 3, -row)
            case .transversed: (bottom + right, -3, -row)
            case .rotated90CounterClockwise: (right, -3, row)
            }
        guard orientation != .upright else { return self }
        return rearranged(
            origin: origin, rowStep: rowStep, columnStep: columnStep, width: orientation.swapsAxes ? height : width,
            height: orientation.swapsAxes ? width : height)
    }

    private func rearranged(origin: Int, rowStep: Int, columnStep: Int, width: Int, height: Int) -> PixelImage {
        PixelImage(
            width: width, height: height,
            bytes: PixelRearrangement.rearrangedRGB8(
                bytes.span, origin: origin, rowStep: rowStep, columnStep: columnStep, width: width, height: height))
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
