import CKernels

/// Pixels of other layouts turned into 8-bit RGB one by one, with Pillow's arithmetic.
public enum PixelConversion {
    /// 8-bit RGBA with each colour c replaced by c · alpha / 255, rounded. Traps unless there are whole pixels.
    public static func premultiplied(_ rgba: [UInt8]) -> [UInt8] {
        unsafe converted(rgba, byteCount: 4, to: 4) { unsafe vlm_premultiply_rgba8($0, $1, $2) }
    }

    /// RGB of premultiplied 8-bit RGBA: 255 · c / alpha without its fraction, at most 255; the colour itself where alpha
    /// is 0 or 255. Traps unless there are whole pixels.
    public static func rgb(premultiplied rgba: [UInt8]) -> [UInt8] {
        unsafe converted(rgba, byteCount: 4, to: 3) { unsafe vlm_unpremultiplied_rgb8($0, $1, $2) }
    }

    /// RGB of 8-bit RGBA: alpha is dropped, not blended. Traps unless there are whole pixels.
    public static func rgb(rgba: [UInt8]) -> [UInt8] {
        unsafe converted(rgba, byteCount: 4, to: 3) { unsafe vlm_rgba8_to_rgb8($0, $1, $2) }
    }

    /// RGB of ink amounts, 255 being full: max(0, w − c · w / 255) for w = 255 − black. Traps unless there are whole
    /// pixels.
    public static func rgb(cmyk: [UInt8]) -> [UInt8] {
        unsafe converted(cmyk, byteCount: 4, to: 3) { unsafe vlm_cmyk8_to_rgb8($0, $1, $2) }
    }

    /// RGB of 16-bit grey in the byte order of the machine: values over 255 are cut to 255, not scaled. Traps unless
    /// there are whole pixels.
    public static func rgb(grey16: [UInt8]) -> [UInt8] {
        unsafe converted(grey16, byteCount: 2, to: 3) { unsafe vlm_grey16_to_rgb8($0, $1, $2) }
    }

    /// RGB of colour numbers. Traps unless the palette has 256 colours of three bytes.
    public static func rgb(indices: [UInt8], palette: [UInt8]) -> [UInt8] {
        precondition(palette.count == 768, "a palette of \(palette.count) bytes, not 768")
        return unsafe palette.withUnsafeBufferPointer { palette in
            unsafe converted(indices, byteCount: 1, to: 3) {
                unsafe vlm_index8_to_rgb8($0, palette.baseAddress, $1, $2)
            }
        }
    }

    /// Runs a loop over whole pixels; it reads `byteCount` and writes `targetByteCount` bytes for each.
    private static func converted(
        _ source: [UInt8], byteCount: Int, to targetByteCount: Int,
        _ loop: (UnsafePointer<UInt8>?, UnsafeMutablePointer<UInt8>?, Int) -> Void
    ) -> [UInt8] {
        precondition(source.count % byteCount == 0, "\(source.count) bytes are not whole pixels of \(byteCount)")
        let pixelCount = source.count / byteCount
        return unsafe source.withUnsafeBufferPointer { source in
            unsafe [UInt8](unsafeUninitializedCapacity: pixelCount * targetByteCount) { target, count in
                unsafe loop(source.baseAddress, target.baseAddress, pixelCount)
                count = pixelCount * targetByteCount
            }
        }
    }
}
