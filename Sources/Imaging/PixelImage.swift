import Kernels
import Samples

/// A picture as a model sees it: 8-bit RGB, no alpha, no colour profile.
///
/// Bytes are row-major from the top left pixel: height, width, channels (red, green, blue), without padding. A value
/// type; copies share their bytes until one is changed.
public struct PixelImage: Hashable, Sendable {
    /// Columns, at least 1.
    public let width: Int
    /// Rows, at least 1.
    public let height: Int
    /// `height × width × 3` bytes.
    public internal(set) var bytes: [UInt8]

    /// Bytes per pixel.
    public static let channelCount = 3

    /// A picture over bytes. Traps unless there are exactly `width × height × 3`, at least one pixel.
    public init(width: Int, height: Int, bytes: [UInt8]) {
        precondition(
            width >= 1 && height >= 1 && bytes.count == width * height * 3,
            "PixelImage: \(bytes.count) bytes for \(width) × \(height) × 3")
        self.width = width
        self.height = height
        self.bytes = bytes
    }

    /// A picture of one colour.
    public init(width: Int, height: Int, filledWith color: PixelColor) {
        precondition(width >= 1 && height >= 1, "PixelImage: \(width) × \(height)")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(width * height * 3)
        for _ in 0..<width * height {
            bytes.append(color.red)
            bytes.append(color.green)
            bytes.append(color.blue)
        }
        self.init(width: width, height: height, bytes: bytes)
    }

    /// The whole picture as a box.
    public var bounds: PixelBox { PixelBox(x: 0, y: 0, width: Int32(width), height: Int32(height)) }

    /// The pixel in column `x` of row `y`. Traps outside the picture.
    public subscript(x: Int, y: Int) -> PixelColor {
        get {
            let offset = byteOffset(x, y)
            return PixelColor(red: bytes[offset], green: bytes[offset + 1], blue: bytes[offset + 2])
        }
        set {
            let offset = byteOffset(x, y)
            bytes[offset] = newValue.red
            bytes[offset + 1] = newValue.green
            bytes[offset + 2] = newValue.blue
        }
    }

    private func byteOffset(_ x: Int, _ y: Int) -> Int {
        precondition(
            x >= 0 && x < width && y >= 0 && y < height, "PixelImage[\(x), \(y)] outside \(width) × \(height)")
        return 3 * (y * width + x)
    }
}

/// One 8-bit RGB pixel.
public struct PixelColor: Hashable, Sendable {
    /// 0 to 255.
    public var red: UInt8
    /// 0 to 255.
    public var green: UInt8
    /// 0 to 255.
    public var blue: UInt8

    /// A colour from its channels.
    public init(red: UInt8, green: UInt8, blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// (0, 0, 0).
    public static let black = PixelColor(red: 0, green: 0, blue: 0)
    /// (255, 255, 255).
    public static let white = PixelColor(red: 255, green: 255, blue: 255)
}
