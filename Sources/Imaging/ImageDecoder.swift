import CImageCodecs
import Samples

/// Turns the bytes of a picture into pixels, as Pillow's `Image.open(…)` loads them.
///
/// - JPEG: libjpeg-turbo with its default slow integer DCT and fancy upsampling; four channels are taken as Adobe's
///   inverted CMYK. Damaged data that libjpeg repairs is accepted, data that ends early is not.
/// - PNG: `tRNS` is ignored, 16-bit colour is cut to its high byte.
/// - WebP: of an animation, the first frame.
/// - HEIC and AVIF: by libheif, opened at run time; turned and cut as the container says, whatever `Orientation` is asked for.
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
    /// Which orientation a picture is given.
    public enum Orientation: Hashable, Sendable {
        /// What the file's EXIF says, as Pillow's `ImageOps.exif_transpose`.
        case exif
        /// None: pixels as stored, which is what the reference pipelines see.
        case none
        /// One that is known from elsewhere, whatever the file says.
        case recorded(ImageOrientation)
    }

    /// Decodes a whole file in memory to RGB, as Pillow's `convert("RGB")` does: grey is replicated, alpha is dropped
    /// (transparent pixels show their stored colour), 16-bit grey is cut at 255, ink is subtracted from white.
    ///
    /// The header is checked against `limits` before anything is allocated for pixels; then `width × height × 3` bytes
    /// are, beside what the codec needs (for progressive JPEG 2 to 6 bytes per pixel, for WebP about 4) and 1 to 4 bytes
    /// per pixel where the file stores another mode than RGB. Deterministic. Runs on the calling thread, without shared
    /// state.
    public static func decode(
        _ bytes: Span<UInt8>, applyOrientation: Bool = true, limits: ImageLimits = .standard
    ) throws(ImagingError) -> PixelImage {
        let (image, orientation) = try load(bytes, keepsAlpha: false, limits)
        return image.convertedToRGB().oriented(applyOrientation ? orientation : .upright)
    }

    /// Decodes a whole file in memory to RGB.
    public static func decode(
        _ bytes: [UInt8], applyOrientation: Bool = true, limits: ImageLimits = .standard
    ) throws(ImagingError) -> PixelImage {
        try decode(bytes.span, applyOrientation: applyOrientation, limits: limits)
    }

    /// Decodes a whole file in memory in the mode in which it is stored, with the alpha channel if there is one.
    ///
    /// Memory, limits and errors are those of `decode`.
    public static func decodeNative(
        _ bytes: Span<UInt8>, orientation: Orientation = .exif, limits: ImageLimits = .standard
    ) throws(ImagingError) -> NativeImage {
        let (image, stated) = try load(bytes, keepsAlpha: true, limits)
        return image.oriented(orientation.resolved(stated))
    }

    /// Names and versions of the codec libraries, for run records.
    public static var codecVersions: String {
        var text = [CChar](repeating: 0, count: 160)
        unsafe text.withUnsafeMutableBufferPointer { text in
            unsafe vlm_codec_versions(text.baseAddress, text.count)
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The stored pixels and the orientation that EXIF states.
    static func load(
        _ bytes: Span<UInt8>, keepsAlpha: Bool, _ limits: ImageLimits
    ) throws(ImagingError) -> (NativeImage, ImageOrientation) {
        let header: ImageHeader
        let format: vlm_pixel_format
        switch ImageHeader.recognize(bytes) {
        case .jpeg:
            let frame = try JPEGFrame.parse(bytes, limits: limits)
            try refuseUnlessItFits(frame.canFit(inByteCount: bytes.count), bytes.count, "JPEG")
            header = frame.header
            format = frame.componentCount == 4 ? VLM_PIXELS_CMYK8 : VLM_PIXELS_RGB8
        case .png:
            let frame = try PNGFrame.parse(bytes, limits: limits)
            try refuseUnlessItFits(frame.canFit(inByteCount: bytes.count), bytes.count, "PNG")
            header = frame.header
            format = frame.pixelFormat(keepsAlpha: keepsAlpha)
        case .webp, nil:
            header = try ImageHeader.parse(bytes, limits: limits)
            // The library only looks at the headers.
            let hasAlpha = unsafe bytes.withUnsafeBufferPointer { bytes in
                unsafe vlm_webp_has_alpha(bytes.baseAddress, bytes.count) != 0
            }
            format = keepsAlpha && hasAlpha ? VLM_PIXELS_RGBA8 : VLM_PIXELS_RGB8
        case .heic, .avif:
            let file = try HEIFFile(bytes, ImageHeader.recognize(bytes) ?? .heic, limits: limits)
            header = file.header
            format = file.hasAlpha ? VLM_PIXELS_RGBA8 : VLM_PIXELS_RGB8
        }
        return (try decode(bytes, header, format, limits), header.orientation)
    }

    static func refuseUnlessItFits(_ fits: Bool, _ byteCount: Int, _ name: String) throws(ImagingError) {
        guard fits else {
            throw ImagingError(
                .truncated, "\(byteCount) bytes cannot hold a \(name) of this size; fetch the file again",
                byteOffset: byteCount)
        }
    }

    private static func decode(
        _ bytes: Span<UInt8>, _ header: ImageHeader, _ format: vlm_pixel_format, _ limits: ImageLimits
    ) throws(ImagingError) -> NativeImage {
        let (width, height) = (header.pixelWidth, header.pixelHeight)
        var palette = [UInt8](repeating: 0, count: format == VLM_PIXELS_INDEX8 ? 768 : 0)
        let pixelByteCount = format == VLM_PIXELS_CMYK8 ? 4 : Int(format.rawValue)
        let pixelsByteCount = width * height * pixelByteCount
        var status = vlm_codec_status()
        // The codecs read only the input's bytes and write only rows of the size and format checked against the header.
        let pixels = unsafe bytes.withUnsafeBufferPointer { input in
            unsafe [UInt8](unsafeUninitializedCapacity: pixelsByteCount) { output, count in
                let (source, target) = (input.baseAddress, output.baseAddress)
                let (columnCount, rowCount) = (UInt32(width), UInt32(height))
                let code =
                    switch header.format {
                    case .jpeg:
                        unsafe vlm_jpeg_decode(
                            source, input.count, columnCount, rowCount, format,
                            Int32(clamping: limits.maximumScanCount), target, &status)
                    case .png:
                        unsafe vlm_png_decode(
                            source, input.count, columnCount, rowCount, format, &palette, target, &status)
                    case .webp:
                        unsafe vlm_webp_decode(source, input.count, columnCount, rowCount, format, target, &status)
                    case .heic, .avif:
                        unsafe vlm_heif_decode(
                            HEIFFile.library, source, input.count, HEIFFile.maximumSide(limits), columnCount, rowCount,
                            format, target, &status)
                    }
                count = code == Int32(VLM_CODEC_OK) ? pixelsByteCount : 0
            }
        }
        guard pixels.count == pixelsByteCount else { throw ImagingError(status, header.format, limits) }
        let mode: NativeImage.Mode =
            switch format {
            case VLM_PIXELS_INDEX8: .indexed(palette: palette)
            case VLM_PIXELS_GREY16: .grey16
            case VLM_PIXELS_RGBA8: .rgba
            case VLM_PIXELS_CMYK8: .cmyk
            default: .rgb
            }
        return NativeImage(mode: mode, width: width, height: height, bytes: pixels)
    }
}

extension ImageDecoder.Orientation {
    /// The orientation to apply to a file that states `stated`.
    func resolved(_ stated: ImageOrientation) -> ImageOrientation {
        switch self {
        case .exif: stated
        case .none: .upright
        case .recorded(let orientation): orientation
        }
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
            case .heic: "HEIC"
            case .avif: "AVIF"
            }
        let (code, text): (Code, String) =
            switch Int(status.code) {
            case VLM_CODEC_TRUNCATED: (.truncated, "the \(name) ends before its last row; fetch the file again")
            case VLM_CODEC_UNSUPPORTED: (.unsupported, "this kind of \(name) is not read; convert it to a common one")
            case VLM_CODEC_OUT_OF_MEMORY:
                (.outOfMemory, "no memory to decode the \(name); lower the thread count or the pixel limit")
            case VLM_CODEC_UNAVAILABLE:
                (
                    .codecMissing,
                    "\(name) is read by libheif, which is not installed; install the package libheif1 and run again"
                )
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
