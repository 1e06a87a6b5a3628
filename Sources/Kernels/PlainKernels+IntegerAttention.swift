import Glibc

extension PlainKernels where Scalar == Float {
    /// The largest whole number of which `count` products with `other` fit in 32 bits, at most 15 bits.
    private static func limit(_ count: Float, _ other: Float) -> Float {
        min(32767, (2_147_483_008 / (count * other)).rounded(.down))
    }

    /// Values by their largest absolute value, at most `limit` steps.
    private static func words(_ x: [Float], limit: Float) -> (values: [Int], step: Float) {
        let step = (x.map(abs).max() ?? 0) / limit
        guard step > 1e-30 else { return (x.map { _ in 0 }, 0) }
        return (x.map { Int(($0 * (1 / step)).rounded(.toNearestOrEven)) }, step)
    }

    /// One head over one sequence of dense rows [queries or keys, width], as `AttentionKernel.forwardInIntegers` does.
    ///
    /// Exponentials may differ from the kernel's in the last bits, and with them a word by one.
    public static func integerAttention(
        query: [Float], key: [Float], value: [Float], width: Int, isCausal: Bool
    ) -> [Float] {
        let (queryCount, keyCount) = (query.count / width, key.count / width)
        func row(_ x: [Float], _ index: Int) -> [Float] { Array(x[index * width..<(index + 1) * width]) }
        let rowLimit = min(32767, (2_147_483_008 / Float(width)).squareRoot().rounded(.down))
        let keys = (0..<keyCount).map { words(row(key, $0), limit: rowLimit) }
        let sumLimit = 1 << 20
        let valueLimit = limit(1, Float(sumLimit + keyCount))
        let values = (0..<width).map { column in
            words((0..<keyCount).map { value[$0 * width + column] }, limit: valueLimit)
        }
        var result: [Float] = []
        for index in 0..<queryCount {
            let words = words(row(query, index), limit: rowLimit)
            let factor = words.step * (1 / Float(width).squareRoot() * 1.442_695)
            let visible = isCausal ? index + keyCount - queryCount + 1 : keyCount
            let scores = keys.prefix(visible).map { key -> Float in
                let sum = zip(words.values, key.values).reduce(0) { $0 + $1.0 * $1.1 }
                return Float(sum) * (key.step * factor)
            }
            let largest = scores.max() ?? 0
            let powers = scores.map { exp2f(max(-126, $0 - largest)) }
            let unit = min(32767, Float(sumLimit) / powers.reduce(0, +))
            let probabilities = powers.map { Int(($0 * unit).rounded(.toNearestOrEven)) }
            let total = 1 / Float(probabilities.reduce(0, +))
            for column in values {
                let sum = zip(probabilities, column.values).reduce(0) { $0 + $1.0 * $1.1 }
                result.append(Float(sum) * (column.step * total))
            }
        }
        return result
    }
}
