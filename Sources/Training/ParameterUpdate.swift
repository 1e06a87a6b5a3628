import Encoders
import Kernels
import PipelineEngine

/// Parameters, AdamW's moments and the gradient lanes, in flat buffers of one layout.
///
/// The flat range is cut into blocks that never cross a change of weight decay. Lanes are reduced and squares summed per
/// block, and the blocks' sums added in order, so that the bits do not depend on the number of threads. Gradients are
/// accumulated in Float32, their squared norm in Double. Lanes are zero between steps.
final class ParameterUpdate: Sendable {
    /// A run of parameters with equal decay, small enough for the inner caches.
    struct Block: Sendable {
        let offset: Int
        let count: Int
        let isDecayed: Bool
    }

    static let blockCount = 1 << 16
    /// As in PyTorch's `clip_grad_norm_`: keeps the factor finite.
    private static let clipEpsilon = 1e-6

    let parameters: FloatBuffer
    let firstMoment: FloatBuffer
    let secondMoment: FloatBuffer
    let gradientLanes: [FloatBuffer]
    let blocks: [Block]

    init(layout: ParameterLayout, parameters: FloatBuffer, laneCount: Int) {
        precondition(
            parameters.count == layout.totalCount,
            "ParameterUpdate: \(parameters.count) parameters, the layout has \(layout.totalCount)")
        self.parameters = parameters
        firstMoment = FloatBuffer(count: layout.totalCount)
        secondMoment = FloatBuffer(count: layout.totalCount)
        gradientLanes = (0..<laneCount).map { _ in FloatBuffer(count: layout.totalCount) }
        blocks = Self.blocks(of: layout)
    }

    /// One AdamW step with clipping by the global norm; lanes are zero afterwards.
    ///
    /// - Parameter step: counts from 1.
    /// - Returns: the gradient's norm before clipping. If it is not finite nothing but the lanes has changed.
    func apply(recipe: TrainingRecipe, step: Int, rate: Double, on pool: ComputePool) async throws -> Double {
        let sums = try await pool.map(blocks) { self.reduce($0) }
        let norm = sums.reduce(0, +).squareRoot()
        guard norm.isFinite else { return norm }
        let scale = min(1, recipe.clipNorm / (norm + Self.clipEpsilon))
        func numbers(weightDecay: Double) -> OptimizerKernels.AdamWStep {
            OptimizerKernels.AdamWStep(
                step: step, rate: rate, beta1: recipe.beta1, beta2: recipe.beta2, epsilon: recipe.epsilon,
                weightDecay: weightDecay, gradientScale: Float(scale))
        }
        let decayed = numbers(weightDecay: recipe.weightDecay)
        let undecayed = numbers(weightDecay: 0)
        _ = try await pool.map(blocks) { self.update($0, $0.isDecayed ? decayed : undecayed) }
        return norm
    }

    /// Adds all lanes into the first, in order, and returns the block's sum of squares.
    private func reduce(_ block: Block) -> Double {
        let sum = FloatRegion(gradientLanes[0], offset: block.offset, count: block.count)
        for lane in gradientLanes.dropFirst() {
            let part = FloatRegion(lane, offset: block.offset, count: block.count)
            RowKernels.add(part, to: sum)
            RowKernels.fill(part, with: 0)
        }
        return OptimizerKernels.sumOfSquares(sum)
    }

    private func update(_ block: Block, _ step: OptimizerKernels.AdamWStep) {
        func region(_ buffer: FloatBuffer) -> FloatRegion {
            FloatRegion(buffer, offset: block.offset, count: block.count)
        }
        let gradient = region(gradientLanes[0])
        OptimizerKernels.adamW(
            parameters: region(parameters), firstMoment: region(firstMoment), secondMoment: region(secondMoment),
            gradient: gradient, step: step)
        RowKernels.fill(gradient, with: 0)
    }

    static func blocks(of layout: ParameterLayout) -> [Block] {
        var blocks: [Block] = []
        var entries = layout.entries[...]
        while let first = entries.first {
            let run = entries.prefix { $0.isDecayed == first.isDecayed }
            entries = entries.dropFirst(run.count)
            let end = run.reduce(first.offset) { max($0, $1.range.upperBound) }
            for offset in stride(from: first.offset, to: end, by: blockCount) {
                blocks.append(
                    Block(offset: offset, count: min(blockCount, end - offset), isDecayed: first.isDecayed))
            }
        }
        return blocks
    }
}
