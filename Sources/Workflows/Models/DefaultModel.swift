import Encoders
import Foundation
import Kernels
import PipelineEngine
import SampleCatalog
import Samples
import Training

/// What `embed` does when there is no model yet: train the default recipe, if that is sensible.
enum DefaultModel {
    /// Fewer captioned pairs than this teach an encoder nothing worth waiting for.
    static let minimumPairCount = 2000
    /// Longer than this is not started without being asked for.
    static let maximumSeconds = 15.0 * 60
    /// Share of the matrix-product speed that whole training steps reach, for the estimate.
    private static let efficiency = 0.5

    /// Trains the default recipe and says so, with an estimate of the time.
    ///
    /// - Parameter mayTakeLong: what `--train` says.
    /// - Throws: `WorkflowError` with code `usage` that names the ways to a model when training is not sensible.
    static func train(mayTakeLong: Bool, catalog: SampleCatalog, in session: Session) async throws {
        var pairCount = 0
        for shard in try catalog.shards(split: .train, states: [.complete]) {
            try catalog.forEachChunk(ofShard: shard.id, count: 4096, split: .train, includesQuarantined: false) {
                chunk in
                pairCount += chunk.count { !$0.captions.isEmpty }
            }
        }
        let ways =
            "train one with 'vlmpipe train', import one with 'vlmpipe model import', or start from the built-in data with "
            + "'vlmpipe demo-data'"
        guard pairCount >= minimumPairCount || (mayTakeLong && pairCount >= 2) else {
            throw WorkflowError(
                .usage,
                "there is no model yet, and \(pairCount) captioned training pairs are too few to train one unasked "
                    + "(\(minimumPairCount) are needed); \(ways)")
        }
        let recipe = try EncoderRecipe(path: nil, seed: nil)
        let seconds = try await estimatedSeconds(recipe, sampleCount: pairCount, pool: session.pool)
        let text = ProgressReporter.duration(seconds)
        guard seconds <= maximumSeconds || mayTakeLong else {
            throw WorkflowError(
                .usage,
                "there is no model yet, and training the default recipe here would take about \(text); "
                    + "do it with 'vlmpipe embed --train', or \(ways)")
        }
        session.note("no model yet: training the default recipe first, about \(text)")
        let report = try await TrainWorkflow.run(
            TrainRequest(recipePath: nil, model: "inhouse", datasets: [], seed: nil), in: session)
        session.note(report.summary)
    }

    /// Floating-point operations of the run over this machine's measured speed of matrix products.
    private static func estimatedSeconds(
        _ recipe: EncoderRecipe, sampleCount: Int, pool: ComputePool
    ) async throws -> Double {
        let image = recipe.image
        let tokens = Double((image.size / image.patch) * (image.size / image.patch) + 1)
        // Two operations per weight and token forward, twice that backward; a block has 12 width² weights.
        func cost(tokens: Double, width: Int, layers: Int) -> Double {
            6 * tokens * 12 * Double(width * width) * Double(layers)
        }
        let perSample =
            cost(tokens: tokens, width: image.width, layers: image.layers)
            + cost(tokens: Double(recipe.text.context) / 2, width: recipe.text.width, layers: recipe.text.layers)
        let plan = try BatchPlan(recipe: recipe.training, sampleCount: sampleCount)
        let rates = try await pool.map(Array(0..<pool.threadCount)) { _ in measuredOperationsPerSecond() }
        return perSample * Double(plan.stepCount * plan.batchSize) / (rates.reduce(0, +) * efficiency)
    }

    /// Speed of one thread at a product of a tower's size.
    private static func measuredOperationsPerSecond() -> Double {
        let (rows, columns, inner) = (512, 768, 256)
        let (left, right, product) = (
            FloatBuffer(count: rows * inner), FloatBuffer(count: columns * inner), FloatBuffer(count: rows * columns)
        )
        var best = 0.0
        for _ in 0..<5 {
            let start = ProgressReporter.monotonicSeconds()
            MatrixProduct.multiply(
                FloatRegion(left), by: FloatRegion(right), isRightTransposed: true, into: FloatRegion(product),
                rowCount: rows, columnCount: columns, depth: inner)
            let seconds = ProgressReporter.monotonicSeconds() - start
            best = max(best, 2 * Double(rows * columns * inner) / max(seconds, 1e-9))
        }
        return best
    }
}
