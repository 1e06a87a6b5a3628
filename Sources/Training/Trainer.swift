import ByteFormats
import Encoders
import Kernels
import PipelineEngine
import Samples

/// Trains a dual encoder on image–text pairs; can be stopped or killed at any moment and goes on from its last checkpoint.
///
/// Equal recipe, architecture and data give the same parameters bit for bit, for every number of threads and however often
/// the run was broken off. The run folder gets `checkpoints/` and `metrics.jsonl`.
///
///     let trainer = try Trainer(
///         architecture: architecture, recipe: recipe, source: source, runDirectory: "runs/1", pool: pool)
///     let outcome = try await trainer.run(progress: { print($0.loss) }, stop: stop) { snapshot in
///         try await evaluate(snapshot)
///     }
///
/// Memory is (3 + gradient lanes) × parameters, the activations of one batch, 2·B² floats for the loss, and the batches
/// loaded ahead; it does not grow with the data set.
public final class Trainer {
    /// The recipe.
    public let recipe: TrainingRecipe
    /// The batches of the run.
    public let plan: BatchPlan
    /// Steps done before this trainer was made: 0, or those of the checkpoint it goes on from.
    public let resumedStep: Int

    private let architecture: DualEncoderArchitecture
    private let loader: BatchLoader
    private let step: TrainingStep
    private let store: CheckpointStore
    private let metricsPath: String
    private let pool: ComputePool
    private let failurePolicy: FailurePolicy
    private let nowSeconds: @Sendable () -> Double
    private var state: CheckpointState

    /// Prepares a run, reading the newest checkpoint in its folder if there is one.
    ///
    /// - Parameters:
    ///   - runDirectory: made if it is missing; belongs to this run alone.
    ///   - failurePolicy: how many samples of the run may fail to load.
    ///   - nowSeconds: the clock, for rates only.
    /// - Throws: `TrainingError` (`invalidRecipe`, `unusableData`, `unusableCheckpoint`), errors of the file system.
    public init(
        architecture: DualEncoderArchitecture, recipe: TrainingRecipe, source: any TrainingSource, runDirectory: String,
        pool: ComputePool, failurePolicy: FailurePolicy = .default,
        nowSeconds: @escaping @Sendable () -> Double = ProgressReporter.monotonicSeconds
    ) throws {
        try recipe.validate()
        let problems = architecture.configuration.trainingProblems
        guard problems.isEmpty else {
            throw TrainingError(
                .invalidRecipe,
                "this model cannot be trained (\(problems.joined(separator: "; "))); use it as it is, or train one of a recipe",
                place: "model configuration")
        }
        let plan = try BatchPlan(recipe: recipe, sampleCount: source.sampleCount)
        self.architecture = architecture
        self.recipe = recipe
        self.plan = plan
        self.pool = pool
        self.failurePolicy = failurePolicy
        self.nowSeconds = nowSeconds
        loader = BatchLoader(plan: plan, source: source, recipe: recipe, configuration: architecture.configuration)
        step = TrainingStep(
            architecture: architecture, recipe: recipe, plan: plan,
            parameters: architecture.initialParameters(seed: recipe.seed))
        try Folder.create(runDirectory)
        store = CheckpointStore(folder: runDirectory + "/checkpoints")
        metricsPath = runDirectory + "/" + MetricsLog.fileName
        let fresh = CheckpointState(
            step: 0, epoch: 0, loaderPosition: 0, recipe: recipe,
            modelFingerprint: Self.fingerprint(of: architecture), dataFingerprint: source.fingerprint)
        state =
            try store.restoreNewest(expecting: fresh, layout: architecture.layout, update: step.update) ?? fresh
        resumedStep = state.step
    }

