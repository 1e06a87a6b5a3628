extension PlainKernels where Scalar == Float {
    /// One number per value, x ≈ scale · (q − zero).
    public struct QuantizedRow: Equatable, Sendable {
        /// 0 to 255, −127 to 127 for weights, or words.
        public let values: [Int]
        /// What one step is worth.
        public let scale: Float
        /// The number of 0.
        public let zero: Int
    }

    /// The largest word of a product of `depth` columns.
    public static func wordLimit(depth: Int) -> Int {
        min(32767, Int((2_147_483_008 / Float(depth)).squareRoot().rounded(.down)))
    }

    /// A row by its range with 0, as `QuantizedProduct` does; columns in `outliers` count as 0.
    public static func quantizedRow(_ x: [Float], outliers: Set<Int> = []) -> QuantizedRow {
        let x = x.enumerated().map { outliers.contains($0.offset) ? 0 : $0.element }
        let (low, high) = (min(0, x.min() ?? 0), max(0, x.max() ?? 0))
        var scale = (high - low) / 255
        if !(scale > 1e-30) { scale = 0 }
        let inverse = scale > 0 ? 1 / scale : 0
        let zero = Int((-low * inverse).rounded(.toNearestOrEven))
        let values = x.map { min(255, max(0, Int(($0 * inverse).rounded(.toNearestOrEven)) + zero)) }
        return QuantizedRow(values: values, scale: scale, zero: zero)
    }

    /// A column of weights by its largest absolute value, as `QuantizedWeights` does.
    ///
    /// - Parameter limit: The largest number; in words, rows are quantised in this way too.
    public static func quantizedWeights(
        _ w: [Float], outliers: Set<Int> = [], limit: Int = 127
    ) -> QuantizedRow {
        let w = w.enumerated().map { outliers.contains($0.offset) ? 0 : $0.element }
        var scale = (w.map { abs($0) }.max() ?? 0) / Float(limit)
        if !(scale > 1e-30) { scale = 0 }
        let inverse = scale > 0 ? 1 / scale : 0
        let values = w.map { min(limit, max(-limit, Int(($0 * inverse).rounded(.toNearestOrEven)))) }
        return QuantizedRow(values: values, scale: scale, zero: 0)
    }

    /// x·Wᵀ of x [rows, depth] and W [columns, depth] in integers; the outliers' products are added in order, each with one
    /// rounding if `isFused`.
    public static func quantizedProduct(
        _ x: [Float], weight: [Float], rowCount: Int, columnCount: Int, depth: Int, outliers: [Int], isFused: Bool,
        width: IntegerWidth = .bytes
    ) -> [Float] {
        let limit = width == .words ? wordLimit(depth: depth) : 127
        func row(_ values: [Float], _ index: Int) -> [Float] { Array(values[index * depth..<(index + 1) * depth]) }
        let weights = (0..<columnCount).map { quantizedWeights(row(weight, $0), outliers: Set(outliers), limit: limit) }
        var result: [Float] = []
        for index in 0..<rowCount {
            let values =
                width == .words
                ? quantizedWeights(row(x, index), outliers: Set(outliers), limit: limit)
                : quantizedRow(row(x, index), outliers: Set(outliers))
            for column in 0..<columnCount {
                let sum = zip(values.values, weights[column].values).reduce(0) { $0 + ($1.0 - values.zero) * $1.1 }
                var product = Float(sum) * (values.scale * weights[column].scale)
                for place in outliers {
                    let (a, b) = (x[index * depth + place], weight[column * depth + place])
                    if isFused { product.addProduct(a, b) } else { product += a * b }
                }
                result.append(product)
            }
        }
        return result
    }
}
