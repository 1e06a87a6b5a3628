import Kernels

/// How far a run is, after a step.
public struct TrainingProgress: Sendable, Equatable {
    /// Steps done.
    public let step: Int
    /// Steps of the run.
    public let stepCount: Int
    /// The epoch of the step, from 0.
    public let epoch: Int
    /// The loss of the step's batch.
    public let loss: Double
    /// The stored logit scale (a logarithm).
    public let logitScale: Double
    /// The learning rate of the step.
    public let learningRate: Double
    /// Samples per second, loading included; nil before the second step.
    public let samplesPerSecond: Double?
    /// The time left at that rate, evaluations included; nil before the second step.
    public let secondsLeft: Double?
}

/// What a hold-out evaluation found.
public struct TrainingEvaluation: Codable, Sendable, Equatable {
    /// Values by name, for example `textToImage.recall@10`.
    public var metrics: [String: Double]
    /// The one number by which evaluations are compared; larger is better.
    public var score: Double

    /// A result.
    public init(metrics: [String: Double], score: Double) {
        self.metrics = metrics
        self.score = score
    }
}

/// The parameters at a step, for whoever evaluates; a copy that the trainer does not write.
public struct TrainingSnapshot: Sendable {
    /// Steps done.
    public let step: Int
    /// All parameters in the order of the architecture's layout.
    public let parameters: FloatBuffer
}

/// How a call of `Trainer.run` ended.
public struct TrainingOutcome: Sendable {
    /// Steps done.
    public let step: Int
    /// Steps of the run.
    public let stepCount: Int
    /// Whether all steps are done; otherwise a stop was requested, and running again goes on.
    public var isComplete: Bool { step == stepCount }
    /// The loss of the last batch.
    public let lastLoss: Double?
    /// The best evaluation by score, and its step.
    public let best: (evaluation: TrainingEvaluation, step: Int)?
    /// The parameters, which nobody else writes.
    public let parameters: FloatBuffer
    /// Samples that could not be loaded in this call, each counted once.
    public let failedSampleCount: Int
    /// Samples per second of this call, without evaluations and checkpoints; nil if it ran less than two steps.
    public let samplesPerSecond: Double?
}
