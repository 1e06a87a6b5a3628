import Kernels
import Samples

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Crops a random part and scales it: the training transform of CLIP-like models.
///
/// The box is drawn as torchvision's `RandomResizedCrop.get_params` does: ten times a share of the area, uniform in
/// `scale`, and an aspect ratio (width / height), uniform in its logarithm; the first that fits, at a uniform place;
/// else the largest centred box within the ratios. The crop is made before the kernel runs, so that nothing outside
/// the box is seen.
public struct RandomResizedCrop: Hashable, Sendable {
    /// Columns and rows of the result.
    public let size: Int
    /// Least and greatest share of the area.
    public let scale: ClosedRange<Double>
    /// Least and greatest width / height.
    public let ratio: ClosedRange<Double>
    /// The kernel.
    public let filter: ResampleFilter

    /// The defaults are open_clip's. Traps unless the size is at least 1 and both ranges are positive.
    public init(
        size: Int, scale: ClosedRange<Double> = 0.9...1, ratio: ClosedRange<Double> = 0.75...(4.0 / 3),
        filter: ResampleFilter = .bicubic
    ) {
        precondition(
            size >= 1 && scale.lowerBound > 0 && ratio.lowerBound > 0,
            "RandomResizedCrop(size: \(size), scale: \(scale), ratio: \(ratio))")
        self.size = size
        self.scale = scale
        self.ratio = ratio
        self.filter = filter
    }

    /// Draws a box inside a picture of this size.
    public func box(width: Int, height: Int, using generator: inout SeededGenerator) -> PixelBox {
        precondition(width >= 1 && height >= 1, "RandomResizedCrop.box(width: \(width), height: \(height))")
        let area = Double(width) * Double(height)
        let logRatio = log(ratio.lowerBound)...log(ratio.upperBound)
        for _ in 0..<10 {
            let targetArea = area * generator.uniform(in: scale)
            let aspect = exp(generator.uniform(in: logRatio))
            let boxWidth = Int((targetArea * aspect).squareRoot().rounded(.toNearestOrEven))
            let boxHeight = Int((targetArea / aspect).squareRoot().rounded(.toNearestOrEven))
            guard boxWidth > 0, boxWidth <= width, boxHeight > 0, boxHeight <= height else { continue }
            let y = generator.integer(below: height - boxHeight + 1)
            let x = generator.integer(below: width - boxWidth + 1)
            return PixelBox(x: Int32(x), y: Int32(y), width: Int32(boxWidth), height: Int32(boxHeight))
        }
        return fallbackBox(width: width, height: height)
    }

    /// The largest centred box whose ratio is allowed.
    func fallbackBox(width: Int, height: Int) -> PixelBox {
        let aspect = Double(width) / Double(height)
        var (boxWidth, boxHeight) = (width, height)
        if aspect < ratio.lowerBound {
            boxHeight = Int((Double(width) / ratio.lowerBound).rounded(.toNearestOrEven))
        } else if aspect > ratio.upperBound {
            boxWidth = Int((Double(height) * ratio.upperBound).rounded(.toNearestOrEven))
        }
        boxWidth = min(max(boxWidth, 1), width)
        boxHeight = min(max(boxHeight, 1), height)
        return PixelBox(
            x: Int32((width - boxWidth) / 2), y: Int32((height - boxHeight) / 2), width: Int32(boxWidth),
            height: Int32(boxHeight))
    }

    /// A random part of the picture at `size` × `size`.
    public func callAsFunction(_ image: PixelImage, using generator: inout SeededGenerator) -> PixelImage {
        let box = box(width: image.width, height: image.height, using: &generator)
        return image.resized(width: size, height: size, filter: filter, from: box)
    }
}
