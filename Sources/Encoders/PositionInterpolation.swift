/// How position embeddings of one patch grid become those of another: the kernel of the library a checkpoint belongs to.
///
/// Both are separable cubic convolutions (Keys 1981) over the grid with pixel centres at (i + 0.5) · n / m, as PyTorch's
/// `interpolate(mode: "bicubic", align_corners: False)` computes them; positions outside the grid repeat its edge (`bicubic`)
/// or are left out (`bicubicAntialiased`). Everything is Float32, so that a load always gives the same values.
public enum PositionInterpolation: String, Sendable, Codable, CaseIterable {
    /// a = −0.75, four taps also when shrinking: transformers' `interpolate_pos_encoding`.
    case bicubic
    /// a = −0.5, support widened when shrinking, weights normalised: open_clip's and timm's resampling.
    case bicubicAntialiased = "bicubic_antialiased"

    /// One source position of a target position.
    private struct Tap {
        let index: Int
        let weight: Float
    }

    /// Interpolates [sourceSize², width] to [targetSize², width], both row-major grids.
    func apply(_ source: [Float], sourceSize: Int, targetSize: Int, width: Int) -> [Float] {
        precondition(
            source.count == sourceSize * sourceSize * width,
            "\(source.count) values for a grid of \(sourceSize) × \(sourceSize) positions of \(width)")
        let taps = taps(sourceCount: sourceSize, targetCount: targetSize)
        var rows = [Float](repeating: 0, count: sourceSize * targetSize * width)
        for line in 0..<sourceSize {
            for (column, columnTaps) in taps.enumerated() {
                for tap in columnTaps {
                    Self.add(
                        source, (line * sourceSize + tap.index) * width, times: tap.weight, to: &rows,
                        (line * targetSize + column) * width, count: width)
                }
            }
        }
        var result = [Float](repeating: 0, count: targetSize * targetSize * width)
        for (line, lineTaps) in taps.enumerated() {
            for tap in lineTaps {
                Self.add(
                    rows, tap.index * targetSize * width, times: tap.weight, to: &result, line * targetSize * width,
                    count: targetSize * width)
            }
        }
        return result
    }

    private static func add(
        _ source: [Float], _ sourceOffset: Int, times weight: Float, to target: inout [Float], _ targetOffset: Int,
        count: Int
    ) {
        for index in 0..<count {
            target[targetOffset + index] += weight * source[sourceOffset + index]
        }
    }

    private func taps(sourceCount: Int, targetCount: Int) -> [[Tap]] {
        let scale = Float(sourceCount) / Float(targetCount)
        return (0..<targetCount).map { target in
            switch self {
            case .bicubic:
                let position = scale * (Float(target) + 0.5) - 0.5
                let base = position.rounded(.down)
                return (-1...2).map { offset in
                    Tap(
                        index: min(max(Int(base) + offset, 0), sourceCount - 1),
                        weight: Self.cubic(position - base - Float(offset), a: -0.75))
                }
            case .bicubicAntialiased:
                let stretch = max(scale, 1)
                let support = 2 * stretch
                let centre = scale * (Float(target) + 0.5)
                let first = max(Int(centre - support + 0.5), 0)
                let end = min(Int(centre + support + 0.5), sourceCount)
                let weights = (first..<end).map { Self.cubic((Float($0) - centre + 0.5) / stretch, a: -0.5) }
                let sum = weights.reduce(0, +)
                return zip(first..<end, weights).map { Tap(index: $0, weight: $1 / sum) }
            }
        }
    }

    /// Keys' kernel: (a+2)|x|³ − (a+3)|x|² + 1 within 1, a(|x|³ − 5|x|² + 8|x| − 4) within 2, 0 beyond.
    private static func cubic(_ x: Float, a: Float) -> Float {
        let x = x.magnitude
        if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        if x < 2 { return a * (((x - 5) * x + 8) * x - 4) }
        return 0
    }
}
