/// A rectangle in whole pixels of the oriented original image; the top left pixel is (0, 0).
public struct PixelBox: Hashable, Sendable {
    /// Column of the left edge.
    public let x: Int32
    /// Row of the top edge.
    public let y: Int32
    /// Number of columns, at least 1.
    public let width: Int32
    /// Number of rows, at least 1.
    public let height: Int32

    /// A rectangle. Traps unless `x` and `y` are at least 0, and `width` and `height` at least 1.
    public init(x: Int32, y: Int32, width: Int32, height: Int32) {
        precondition(
            x >= 0 && y >= 0 && width >= 1 && height >= 1,
            "PixelBox(\(x), \(y), \(width), \(height)) is empty or starts outside the image")
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    /// The form used in JSON: `[x, y, width, height]`.
    public var array: [Int32] { [x, y, width, height] }
}
