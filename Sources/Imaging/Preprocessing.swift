import Kernels
import Samples

/// From a picture of any size to the square of bytes that a model is given: resizing, cropping and padding exactly as
/// the reference pipelines do. Scaling by mean and standard deviation is left to the model's first layer.
///
///     let preprocessing = Preprocessing(size: 224, conversion: .afterResize)
///     let pixels = try preprocessing(decoding: bytes, orientation: .exif).bytes  // 224 × 224 × 3
public struct Preprocessing: Hashable, Sendable {
    /// How a picture that is not square becomes one.
    public enum ResizeMode: String, Hashable, Sendable, CaseIterable {
        /// Both sides to the size, ignoring the aspect ratio.
        case squash
        /// Short side to the size, long side to trunc(size · long / short), then the centre.
        case shortest
        /// Long side to the size, both rounded half to even, then padded with `fillLevel` around the centre.
        case longest
    }

    /// Which pixel the centre crop begins at when the surplus d is odd.
    public enum CropRounding: String, Hashable, Sendable, CaseIterable {
        /// round(d / 2), half to even: torchvision, open_clip.
        case halfToEven
        /// ⌊d / 2⌋: Hugging Face processors.
        case down
    }

    /// When a picture becomes RGB. It matters for palettes and 1-bit grey, which are resized without a filter, for alpha,
    /// ink and 16-bit grey, and for what pads ink and palettes; RGB and 8-bit grey come out the same.
    public enum Conversion: String, Hashable, Sendable, CaseIterable {
        /// Before it is resized: Hugging Face processors.
        case beforeResize
        /// After it is resized and cropped or padded in the mode of its file: OpenAI, open_clip.
        case afterResize
    }

    /// Columns and rows of the result.
    public let size: Int
    /// How the aspect ratio is treated.
    public let resizeMode: ResizeMode
    /// The kernel.
    public let filter: ResampleFilter
    /// Rounding of the centre crop; used by `shortest`.
    public let cropRounding: CropRounding
    /// When a picture becomes RGB.
    public let conversion: Conversion
    /// What every channel of the pixels is that pad `longest`, in the mode that is padded: 0 is black in RGB and white in
    /// CMYK.
    public let fillLevel: UInt8
    /// The release of Pillow whose pixels are made.
    public let release: PillowRelease

    /// Traps unless the size is at least 1.
    public init(
        size: Int, resizeMode: ResizeMode = .shortest, filter: ResampleFilter = .bicubic,
        cropRounding: CropRounding = .halfToEven, conversion: Conversion = .beforeResize, fillLevel: UInt8 = 0,
        release: PillowRelease = .twelve
    ) {
        precondition(size >= 1, "Preprocessing(size: \(size))")
        self.size = size
        self.resizeMode = resizeMode
        self.filter = filter
        self.cropRounding = cropRounding
        self.conversion = conversion
        self.fillLevel = fillLevel
        self.release = release
    }

    /// Decodes a whole file in memory, turns it upright, and makes it `size` × `size`, converting to RGB when the recipe
    /// says. This is the way from a file to a model's input; the other calls take pictures that are decoded already.
    ///
    /// Errors are those of `ImageDecoder.decode`, and so are memory and limits, but that a JPEG of one or three components
    /// is resized while it is decoded and never in memory whole.
    public func callAsFunction(
        decoding bytes: [UInt8], orientation: ImageDecoder.Orientation, decode: DecodeMode = .exact,
        limits: ImageLimits = .standard
    ) throws(ImagingError) -> PixelImage {
        var seconds = PreprocessingSeconds()
        return try self(
            decoding: bytes, orientation: orientation, decode: decode, limits: limits, seconds: &seconds)
    }

