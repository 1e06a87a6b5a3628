import CKernels

/// Rotary positions (Su et al. 2021): channels turned pairwise by angles that depend on the token's place.
public enum RotaryKernel {
    /// Turns, in place, the pairs (x₂ᵢ, x₂ᵢ₊₁) of every head by the angle whose cosine and sine stand at [place, i] of the tables.
    ///
    /// - Parameters:
    ///   - rows: `sequenceCount` groups of `tokenCount` rows that lie `stride` floats apart, of which the first
    ///     `headCount` · `headWidth` are turned. The first `prefixCount` rows of a group stay as they are.
    ///   - cosines: [tokenCount − prefixCount, headWidth / 2].
    ///   - sines: As `cosines`.
    public static func apply(
        to rows: FloatRegion, stride: Int, sequenceCount: Int, tokenCount: Int, prefixCount: Int, headCount: Int,
        headWidth: Int, cosines: FloatRegion, sines: FloatRegion
    ) {
        precondition(headWidth.isMultiple(of: 2), "rotary: heads of \(headWidth) channels have no pairs")
        precondition(
            prefixCount >= 0 && prefixCount <= tokenCount, "rotary: a prefix of \(prefixCount) in \(tokenCount) tokens")
        precondition(headCount * headWidth <= stride, "rotary: \(headCount) heads of \(headWidth) in rows of \(stride)")
        let width = headCount * headWidth
        let rowCount = sequenceCount * tokenCount
        rows.require(rowCount == 0 ? 0 : (rowCount - 1) * stride + width, "rotary", "rows")
        let angleCount = (tokenCount - prefixCount) * (headWidth / 2)
        cosines.require(angleCount, "rotary", "cosines")
        sines.require(angleCount, "rotary", "sines")
        unsafe vlm_rotate_pairs(
            rows.pointer, stride, sequenceCount, tokenCount, prefixCount, headCount, headWidth, cosines.pointer,
            sines.pointer)
    }
}

extension PlainKernels {
    /// x with the pairs of every head turned; x [sequences · tokenCount, headCount · headWidth] dense. See `RotaryKernel`.
    public static func rotated(
        _ x: [Scalar], tokenCount: Int, prefixCount: Int, headCount: Int, headWidth: Int, cosines: [Scalar],
        sines: [Scalar]
    ) -> [Scalar] {
        let width = headCount * headWidth
        return x.indices.map { index in
            let (token, channel) = (index / width % tokenCount, index % headWidth)
            guard token >= prefixCount else { return x[index] }
            let angle = (token - prefixCount) * (headWidth / 2) + channel / 2
            let (cosine, sine) = (cosines[angle], sines[angle])
            return channel.isMultiple(of: 2)
                ? x[index] * cosine - x[index + 1] * sine : x[index] * cosine + x[index - 1] * sine
        }
    }
}
