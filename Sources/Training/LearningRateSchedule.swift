import Glibc

/// Linear warm-up, then a cosine to zero, per step.
///
/// Step t counts from 0; with W warm-up steps of T in all: η·(t+1)/W for t < W, then η·½(1 + cos(π·(t−W)/(T−W))).
public struct LearningRateSchedule: Sendable, Equatable {
    /// The largest rate η.
    public let peakRate: Double
    /// The number W of warm-up steps.
    public let warmupStepCount: Int
    /// The number T of steps.
    public let stepCount: Int

    /// Makes a schedule; needs 0 <= warm-up <= steps.
    public init(peakRate: Double, warmupStepCount: Int, stepCount: Int) {
        precondition(
            0 <= warmupStepCount && warmupStepCount <= stepCount,
            "LearningRateSchedule: \(warmupStepCount) warm-up steps of \(stepCount)")
        self.peakRate = peakRate
        self.warmupStepCount = warmupStepCount
        self.stepCount = stepCount
    }

    /// The rate of a step, counted from 0.
    public func rate(atStep step: Int) -> Double {
        if step < warmupStepCount { return peakRate * Double(step + 1) / Double(warmupStepCount) }
        let progress = Double(step - warmupStepCount) / Double(max(1, stepCount - warmupStepCount))
        return peakRate * 0.5 * (1 + cos(.pi * min(1, progress)))
    }
}

extension Float {
    /// e to the power of `value`, rounded from Double.
    static func exponential(_ value: Float) -> Float { Float(exp(Double(value))) }
}
