/// Which samples each step takes: a pure function of recipe and sample count, so the loader's position is the step.
///
/// An epoch has as many whole batches as its samples fill; the rest of its order is left out, as it is different in every
/// epoch. A data set smaller than the batch makes batches of all its samples.
public struct BatchPlan: Sendable {
    /// The number of samples in the data set.
    public let sampleCount: Int
    /// The number of samples of a batch.
    public let batchSize: Int
    /// The number of steps of an epoch.
    public let stepsPerEpoch: Int
    /// The number of steps of the run.
    public let stepCount: Int
    private let seed: UInt64

    /// Plans a run over at least two samples.
    ///
    /// - Throws: `TrainingError` (`unusableData`) for fewer.
    public init(recipe: TrainingRecipe, sampleCount: Int) throws(TrainingError) {
        guard sampleCount >= 2 else {
            throw TrainingError(
                .unusableData,
                "contrastive training needs at least two captioned images of the split train, there are \(sampleCount)")
        }
        self.sampleCount = sampleCount
        seed = recipe.seed
        batchSize = min(recipe.batchSize, sampleCount)
        stepsPerEpoch = sampleCount / batchSize
        stepCount =
            switch recipe.length {
            case .epochs(let count): stepsPerEpoch * count
            case .samples(let count): (count + batchSize - 1) / batchSize
            }
    }

    /// The epoch of a step; both count from 0.
    public func epoch(ofStep step: Int) -> Int { step / stepsPerEpoch }

    /// The position in its epoch at which a step begins: the loader's position.
    public func position(ofStep step: Int) -> Int { step % stepsPerEpoch * batchSize }

    /// The order of an epoch.
    public func order(ofEpoch epoch: Int) -> EpochOrder {
        EpochOrder(count: sampleCount, seed: seed, epoch: epoch)
    }
}
