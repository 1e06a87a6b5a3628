import CKernels

/// The core in 16-bit integers, for towers whose products around it are in 8.
///
/// Queries and keys are quantised row by row, values column by column over their sequence, each as finely as exact sums in 32 bits
/// allow; the softmax is in Float32. Against Float32 the relative error is below a thousandth. AVX2 and above agree in every bit.
extension AttentionKernel {
    /// Keys that a sequence may have.
    public static let maximumIntegerKeyCount = Int(VLM_INTEGER_ATTENTION_KEY_LIMIT)

    /// Floats of scratch for one call of `forwardInIntegers`.
    public func integerScratchCount(keyOffsets: [Int32]) -> Int {
        let keys = zip(keyOffsets, keyOffsets.dropFirst()).map { Int($1 - $0) }.max() ?? 0
        return vlm_integer_attention_scratch_count(keys, headWidth)
    }

    /// output [queries, H·D] = the attended values, as `forward` does without keeping probabilities.
    ///
    /// A query that is not finite gives a row of NaN, a key the rows of its sequence, a value its column of them. Traps when `level`
    /// is above `ProductLevel.best` or a sequence has more than `maximumIntegerKeyCount` keys.
    public func forwardInIntegers(
        query: FloatRegion, key: FloatRegion, value: FloatRegion, into output: FloatRegion, queryOffsets: [Int32],
        keyOffsets: [Int32], scratch: FloatRegion, level: ProductLevel = .best
    ) {
        precondition(level <= .best, "integer attention: this machine has no \(level)")
        check(query, key, value, output, queryOffsets, keyOffsets, "integer attention")
        precondition(
            zip(keyOffsets, keyOffsets.dropFirst()).allSatisfy { Int($1 - $0) <= Self.maximumIntegerKeyCount },
            "integer attention: a sequence of more than \(Self.maximumIntegerKeyCount) keys")
        scratch.require(integerScratchCount(keyOffsets: keyOffsets), "integer attention", "scratch")
        unsafe vlm_integer_attention(
            query.pointer, queryStride, key.pointer, value.pointer, keyValueStride, output.pointer, width, queryOffsets,
            keyOffsets, queryOffsets.count - 1, headCount, headWidth, scale, isCausal ? 1 : 0, scratch.pointer,
            level.rawValue)
    }
}
