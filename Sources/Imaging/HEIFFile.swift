import CImageCodecs
import Samples

/// A picture in a HEIF container (ISO/IEC 23008-12), as far as its container says.
///
/// libheif reads it; it is opened at run time, so that only those who have such pictures need it.
struct HEIFFile {
    /// The name under which libheif is opened.
    static let library = "libheif.so.1"

    /// What libheif may allocate a picture of: a square of this side. Pictures are coded in tiles, which reach beyond their
    /// edges.
    static func maximumSide(_ limits: ImageLimits) -> Int32 {
        Int32(clamping: Int(Double(limits.maximumPixelCount).squareRoot().rounded(.up)) + 1024)
    }

    /// Format and size; upright, since the container's turns are part of decoding.
    let header: ImageHeader
    /// Whether there is an alpha channel.
    let hasAlpha: Bool

    /// Reads the container of a whole file in memory, and no pixels.
    init(
        _ bytes: Span<UInt8>, _ format: ImageFormat, limits: ImageLimits, library: String = Self.library
    ) throws(ImagingError) {
        guard !(try HEIFReferences(bytes).areEndless) else {
            throw ImagingError(.malformed, "items of the container refer to each other without end; replace the file")
        }
        var facts = vlm_heif_facts()
        var status = vlm_codec_status()
        let code = unsafe bytes.withUnsafeBufferPointer { input in
            unsafe vlm_heif_inspect(
                library, input.baseAddress, input.count, Self.maximumSide(limits), &facts, &status)
        }
        guard code == Int32(VLM_CODEC_OK) else { throw ImagingError(status, format, limits) }
        try limits.check(width: Int(facts.width), height: Int(facts.height), byteOffset: 0)
        header = ImageHeader(format: format, pixelWidth: Int(facts.width), pixelHeight: Int(facts.height))
        hasAlpha = facts.has_alpha != 0
    }
}
