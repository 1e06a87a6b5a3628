import CKernels

extension PlainKernels {
    /// x·Wᵀ of x [rows, depth] and W [columns, depth], summed as `PanelProduct` does: in runs of 384 terms, each term added with one
    /// rounding if `isFused`.
    public static func panelProduct(
        _ x: [Scalar], weight: [Scalar], rowCount: Int, columnCount: Int, depth: Int, isFused: Bool
    ) -> [Scalar] {
        var result: [Scalar] = []
        for row in 0..<rowCount {
            for column in 0..<columnCount {
                var total: Scalar = 0
                for start in stride(from: 0, to: depth, by: Int(VLM_PANEL_DEPTH_RUN)) {
                    var sum: Scalar = 0
                    for place in start..<min(start + Int(VLM_PANEL_DEPTH_RUN), depth) {
                        let (a, b) = (x[row * depth + place], weight[column * depth + place])
                        if isFused { sum.addProduct(a, b) } else { sum += a * b }
                    }
                    total = start == 0 ? sum : total + sum
                }
                result.append(total)
            }
        }
        return result
    }
}
