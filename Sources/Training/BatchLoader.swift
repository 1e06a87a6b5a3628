import Encoders
import Synchronization

/// The rows of one slice, ready for the towers.
struct SliceInput: Sendable {
    let step: Int
    let slice: Int
    /// [rows, size, size, 3] RGB bytes.
    var pixels: [UInt8] = []
    var tokens: [[Int32]] = []
    var imageGroups: [UInt64] = []
    var textGroups: [UInt64] = []
    var failureCount = 0

    var rowCount: Int { tokens.count }
}

/// Loads slices on any thread; what a slice holds depends on plan and source alone.
///
/// A sample that cannot be loaded is left out of its slice, the same in every run, since loading is deterministic.
final class BatchLoader: Sendable {
    /// One slice of one step.
    struct Unit: Sendable {
        let step: Int
        let slice: Int
        let positions: Range<Int>
    }

    private let plan: BatchPlan
    private let source: any TrainingSource
    private let seed: UInt64
    private let sliceRowCount: Int
    private let imageByteCount: Int
    private let contextLength: Int
    private let failedSamples = Mutex<Set<Int>>([])

    init(plan: BatchPlan, source: any TrainingSource, recipe: TrainingRecipe, configuration: DualEncoderConfiguration) {
        self.plan = plan
        self.source = source
        seed = recipe.seed
        sliceRowCount = recipe.sliceRowCount
        imageByteCount = configuration.vision.imageByteCount
        contextLength = configuration.text.contextLength
    }

    var slicesPerStep: Int { (plan.batchSize + sliceRowCount - 1) / sliceRowCount }

    /// How many different samples could not be loaded so far.
    var failedSampleCount: Int { failedSamples.withLock { $0.count } }

    /// The units of the steps in order, made as they are asked for.
    func units(steps: Range<Int>) -> some Sequence<Unit> & Sendable {
        Units(plan: plan, sliceRowCount: sliceRowCount, slicesPerStep: slicesPerStep, steps: steps)
    }

    func load(_ unit: Unit) throws(CancellationError) -> SliceInput {
        let epoch = plan.epoch(ofStep: unit.step)
        let order = plan.order(ofEpoch: epoch)
        var input = SliceInput(step: unit.step, slice: unit.slice)
        input.pixels.reserveCapacity(unit.positions.count * imageByteCount)
        for position in unit.positions {
            let index = order[position]
            do {
                let example = try source.load(sample: index, epoch: epoch, seed: seed)
                precondition(
                    example.pixels.count == imageByteCount && (1...contextLength).contains(example.tokens.count),
                    """
                    TrainingSource.load: sample \(index) has \(example.pixels.count) bytes and \
                    \(example.tokens.count) tokens; the model takes \(imageByteCount) and 1 to \(contextLength)
                    """)
                input.pixels.append(contentsOf: example.pixels)
                input.tokens.append(example.tokens)
                input.imageGroups.append(example.imageGroup)
                input.textGroups.append(example.textGroup)
            } catch let error as CancellationError {
                throw error
            } catch {
                input.failureCount += 1
                if failedSamples.withLock({ $0.insert(index).inserted }) {
                    source.recordFailure(sample: index, error: error)
                }
            }
        }
        return input
    }

    private struct Units: Sequence, Sendable {
        let plan: BatchPlan
        let sliceRowCount: Int
        let slicesPerStep: Int
        let steps: Range<Int>

        func makeIterator() -> AnyIterator<Unit> {
            var next = steps.lowerBound * slicesPerStep
            return AnyIterator {
                guard next < steps.upperBound * slicesPerStep else { return nil }
                defer { next += 1 }
                let (step, slice) = next.quotientAndRemainder(dividingBy: slicesPerStep)
                let start = plan.position(ofStep: step)
                let first = start + slice * sliceRowCount
                let end = Swift.min(start + plan.batchSize, first + sliceRowCount)
                return Unit(step: step, slice: slice, positions: first..<end)
            }
        }
    }
}