    /// The same, with its time added to `seconds`.
    public func callAsFunction(
        decoding bytes: [UInt8], orientation: ImageDecoder.Orientation, decode: DecodeMode = .exact,
        limits: ImageLimits = .standard, seconds: inout PreprocessingSeconds
    ) throws(ImagingError) -> PixelImage {
        let direct = try input(
            fromJPEG: bytes.span, orientation: orientation, decode: decode, limits: limits, seconds: &seconds)
        if let direct { return direct }
        let (image, stated) = try PreprocessingSeconds.measure(&seconds.decode) { () throws(ImagingError) in
            try ImageDecoder.load(bytes.span, keepsAlpha: conversion == .afterResize, limits)
        }
        return PreprocessingSeconds.measure(&seconds.resample) {
            let turn = orientation.resolved(stated)
            switch conversion {
            case .beforeResize: return self(image.convertedToRGB().oriented(turn))
            case .afterResize: return self(image.oriented(turn))
            }
        }
    }

    /// The picture, which is upright, at `size` × `size`, converted to RGB when the recipe says.
    public func callAsFunction(_ image: NativeImage) -> PixelImage {
        if conversion == .beforeResize { return self(image.convertedToRGB()) }
        let scaled = image.resizedInRGB(
            to: target(width: image.width, height: image.height), filter: filter, release: release)
        return padded(scaled, with: image.color(ofLevel: fillLevel))
    }

    /// The RGB picture, which is upright, at `size` × `size`. Only the columns and rows that remain after cropping are
    /// computed.
    public func callAsFunction(_ image: PixelImage) -> PixelImage {
        let target = target(width: image.width, height: image.height)
        let bytes = target.resampled(
            image.bytes, format: .rgb8, rowStride: 3 * image.width, width: image.width, height: image.height,
            columns: 0..<image.width, rows: 0..<image.height, filter: filter, release: release)
        return padded(
            PixelImage(width: target.columns.count, height: target.rows.count, bytes: bytes),
            with: PixelColor(red: fillLevel, green: fillLevel, blue: fillLevel))
    }

    /// The size a picture is scaled to and the part of it that remains.
    func target(width: Int, height: Int) -> ResizeTarget {
        let (width, height) = resizedSize(width: width, height: height)
        guard resizeMode == .shortest else { return ResizeTarget(width: width, height: height) }
        let (left, top) = (cropStart(width), cropStart(height))
        return ResizeTarget(width: width, height: height, columns: left..<left + size, rows: top..<top + size)
    }

    /// The size a picture is scaled to before cropping or padding.
    func resizedSize(width: Int, height: Int) -> (width: Int, height: Int) {
        precondition(width >= 1 && height >= 1, "Preprocessing of \(width) × \(height)")
        switch resizeMode {
        case .squash:
            return (size, size)
        case .shortest:
            let (short, long) = (min(width, height), max(width, height))
            if short == size { return (width, height) }
            let scaled = Int(Double(size * long) / Double(short))
            return width <= height ? (size, scaled) : (scaled, size)
        case .longest:
            let ratio = max(Double(height) / Double(size), Double(width) / Double(size))
            func scaled(_ side: Int) -> Int { max(1, Int((Double(side) / ratio).rounded(.toNearestOrEven))) }
            return (scaled(width), scaled(height))
        }
    }

    /// Offset of the centre crop on a side of `count` pixels.
    func cropStart(_ count: Int) -> Int {
        switch cropRounding {
        case .halfToEven: Int((Double(count - size) / 2).rounded(.toNearestOrEven))
        case .down: (count - size) / 2
        }
    }

    func padded(_ image: PixelImage, with color: PixelColor) -> PixelImage {
        if image.width == size, image.height == size { return image }
        var result = PixelImage(width: size, height: size, filledWith: color)
        let (left, top) = ((size - image.width) / 2, (size - image.height) / 2)
        for y in 0..<image.height {
            let target = 3 * ((top + y) * size + left)
            let source = 3 * y * image.width
            result.bytes.replaceSubrange(
                target..<target + 3 * image.width, with: image.bytes[source..<source + 3 * image.width])
        }
        return result
    }
}
