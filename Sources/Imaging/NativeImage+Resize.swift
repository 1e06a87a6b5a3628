import Kernels

extension NativeImage {
    /// The wanted part of the picture at another size, in RGB: Pillow's `resize` in the picture's own mode, then
    /// `convert("RGB")`.
    ///
    /// Palette numbers and 1-bit grey are resized by taking the nearest pixel, whatever the filter. Colour with alpha is
    /// multiplied by it, resized, and divided again, unless the size stays. 16-bit grey is summed in doubles.
    func resizedInRGB(to target: ResizeTarget, filter: ResampleFilter, release: PillowRelease) -> PixelImage {
        func resampled(_ bytes: [UInt8], _ format: Resampling.PixelFormat) -> [UInt8] {
            target.resampled(
                bytes, format: format, rowStride: format.byteCount * width, width: width, height: height,
                columns: 0..<width, rows: 0..<height, filter: filter, release: release)
        }
        let isSameSize = target.width == width && target.height == height
        let rgb: [UInt8] =
            switch mode {
            case .rgb: resampled(bytes, .rgb8)
            case .cmyk: PixelConversion.rgb(cmyk: resampled(bytes, .rgba8))
            case .grey16: PixelConversion.rgb(grey16: resampled(bytes, .grey16))
            case .rgba where isSameSize: PixelConversion.rgb(rgba: resampled(bytes, .rgba8))
            case .rgba:
                PixelConversion.rgb(premultiplied: resampled(PixelConversion.premultiplied(bytes), .rgba8))
            case .indexed(let palette): PixelConversion.rgb(indices: nearest(target), palette: palette)
            }
        return PixelImage(width: target.columns.count, height: target.rows.count, bytes: rgb)
    }

    /// The nearest pixels, of one byte each.
    private func nearest(_ target: ResizeTarget) -> [UInt8] {
        let columns = Self.nearestSources(sourceCount: width, targetCount: target.width, targets: target.columns)
        let rows = Self.nearestSources(sourceCount: height, targetCount: target.height, targets: target.rows)
        var result: [UInt8] = []
        result.reserveCapacity(columns.count * rows.count)
        for y in rows {
            for x in columns { result.append(bytes[y * width + x]) }
        }
        return result
    }

    /// The source element at the centre of each target element.
    ///
    /// Pillow adds up the positions (½ + i) · scale one step after another, and where a centre falls between two pixels
    /// the rounding of those sums decides; so they are added up here too. Beyond 2²⁶ elements, where Pillow would need
    /// gigabytes, they are multiplied.
    static func nearestSources(sourceCount: Int, targetCount: Int, targets: Range<Int>) -> [Int] {
        let scale = Double(sourceCount) / Double(targetCount)
        var position = scale * 0.5
        if targets.lowerBound <= 1 << 26 {
            for _ in 0..<targets.lowerBound { position += scale }
        } else {
            position += Double(targets.lowerBound) * scale
        }
        return targets.map { _ in
            defer { position += scale }
            return min(Int(position), sourceCount - 1)
        }
    }
}
