import CImageCodecs

/// Writes pictures: thumbnails, drawn data, contact sheets.
public enum ImageEncoder {
    /// Whether a JPEG stores colour at full or half resolution.
    public enum ChromaResolution: Hashable, Sendable {
        /// 4:4:4; for small pictures with thin coloured lines.
        case full
        /// 4:2:0, as most writers default to.
        case halved
    }

    /// The picture as baseline JPEG.
    ///
    /// Deterministic for one version of the library. `quality` is libjpeg's scale. Throws `notEncodable` where the
    /// picture is over 65,500 pixels on a side, which is as far as the library goes. Traps unless `quality` is 1 to 100.
    public static func jpeg(
        _ image: PixelImage, quality: Int = 90, chroma: ChromaResolution = .halved
    ) throws(ImagingError) -> [UInt8] {
        precondition((1...100).contains(quality), "JPEG quality \(quality) is not 1 to 100")
        return try unsafe encode(image) { pixels, encoded, status in
            unsafe vlm_jpeg_encode(
                pixels, UInt32(image.width), UInt32(image.height), Int32(quality), chroma == .halved ? 1 : 0, encoded,
                status)
        }
    }

    /// The picture as 8-bit RGB PNG. `compressionLevel` is zlib's; traps unless it is 0 to 9.
    public static func png(_ image: PixelImage, compressionLevel: Int = 6) throws(ImagingError) -> [UInt8] {
        precondition((0...9).contains(compressionLevel), "PNG compression level \(compressionLevel) is not 0 to 9")
        return try unsafe encode(image) { pixels, encoded, status in
            unsafe vlm_png_encode(
                pixels, UInt32(image.width), UInt32(image.height), Int32(compressionLevel), encoded, status)
        }
    }

    private static func encode(
        _ image: PixelImage,
        _ run: (UnsafePointer<UInt8>?, UnsafeMutablePointer<vlm_encoded>, UnsafeMutablePointer<vlm_codec_status>) ->
            Int32
    ) throws(ImagingError) -> [UInt8] {
        guard let _ = UInt32(exactly: image.width), let _ = UInt32(exactly: image.height) else {
            throw ImagingError(.notEncodable, "\(image.width) × \(image.height) pixels are too many for one file")
        }
        var encoded = unsafe vlm_encoded()
        var status = vlm_codec_status()
        // Bytes the encoder made are copied before they are freed; the encoder frees them itself when it fails.
        let code = unsafe image.bytes.withUnsafeBufferPointer { pixels in
            unsafe run(pixels.baseAddress, &encoded, &status)
        }
        guard code == Int32(VLM_CODEC_OK) else {
            throw ImagingError(
                .notEncodable,
                "a picture of \(image.width) × \(image.height) pixels could not be written; scale it down",
                cause: status.text)
        }
        let bytes = unsafe [UInt8](UnsafeBufferPointer(start: encoded.bytes, count: encoded.byte_count))
        unsafe vlm_codec_free(&encoded)
        return bytes
    }
}
