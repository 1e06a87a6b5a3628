import CKernels

/// The attention core softmax(scale · Q·Kᵀ)·V per sequence and head over packed rows.
///
/// Queries, keys and values are column ranges of row-major matrices, so that one product may hold all three. Sequence s has the
/// query rows queryOffsets[s] ..< queryOffsets[s + 1] and the key rows keyOffsets[s] ..< keyOffsets[s + 1]; lengths differ
/// freely and nothing is padded. With `isCausal`, query i of a sequence sees the keys up to i + keys − queries.
public struct AttentionKernel: Sendable {
    /// Attention heads H.
    public let headCount: Int
    /// Channels D of a head.
    public let headWidth: Int
    /// Floats from row to row of the queries (and their gradient).
    public let queryStride: Int
    /// Floats from row to row of keys and values (and their gradients).
    public let keyValueStride: Int
    /// Whether later keys are hidden.
    public let isCausal: Bool

    /// Describes the core; `scale` is D^−½.
    public init(headCount: Int, headWidth: Int, queryStride: Int, keyValueStride: Int, isCausal: Bool) {
        precondition(
            headCount > 0 && headWidth > 0 && queryStride >= headCount * headWidth
                && keyValueStride >= headCount * headWidth,
            "attention: \(headCount) heads of \(headWidth) in rows of \(queryStride) and \(keyValueStride)")
        self.headCount = headCount
        self.headWidth = headWidth
        self.queryStride = queryStride
        self.keyValueStride = keyValueStride
        self.isCausal = isCausal
    }

    var scale: Float { 1 / Float(headWidth).squareRoot() }
    var width: Int { headCount * headWidth }

    /// Floats of the probabilities that the backward pass needs.
    public func probabilityCount(queryOffsets: [Int32], keyOffsets: [Int32]) -> Int {
        var count = 0
        for sequence in 0..<max(0, queryOffsets.count - 1) {
            let queries = Int(queryOffsets[sequence + 1] - queryOffsets[sequence])
            let keys = Int(keyOffsets[sequence + 1] - keyOffsets[sequence])
            count += headCount * queries * vlm_attention_row_length(keys)
        }
        return count
    }

    /// Floats of scratch for one call.
    public func scratchCount(queryOffsets: [Int32], keyOffsets: [Int32]) -> Int {
        var queries = 0
        var keys = 0
        for sequence in 0..<max(0, queryOffsets.count - 1) {
            queries = max(queries, Int(queryOffsets[sequence + 1] - queryOffsets[sequence]))
            keys = max(keys, Int(keyOffsets[sequence + 1] - keyOffsets[sequence]))
        }
        return vlm_attention_scratch_count(queries, keys, headWidth)
    }

    /// output [queries, H·D] = the attended values; `probabilities` are kept for `backward` when given.
    public func forward(
        query: FloatRegion, key: FloatRegion, value: FloatRegion, into output: FloatRegion, queryOffsets: [Int32],
        keyOffsets: [Int32], probabilities: FloatRegion?, scratch: FloatRegion
    ) {
        check(query, key, value, output, queryOffsets, keyOffsets, "attention")
        probabilities?.require(
            probabilityCount(queryOffsets: queryOffsets, keyOffsets: keyOffsets), "attention", "probabilities")
        scratch.require(scratchCount(queryOffsets: queryOffsets, keyOffsets: keyOffsets), "attention", "scratch")
        unsafe vlm_attention_forward(
            query.pointer, queryStride, key.pointer, value.pointer, keyValueStride, output.pointer, width, queryOffsets,
            keyOffsets, queryOffsets.count - 1, headCount, headWidth, scale, isCausal ? 1 : 0, probabilities?.pointer,
            scratch.pointer)
    }

    /// The gradients of `forward` with respect to query, key and value, overwritten, laid out as those are.
    public func backward(
        query: FloatRegion, key: FloatRegion, value: FloatRegion, outputGradient: FloatRegion, queryOffsets: [Int32],
        keyOffsets: [Int32], probabilities: FloatRegion, queryGradient: FloatRegion, keyGradient: FloatRegion,
        valueGradient: FloatRegion, scratch: FloatRegion
    ) {
        check(query, key, value, outputGradient, queryOffsets, keyOffsets, "attention backward")
        check(queryGradient, keyGradient, valueGradient, outputGradient, queryOffsets, keyOffsets, "attention backward")
        probabilities.require(
            probabilityCount(queryOffsets: queryOffsets, keyOffsets: keyOffsets), "attention backward", "probabilities")
        scratch.require(
            scratchCount(queryOffsets: queryOffsets, keyOffsets: keyOffsets), "attention backward", "scratch")
        unsafe vlm_attention_backward(
            query.pointer, queryStride, key.pointer, value.pointer, keyValueStride, outputGradient.pointer, width,
            queryOffsets, keyOffsets, queryOffsets.count - 1, headCount, headWidth, scale, probabilities.pointer,
            queryGradient.pointer, keyGradient.pointer, valueGradient.pointer, scratch.pointer)
    }

    func check(
        _ query: FloatRegion, _ key: FloatRegion, _ value: FloatRegion, _ output: FloatRegion, _ queryOffsets: [Int32],
        _ keyOffsets: [Int32], _ operation: StaticString
    ) {
        precondition(
            queryOffsets.count == keyOffsets.count,
            "\(operation): \(queryOffsets.count) query offsets, \(keyOffsets.count) key offsets")
        IndexedRowKernels.checkOffsets(queryOffsets, rowCount: rows(query, queryStride), operation)
        IndexedRowKernels.checkOffsets(keyOffsets, rowCount: rows(key, keyValueStride), operation)
        IndexedRowKernels.checkOffsets(keyOffsets, rowCount: rows(value, keyValueStride), operation)
        output.require(Int(queryOffsets[queryOffsets.count - 1]) * width, operation, "output")
    }

    /// Rows of `width` columns at `stride` that lie whole in the region.
    private func rows(_ region: FloatRegion, _ stride: Int) -> Int {
        region.count < width ? 0 : (region.count - width) / stride + 1
    }
}
