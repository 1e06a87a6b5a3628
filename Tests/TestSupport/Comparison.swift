import Testing

/// A small repeatable generator for test data.
public struct TestRandom {
    private var state: UInt64

    /// A stream that starts from `seed`.
    public init(seed: UInt64) {
        state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    }

    /// Uniform in [0, 1).
    public mutating func unit() -> Double {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Double(state >> 11) * 0x1p-53
    }

    /// Uniform numbers in a range.
    public mutating func values(_ count: Int, _ range: ClosedRange<Double> = -1...1) -> [Float] {
        (0..<count).map { _ in Float(range.lowerBound + (range.upperBound - range.lowerBound) * unit()) }
    }

    /// A whole number in 0 ..< bound.
    public mutating func integer(below bound: Int) -> Int {
        min(bound - 1, Int(unit() * Double(bound)))
    }
}

/// Fails unless both have the same count, all values are finite and every difference is within
/// `bound` · (1 + |expected|); names the worst place.
public func expectClose(
    _ actual: [Float], _ expected: [Double], bound: Double, _ label: String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    guard actual.count == expected.count else {
        Issue.record("\(label): \(actual.count) values, expected \(expected.count)", sourceLocation: sourceLocation)
        return
    }
    var worst = (index: -1, excess: 0.0)
    for index in actual.indices {
        guard actual[index].isFinite, expected[index].isFinite else {
            Issue.record(
                "\(label): \(actual[index]) at \(index), expected \(expected[index])", sourceLocation: sourceLocation)
            return
        }
        let excess = abs(Double(actual[index]) - expected[index]) / (1 + abs(expected[index]))
        if !(excess <= worst.excess) { worst = (index, excess) }
    }
    if !(worst.excess <= bound) {
        Issue.record(
            """
            \(label): \(actual[worst.index]) at \(worst.index), expected \(expected[worst.index]), \
            off by \(worst.excess) > \(bound)
            """,
            sourceLocation: sourceLocation)
    }
}
