import Kernels
import Samples

/// A decoded picture in the mode in which its file stores it, for recipes that resize before they convert to RGB.
///
/// Only what changes the resized pixels is told apart: 8-bit grey counts as `rgb` and grey with alpha as `rgba`, since
/// each channel is resized alike.
public struct NativeImage: Hashable, Sendable {
    /// What the bytes of a pixel mean.
    public enum Mode: Hashable, Sendable {
        /// Red, green, blue.
        case rgb
        /// Red, green, blue, alpha; colour is not multiplied by alpha.
        case rgba
        /// Cyan, magenta, yellow, black; 255 is full ink.
        case cmyk
        /// One 16-bit number in the byte order of the machine.
        case grey16
        /// A number into a palette of 256 RGB colours, 768 bytes. Also 1-bit grey: 0 is black, all others white.
        case indexed(palette: [UInt8])

        /// Bytes per pixel.
        public var pixelByteCount: Int {
            switch self {
            case .rgb: 3
            case .rgba, .cmyk: 4
            case .grey16: 2
            case .indexed: 1
            }
        }
    }

    /// What the bytes mean.
    public let mode: Mode
    /// Columns, at least 1.
    public let width: Int
    /// Rows, at least 1.
    public let height: Int
    /// Rows from the top, pixels from the left, without padding.
    public let bytes: [UInt8]

    /// A picture over bytes. Traps unless there are as many as its size and mode need, at least one pixel, and a palette
    /// has 768 bytes.
    public init(mode: Mode, width: Int, height: Int, bytes: [UInt8]) {
        precondition(
            width >= 1 && height >= 1 && bytes.count == width * height * mode.pixelByteCount,
            "NativeImage: \(bytes.count) bytes for \(width) × \(height) × \(mode.pixelByteCount)")
        if case .indexed(let palette) = mode { precondition(palette.count == 768, "NativeImage: palette") }
        self.mode = mode
        self.width = width
        self.height = height
        self.bytes = bytes
    }

    /// The picture turned upright: stored pixels moved as an EXIF orientation asks.
    public func oriented(_ orientation: ImageOrientation) -> NativeImage {
        guard orientation != .upright else { return self }
        let bytes = orientation.applied(
            to: bytes, pixelByteCount: mode.pixelByteCount, width: width, height: height)
        return NativeImage(
            mode: mode, width: orientation.swapsAxes ? height : width, height: orientation.swapsAxes ? width : height,
            bytes: bytes)
    }

    /// The picture in RGB, as Pillow's `convert("RGB")`: alpha is dropped, 16-bit grey is cut at 255, palettes are looked
    /// up, and ink is subtracted from white. Free for `rgb`.
    public func convertedToRGB() -> PixelImage {
        PixelImage(width: width, height: height, bytes: Self.rgb(bytes, mode))
    }

    /// The RGB colour of a pixel all of whose channels are `level`.
    func color(ofLevel level: UInt8) -> PixelColor {
        let pixel =
            switch mode {
            case .grey16: UInt16(level).littleEndian == UInt16(level) ? [level, 0] : [0, level]
            default: [UInt8](repeating: level, count: mode.pixelByteCount)
            }
        let rgb = Self.rgb(pixel, mode)
        return PixelColor(red: rgb[0], green: rgb[1], blue: rgb[2])
    }

    private static func rgb(_ pixels: [UInt8], _ mode: Mode) -> [UInt8] {
        switch mode {
        case .rgb: pixels
        case .rgba: PixelConversion.rgb(rgba: pixels)
        case .cmyk: PixelConversion.rgb(cmyk: pixels)
        case .grey16: PixelConversion.rgb(grey16: pixels)
        case .indexed(let palette): PixelConversion.rgb(indices: pixels, palette: palette)
        }
    }
}

extension ImageOrientation {
    /// Pixels of 1 to 4 bytes, moved so that the picture is upright.
    func applied(to bytes: [UInt8], pixelByteCount: Int, width: Int, height: Int) -> [UInt8] {
        let pixel = pixelByteCount
        let row = pixel * width
        let right = pixel * (width - 1)
        let bottom = row * (height - 1)
        // Where the upright picture's top left pixel is stored, and where its rows and columns run.
        let (origin, rowStep, columnStep) =
            switch self {
            case .upright: (0, row, pixel)
            case .flippedHorizontally: (right, row, -pixel)
            case .rotated180: (bottom + right, -row, -pixel)
            case .flippedVertically: (bottom, -row, pixel)
            case .transposed: (0, pixel, row)
            case .rotated90Clockwise: (bottom, pixel, -row)
            case .transversed: (bottom + right, -pixel, -row)
            case .rotated90CounterClockwise: (right, -pixel, row)
            }
        return PixelRearrangement.rearranged(
            bytes.span, pixelByteCount: pixel, origin: origin, rowStep: rowStep, columnStep: columnStep,
            width: swapsAxes ? height : width, height: swapsAxes ? width : height)
    }
}
