import Encoders
import Kernels
import PipelineEngine

/// One optimisation step over a loaded batch; owns all memory that a step needs.
///
/// The batch is cut into slices of a fixed number of rows. Slices go forward through their towers in parallel, the loss
/// joins their embeddings, and the gradients go back slice by slice: slice i adds its weight gradients to lane i mod
/// `gradientLaneCount`, in order within the lane, and the lanes are added in order. Nothing depends on which thread runs
/// what, so neither do the bits.
final class TrainingStep {
    /// What one step did.
    struct Report {
        let rowCount: Int
        let loss: Double
        let gradientNorm: Double
        let learningRate: Double
    }

    /// Bounds of the stored logit scale: factors 1 and 100 (Radford et al. 2021).
    static let logitScaleRange: ClosedRange<Float> = 0...4.605_170_2

    let update: ParameterUpdate
    private let architecture: DualEncoderArchitecture
    private let recipe: TrainingRecipe
    private let schedule: LearningRateSchedule
    private let slices: TowerSlices
    private let loss: ContrastiveLoss

    init(
        architecture: DualEncoderArchitecture, recipe: TrainingRecipe, plan: BatchPlan, parameters: FloatBuffer
    ) {
        self.architecture = architecture
        self.recipe = recipe
        schedule = recipe.schedule(stepCount: plan.stepCount)
        update = ParameterUpdate(
            layout: architecture.layout, parameters: parameters, laneCount: recipe.gradientLaneCount)
        slices = TowerSlices(
            architecture: architecture, batchSize: plan.batchSize, sliceRowCount: recipe.sliceRowCount)
        loss = ContrastiveLoss(
            maximumRowCount: plan.batchSize, dimension: architecture.configuration.embeddingDimension)
    }

    var logitScale: Float { update.parameters[architecture.logitScaleOffset] }

    /// Runs step `step` (from 0) on the slices of its batch, in slice order.
    ///
    /// - Throws: `TrainingError` (`diverged`, `unusableData`), with the parameters as they were before.
    func run(_ inputs: [SliceInput], step: Int, on pool: ComputePool) async throws -> Report {
        let rowCount = inputs.reduce(0) { $0 + $1.rowCount }
        guard rowCount >= 2 else {
            throw TrainingError(
                .unusableData, "fewer than two samples of a batch could be loaded; see the quarantine for the reasons",
                place: "step \(step)")
        }
        var placed: [(SliceInput, Int)] = []
        for input in inputs {
            placed.append((input, placed.last.map { $0.1 + $0.0.rowCount } ?? 0))
        }
        let rows = placed
        let parameters = update.parameters
        let slices = self.slices
        // Image slices first: they take longer, so the text slices fill the gaps at the end.
        let forward = rows.map { (TowerSlices.Tower.image, $0.0, $0.1) } + rows.map { (.text, $0.0, $0.1) }
        _ = try await pool.map(forward) { tower, input, offset in
            slices.forward(tower, input, at: offset, parameters: parameters)
        }

        let targets = PairTargets(
            imageGroups: inputs.flatMap(\.imageGroups), textGroups: inputs.flatMap(\.textGroups))
        let value = try await loss.evaluate(
            images: slices.imageEmbeddings, texts: slices.textEmbeddings, targets: targets, logitScale: logitScale,
            imageGradient: slices.imageGradient, textGradient: slices.textGradient, on: pool)
        guard value.loss.isFinite else { throw diverged("the loss", step) }

        let lanes = update.gradientLanes
        let backward = [TowerSlices.Tower.image, .text].flatMap { tower in lanes.indices.map { (tower, $0) } }
        _ = try await pool.map(backward) { tower, lane in
            for index in stride(from: lane, to: rows.count, by: lanes.count) where rows[index].0.rowCount > 0 {
                slices.backward(
                    tower, slice: rows[index].0.slice, at: rows[index].1, parameters: parameters,
                    gradient: lanes[lane])
            }
        }
        lanes[0][architecture.logitScaleOffset] += Float(value.logitScaleGradient)

        let rate = schedule.rate(atStep: step)
        let norm = try await update.apply(recipe: recipe, step: step + 1, rate: rate, on: pool)
        guard norm.isFinite else { throw diverged("the gradient", step) }
        let scale = parameters[architecture.logitScaleOffset]
        parameters[architecture.logitScaleOffset] =
            min(max(scale, Self.logitScaleRange.lowerBound), Self.logitScaleRange.upperBound)
        return Report(rowCount: rowCount, loss: value.loss, gradientNorm: norm, learningRate: rate)
    }

    private func diverged(_ what: String, _ step: Int) -> TrainingError {
        TrainingError(
            .diverged, "\(what) is not finite any more; start a new run with a lower learningRate or a longer warm-up",
            place: "step \(step)")
    }
}
