import CImageCodecs
import Samples

/// Turns the bytes of a picture into pixels, as Pillow's `Image.open(…).convert("RGB")` does.
///
/// - JPEG: libjpeg-turbo with its default slow integer DCT and fancy upsampling; grey is replicated; four channels are
///   taken as Adobe's inverted CMYK. Damaged data that libjpeg repairs is accepted, data that ends early is not.
/// - PNG: alpha and `tRNS` are dropped (transparent pixels show their stored colour), 16-bit colour is cut to its high
///   byte, 16-bit grey is clipped at 255.
/// - WebP: alpha is dropped; of an animation, the first frame.
///
/// Where it is stricter than Pillow: a PNG whose pixel data fails its checksum is `malformed`, and one that ends within
/// that checksum `truncated`; lossless JPEG (SOF3) is `unsupported`; `ImageLimits.maximumScanCount` holds. Where it is
/// more lenient: nothing after a picture's last row is read.
///
/// Colour profiles and gamma are ignored. Unlike the reference pipelines, EXIF orientation is applied unless the caller
/// says otherwise.
///
///     let image = try ImageDecoder.decode(bytes)
public enum ImageDecoder {
    /// Decodes a whole file in memory.
    ///
    /// The header is checked against `limits` before anything is allocated for pixels; then `width × height × 3` bytes
    /// are, beside what the codec needs (for progressive JPEG 2 to 6 bytes per pixel, for interlaced grey or palette
    /// PNG 1 or 2, for WebP about 4). Deterministic. Runs on the calling thread, without shared state.
    public static func decode(
        _ bytes: Span<UInt8>, applyOrientation: Bool = true, limits: ImageLimits = .standard
    ) throws(ImagingError) -> PixelImage {
        guard ImageHeader.recognize(bytes) == .jpeg else {
            let header = try ImageHeader.parse(bytes, limits: limits)
            return try decode(bytes, header, applyOrientation, limits)
        }
        let frame = try JPEGFrame.parse(bytes, limits: limits)
        guard frame.canFit(inByteCount: bytes.count) else {
            throw ImagingError(
                .truncated, "\(bytes.count) bytes cannot hold a JPEG of this size; fetch the file again",
                byteOffset: bytes.count)
        }
        return try decode(bytes, frame.header, applyOrientation, limits)
    }

    /// Decodes a whole file in memory.
    public static func decode(
        _ bytes: [UInt8], applyOrientation: Bool = true, limits: ImageLimits = .standard
    ) throws(ImagingError) -> PixelImage {
        try decode(bytes.span, applyOrientation: applyOrientation, limits: limits)
    }

    /// Names and versions of the codec libraries, for run records.
    public static var codecVersions: String {
        var text = [CChar](repeating: 0, count: 160)
        unsafe text.withUnsafeMutableBufferPointer { text in
            unsafe vlm_codec_versions(text.baseAddress, text.count)
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func decode(
        _ bytes: Span<UInt8>, _ header: ImageHeader, _ applyOrientation: Bool, _ limits: ImageLimits
    ) throws(ImagingError) -> PixelImage {
        let (width, height) = (header.pixelWidth, header.pixelHeight)
        let pixelByteCount = width * height * 3
        var status = vlm_codec_status()
        // The codecs read only the input's bytes and write only rows of the size checked against the header.
        let pixels = unsafe bytes.withUnsafeBufferPointer { input in
            unsafe [UInt8](unsafeUninitializedCapacity: pixelByteCount) { output, count in
                let (source, target) = (input.baseAddress, output.baseAddress)
                let code =
                    switch header.format {
                    case .jpeg:
                        unsafe vlm_jpeg_decode(
                            source, input.count, UInt32(width), UInt32(height),
                            Int32(clamping: limits.maximumScanCount),
                            target, &status)
                    case .png:
                        unsafe vlm_png_decode(source, input.count, UInt32(width), UInt32(height), target, &status)
                    case .webp:
                        unsafe vlm_webp_decode(source, input.count, UInt32(width), UInt32(height), target, &status)
                    }
                count = code == Int32(VLM_CODEC_OK) ? pixelByteCount : 0
            }
        }
        guard pixels.count == pixelByteCount else { throw ImagingError(status, header.format, limits) }
        let image = PixelImage(width: width, height: height, bytes: pixels)
        return applyOrientation ? image.oriented(header.orientation) : image
    }
}

extension ImagingError {
    /// What a codec reported.
    init(_ status: vlm_codec_status, _ format: ImageFormat, _ limits: ImageLimits) {
        let name =
            switch format {
            case .jpeg: "JPEG"
            case .png: "PNG"
            case .webp: "WebP"
            }
        let (code, text): (Code, String) =
            switch Int(status.code) {
            case VLM_CODEC_TRUNCATED: (.truncated, "the \(name) ends before its last row; fetch the file again")
            case VLM_CODEC_UNSUPPORTED: (.unsupported, "this kind of \(name) is not read; convert it to a common one")
            case VLM_CODEC_OUT_OF_MEMORY:
                (.outOfMemory, "no memory to decode the \(name); lower the thread count or the pixel limit")
            case VLM_CODEC_OVER_LIMIT:
                (.overLimit, "the \(name) has more than \(limits.maximumScanCount) scans; convert it to a common one")
            default: (.malformed, "the \(name) is damaged; replace the file")
            }
        self.init(code, text, cause: status.text)
    }
}

extension vlm_codec_status {
    /// The library's words, without control characters; `nil` where it had none.
    var text: String? {
        let bytes = unsafe withUnsafeBytes(of: message) { unsafe Array($0.prefix { $0 != 0 }) }
        let text = String(decoding: bytes.filter { $0 >= 32 && $0 != 127 }, as: UTF8.self)
        return text.isEmpty ? nil : text
    }
}
