extension ResampleAxis {
    /// The same target elements from a source of which only the elements `range` are there. Traps unless they are all that
    /// the target needs.
    public func within(_ range: Range<Int>) -> ResampleAxis {
        part(0..<targetCount, of: range)
    }

    /// The same read backwards: both source and target elements are counted from the other end.
    public func mirrored() -> ResampleAxis {
        ResampleAxis(
            sourceCount: sourceCount, tapCount: tapCount,
            starts: starts.reversed().map { Int32(sourceCount - tapCount) - $0 }, weights: weights.reversed(),
            coefficients: coefficients.reversed())
    }

    /// The target elements `targets` from a source of which only the elements `range` are there.
    func part(_ targets: Range<Int>, of range: Range<Int>) -> ResampleAxis {
        let starts = starts[targets]
        precondition(
            starts.allSatisfy { Int($0) >= range.lowerBound && Int($0) + tapCount <= range.upperBound },
            "ResampleAxis: targets \(targets) need more than the source elements \(range)")
        let taps = targets.lowerBound * tapCount..<targets.upperBound * tapCount
        return ResampleAxis(
            sourceCount: range.count, tapCount: tapCount, starts: starts.map { $0 - Int32(range.lowerBound) },
            weights: Array(weights[taps]), coefficients: Array(coefficients[taps]))
    }

    /// The first source element that target element `index` needs.
    func start(ofTarget index: Int) -> Int { Int(starts[index]) }

    /// The target elements from `first` on that need only source elements below `end`.
    func targets(from first: Int, within end: Int) -> Range<Int> {
        var last = first
        while last < targetCount, Int(starts[last]) + tapCount <= end { last += 1 }
        return first..<last
    }
}
