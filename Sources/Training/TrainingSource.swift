/// One pair as the towers take it.
public struct TrainingExample: Sendable {
    /// RGB bytes of the augmented image, size × size × 3, row-major.
    public let pixels: [UInt8]
    /// Token ids from the start to the end token, un-padded, at most the context length.
    public let tokens: [Int32]
    /// A number that is equal for equal images, for example 64 bits of the digest of the image file.
    public let imageGroup: UInt64
    /// A number that is equal for equal captions.
    public let textGroup: UInt64

    /// A pair.
    public init(pixels: [UInt8], tokens: [Int32], imageGroup: UInt64, textGroup: UInt64) {
        self.pixels = pixels
        self.tokens = tokens
        self.imageGroup = imageGroup
        self.textGroup = textGroup
    }
}

/// Where the trainer's samples come from.
///
/// `load` is called from several threads at once, in any order, and again after a resume; its result must be a function of
/// its arguments alone. Draw the caption and the augmentation from a stream of (seed, epoch, sample key, purpose).
public protocol TrainingSource: Sendable {
    /// The number of samples; does not change during a run.
    var sampleCount: Int { get }

    /// Identifies samples, tokenizer and preprocessing: a run is not resumed on a source with another one.
    var fingerprint: String { get }

    /// Reads, decodes and augments one sample.
    ///
    /// - Parameters:
    ///   - index: 0 ..< `sampleCount`.
    ///   - epoch: counts from 0.
    ///   - seed: the run's seed.
    /// - Throws: when the sample is bad. The row is then left out of the batch, and `recordFailure` is told.
    func load(sample index: Int, epoch: Int, seed: UInt64) throws -> TrainingExample

    /// Takes note of a sample that could not be loaded; called once per sample and run.
    func recordFailure(sample index: Int, error: any Error)
}
