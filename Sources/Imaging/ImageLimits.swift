/// What a picture may ask for before any of its pixels are decoded.
public struct ImageLimits: Hashable, Sendable, Codable {
    /// Largest width × height. The default, 178,956,970, is where Pillow refuses a picture as a decompression bomb.
    public var maximumPixelCount: Int
    /// Largest number of scans of a progressive JPEG; real ones have about ten, and each costs a pass over all pixels.
    public var maximumScanCount: Int

    /// Limits; the defaults suit untrusted data. Traps unless both are at least 1.
    public init(maximumPixelCount: Int = 178_956_970, maximumScanCount: Int = 500) {
        precondition(
            maximumPixelCount >= 1 && maximumScanCount >= 1,
            "ImageLimits(maximumPixelCount: \(maximumPixelCount), maximumScanCount: \(maximumScanCount)) allow nothing")
        self.maximumPixelCount = maximumPixelCount
        self.maximumScanCount = maximumScanCount
    }

    /// The default limits.
    public static let standard = ImageLimits()

    /// Refuses sizes that are empty or over the limit.
    func check(width: Int, height: Int, byteOffset: Int) throws(ImagingError) {
        guard width > 0, height > 0 else {
            throw ImagingError(
                .malformed, "the picture says it is \(width) × \(height) pixels; replace the file",
                byteOffset: byteOffset)
        }
        let (count, overflow) = width.multipliedReportingOverflow(by: height)
        guard !overflow, count <= maximumPixelCount else {
            throw ImagingError(
                .overLimit,
                "the picture is \(width) × \(height) pixels, over the limit of \(maximumPixelCount); scale it down, "
                    + "or raise the limit if you trust it", byteOffset: byteOffset)
        }
    }
}