    /// Runs the remaining steps, or those before a stop is requested.
    ///
    /// - Parameters:
    ///   - progress: called after every step.
    ///   - stop: looked at after every step; a checkpoint is written before the call returns.
    ///   - evaluate: called `evaluationCount` times over the run, the last time after the last step.
    /// - Throws: `TrainingError` (`diverged`, `unusableData`), `PipelineError` (`tooManyFailures`), errors of the file
    ///   system and of `evaluate`, `CancellationError`. The last checkpoint stays.
    public nonisolated(nonsending) func run(
        progress: (TrainingProgress) -> Void = { _ in }, stop: StopSignal? = nil,
        evaluate: ((TrainingSnapshot) async throws -> TrainingEvaluation)? = nil
    ) async throws -> TrainingOutcome {
        var metrics = try MetricsWriter(path: metricsPath, keepingThroughStep: state.step)
        try store.removeOld(isScheduled: isCheckpointStep)
        var pace = TrainingPace()
        var accounting = Accounting()
        var inputs: [SliceInput] = []
        let slicesPerStep = loader.slicesPerStep
        do {
            try await pool.orderedMap(
                loader.units(steps: state.step..<plan.stepCount),
                window: slicesPerStep * (1 + recipe.prefetchBatchCount)
            ) { [loader] unit in
                try loader.load(unit)
            } consume: { input in
                accounting.recordSamples(input.rowCount)
                accounting.recordQuarantined(input.failureCount)
                inputs.append(input)
                guard inputs.count == slicesPerStep else { return }
                if state.step + 1 == plan.stepCount {
                    try failurePolicy.checkFinal(accounting)
                } else {
                    try failurePolicy.check(accounting)
                }
                let report = try await step.run(inputs, step: state.step, on: pool)
                inputs.removeAll(keepingCapacity: true)
                pace.stepEnded(rowCount: report.rowCount, atSeconds: nowSeconds())
                try metrics.append(note(report, pace))
                progress(progressValue(report, pace))
                try await finishStep(&metrics, evaluate)
                pace.workResumed(atSeconds: nowSeconds())
                if state.step < plan.stepCount, stop?.isStopRequested == true {
                    if !isCheckpointStep(state.step) { try writeCheckpoint(metrics) }
                    throw StopRequested()
                }
            }
        } catch is StopRequested {
            // The state is saved; the outcome says that the run is not complete.
        }
        return TrainingOutcome(
            step: state.step, stepCount: plan.stepCount, lastLoss: state.lastLoss, best: best,
            parameters: step.update.parameters.copy(), failedSampleCount: loader.failedSampleCount,
            samplesPerSecond: pace.meanSamplesPerSecond)
    }

    private struct StopRequested: Error {}

    /// The printed configuration names every field, and the layout every parameter.
    private static func fingerprint(of architecture: DualEncoderArchitecture) -> String {
        let parameters = architecture.layout.entries.map { "\($0.name) \($0.shape) \($0.isDecayed)" }
        return Digest(hashing: "\(architecture.configuration)\n" + parameters.joined(separator: "\n")).hexadecimal
    }

    private var best: (evaluation: TrainingEvaluation, step: Int)? {
        guard let evaluation = state.best, let step = state.bestStep else { return nil }
        return (evaluation, step)
    }

    /// Counts the step and makes its line for the log.
    private func note(_ report: TrainingStep.Report, _ pace: TrainingPace) -> MetricsRecord {
        let epoch = plan.epoch(ofStep: state.step)
        state.step += 1
        state.epoch = plan.epoch(ofStep: state.step)
        state.loaderPosition = plan.position(ofStep: state.step)
        state.lastLoss = report.loss
        return MetricsRecord(
            kind: .step, step: state.step, epoch: epoch, loss: report.loss, logitScale: Double(step.logitScale),
            learningRate: report.learningRate, gradientNorm: report.gradientNorm, sampleCount: report.rowCount,
            samplesPerSecond: pace.samplesPerSecond)
    }

    private func progressValue(_ report: TrainingStep.Report, _ pace: TrainingPace) -> TrainingProgress {
        TrainingProgress(
            step: state.step, stepCount: plan.stepCount, epoch: plan.epoch(ofStep: state.step - 1), loss: report.loss,
            logitScale: Double(step.logitScale), learningRate: report.learningRate,
            samplesPerSecond: pace.samplesPerSecond,
            secondsLeft: pace.secondsLeft(stepCount: plan.stepCount - state.step))
    }

    /// What follows a step: evaluation and checkpoint where they are due.
    private nonisolated(nonsending) func finishStep(
        _ metrics: inout MetricsWriter, _ evaluate: ((TrainingSnapshot) async throws -> TrainingEvaluation)?
    ) async throws {
        if let evaluate, isEvaluationStep(state.step) {
            let snapshot = TrainingSnapshot(step: state.step, parameters: step.update.parameters.copy())
            let evaluation = try await evaluate(snapshot)
            try metrics.append(
                MetricsRecord(
                    kind: .evaluation, step: state.step, epoch: plan.epoch(ofStep: state.step - 1),
                    metrics: evaluation.metrics))
            if state.best.map({ evaluation.score > $0.score }) ?? true {
                state.best = evaluation
                state.bestStep = state.step
            }
        }
        if isCheckpointStep(state.step) { try writeCheckpoint(metrics) }
    }

    private func writeCheckpoint(_ metrics: borrowing MetricsWriter) throws {
        try metrics.synchronize()
        try store.write(
            state, layout: architecture.layout, update: step.update, isScheduled: isCheckpointStep)
    }

    private func isCheckpointStep(_ step: Int) -> Bool {
        step.isMultiple(of: recipe.checkpointInterval) || step == plan.stepCount
    }

    /// Whether one of the evenly spread evaluations falls on the step: ⌊step·n/T⌋ changes.
    private func isEvaluationStep(_ step: Int) -> Bool {
        step * recipe.evaluationCount / plan.stepCount > (step - 1) * recipe.evaluationCount / plan.stepCount
    }
}
