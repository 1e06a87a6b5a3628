import PipelineEngine

/// How fast a run goes, without the first step, in which memory is made, and with evaluations apart.
struct TrainingPace {
    private var rate = RateEstimator()
    private var stepRate = RateEstimator()
    private var rowCount = 0
    private var stepCount = 0
    private var workSeconds = 0.0
    private var timedRowCount = 0
    private var workStart: Double?

    /// Samples per second over the recent past.
    var samplesPerSecond: Double? { rate.itemsPerSecond }

    /// Samples per second of all timed steps.
    var meanSamplesPerSecond: Double? { workSeconds > 0 ? Double(timedRowCount) / workSeconds : nil }

    func secondsLeft(stepCount: Int) -> Double? {
        guard let rate = stepRate.itemsPerSecond, rate > 0 else { return nil }
        return Double(stepCount) / rate
    }

    mutating func stepEnded(rowCount count: Int, atSeconds seconds: Double) {
        rowCount += count
        stepCount += 1
        rate.observe(completedCount: Double(rowCount), atSeconds: seconds)
        stepRate.observe(completedCount: Double(stepCount), atSeconds: seconds)
        if let workStart {
            workSeconds += seconds - workStart
            timedRowCount += count
        }
    }

    /// Evaluation and checkpoint are over.
    mutating func workResumed(atSeconds seconds: Double) {
        workStart = seconds
    }
}
