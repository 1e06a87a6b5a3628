import Samples

/// What a picture says about itself, read without decoding it.
///
///     let header = try ImageHeader.parse(bytes)
///     print(header.format, header.orientedPixelWidth, header.orientedPixelHeight)
///
/// The format is recognised by content. Sizes are those of the stored pixels; `orientedPixelWidth` and
/// `orientedPixelHeight` are those after `orientation` is applied. Metadata that is damaged counts as absent, since the
/// picture itself may be sound; a damaged structure around the pixels is an error. Orientation is read from EXIF only
/// (JPEG APP1, PNG eXIf, WebP EXIF), not from XMP and not from the text chunks some PNG writers hide EXIF in. HEIC and AVIF
/// say in their container how they are turned and cut; libheif does it, so that their sizes are upright ones.
public struct ImageHeader: Hashable, Sendable {
    /// The file format.
    public let format: ImageFormat
    /// Stored width: of the frame for JPEG, of the canvas for animations.
    public let pixelWidth: Int
    /// Stored height.
    public let pixelHeight: Int
    /// EXIF orientation; `upright` where none is stated or its value is not one of the eight.
    public let orientation: ImageOrientation

    /// A header from its facts.
    public init(format: ImageFormat, pixelWidth: Int, pixelHeight: Int, orientation: ImageOrientation = .upright) {
        self.format = format
        self.pixelWidth = pixelWidth
        self.pixelHeight = pixelHeight
        self.orientation = orientation
    }

    /// Width once the orientation is applied.
    public var orientedPixelWidth: Int { orientation.swapsAxes ? pixelHeight : pixelWidth }
    /// Height once the orientation is applied.
    public var orientedPixelHeight: Int { orientation.swapsAxes ? pixelWidth : pixelHeight }

    /// Reads the header of a whole file in memory.
    ///
    /// Time is linear in the number of segments or chunks; nothing is allocated, except by libheif. Throws
    /// `unrecognizedFormat`, `truncated` where the file ends before its pixels begin, `malformed`, `unsupported`,
    /// `codecMissing`, or `overLimit`.
    public static func parse(
        _ bytes: Span<UInt8>, limits: ImageLimits = .standard
    ) throws(ImagingError) -> ImageHeader {
        guard let format = recognize(bytes) else {
            throw ImagingError(
                .unrecognizedFormat,
                bytes.isEmpty
                    ? "the file is empty; replace it"
                    : "the bytes are neither JPEG, PNG, WebP, HEIC nor AVIF; convert the picture to one of them")
        }
        switch format {
        case .jpeg: return try JPEGFrame.parse(bytes, limits: limits).header
        case .png: return try PNGFrame.parse(bytes, limits: limits).header
        case .webp: return try parseWebP(bytes, limits: limits)
        case .heic, .avif: return try HEIFFile(bytes, format, limits: limits).header
        }
    }

    /// Reads the header of a whole file in memory.
    public static func parse(_ bytes: [UInt8], limits: ImageLimits = .standard) throws(ImagingError) -> ImageHeader {
        try parse(bytes.span, limits: limits)
    }

    /// The format the first bytes announce, or `nil`; needs at most `ImageFormat.recognitionByteCount` of them.
    public static func recognize(_ bytes: Span<UInt8>) -> ImageFormat? {
        ImageFormat(firstBytes: bytes)
    }
}
