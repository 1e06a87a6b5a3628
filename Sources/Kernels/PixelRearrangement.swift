import CKernels

/// Moves pixels without changing them: crops, flips, quarter turns, transpositions.
public enum PixelRearrangement {
    /// The picture whose pixel (y, x) is the source's bytes at `origin + y · rowStep + x · columnStep`.
    ///
    /// Steps are in bytes and may be negative. Traps unless pixels have 1 to 4 bytes and every pixel lies inside the
    /// source. Returns height × width pixels.
    public static func rearranged(
        _ source: Span<UInt8>, pixelByteCount: Int, origin: Int, rowStep: Int, columnStep: Int, width: Int, height: Int
    ) -> [UInt8] {
        precondition(
            width >= 1 && height >= 1 && (1...4).contains(pixelByteCount),
            "rearranged: \(width) × \(height) × \(pixelByteCount)")
        let (down, across) = ((height - 1) * rowStep, (width - 1) * columnStep)
        precondition(
            origin + min(0, down) + min(0, across) >= 0
                && origin + max(0, down) + max(0, across) + pixelByteCount <= source.count,
            "rearranged: \(width) × \(height) from \(origin) by (\(rowStep), \(columnStep)) leaves \(source.count)")
        let byteCount = pixelByteCount * width * height
        return unsafe source.withUnsafeBufferPointer { source in
            unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { target, count in
                // The corners, and with them all pixels, were checked to be inside.
                unsafe vlm_rearrange_pixels(
                    source.baseAddress, origin, rowStep, columnStep, target.baseAddress, width, height, pixelByteCount)
                count = byteCount
            }
        }
    }
}
