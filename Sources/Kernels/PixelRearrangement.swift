import CKernels

/// Moves 8-bit RGB pixels without changing them: crops, flips, quarter turns, transpositions.
public enum PixelRearrangement {
    /// The picture whose pixel (y, x) is the source's three bytes at `origin + y · rowStep + x · columnStep`.
    ///
    /// Steps are in bytes and may be negative. Traps unless every pixel lies inside the source. Returns height × width
    /// × 3 bytes.
    public static func rearrangedRGB8(
        _ source: Span<UInt8>, origin: Int, rowStep: Int, columnStep: Int, width: Int, height: Int
    ) -> [UInt8] {
        precondition(width >= 1 && height >= 1, "rearrangedRGB8: \(width) × \(height)")
        let (down, across) = ((height - 1) * rowStep, (width - 1) * columnStep)
        precondition(
            origin + min(0, down) + min(0, across) >= 0
                && origin + max(0, down) + max(0, across) + 3 <= source.count,
            "rearrangedRGB8: \(width) × \(height) from \(origin) by (\(rowStep), \(columnStep)) leaves \(source.count)")
        return unsafe source.withUnsafeBufferPointer { source in
            unsafe [UInt8](unsafeUninitializedCapacity: 3 * width * height) { target, count in
                // The corners, and with them all pixels, were checked to be inside.
                unsafe vlm_rearrange_rgb8(
                    source.baseAddress, origin, rowStep, columnStep, target.baseAddress, width, height)
                count = 3 * width * height
            }
        }
    }
}
