import Glibc

/// Items per second over the recent past, and the time left at that rate.
///
/// An exponentially weighted mean over time with a half-life of ten seconds: it follows a change of pace, and does not
/// jump with each chunk. Deterministic, given the times.
public struct RateEstimator: Sendable {
    private static let halfLifeSeconds = 10.0

    private var weightedCount = 0.0
    private var weightedSeconds = 0.0
    private var lastSeconds: Double?
    private var lastCount = 0.0

    /// No observation yet.
    public init() {}

    /// Notes how many items were done at a time; times must not run backwards.
    public mutating func observe(completedCount: Double, atSeconds seconds: Double) {
        guard let last = lastSeconds else {
            lastSeconds = seconds
            lastCount = completedCount
            return
        }
        let elapsed = max(0, seconds - last)
        let decay = Self.power(half: elapsed / Self.halfLifeSeconds)
        weightedCount = weightedCount * decay + (completedCount - lastCount)
        weightedSeconds = weightedSeconds * decay + elapsed
        lastSeconds = seconds
        lastCount = completedCount
    }

    /// Items per second; nil before two observations at different times.
    public var itemsPerSecond: Double? {
        weightedSeconds > 0 ? max(0, weightedCount / weightedSeconds) : nil
    }

    /// Seconds until `totalCount`; nil when the rate is not known or zero.
    public func secondsLeft(totalCount: Double) -> Double? {
        guard let rate = itemsPerSecond, rate > 0 else { return nil }
        return max(0, totalCount - lastCount) / rate
    }

    /// One half to the given power, which is not negative.
    private static func power(half exponent: Double) -> Double {
        if exponent > 1000 { return 0 }
        return exp2(-exponent)
    }
}
