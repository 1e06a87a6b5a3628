extension DualEncoderArchitecture {
    /// From about this many token rows on, matrix products of every tower run at full speed; fewer keep activations in the cache.
    private static let inferenceSliceTokenCount = 256
    /// Measured flat between 300 and 2400 token rows; the lower middle keeps buffers small.
    private static let trainingSliceTokenCount = 640

    /// Images per inference slice; depends on the model alone.
    var imageSliceRowCount: Int {
        let tokenCount = configuration.vision.tokenCount
        return max(1, (Self.inferenceSliceTokenCount + tokenCount - 1) / tokenCount)
    }

    /// Images per training slice that run well: a power of two, so that it divides usual batches. Depends on the model alone.
    public var recommendedImageSliceRowCount: Int {
        Self.powerOfTwo(upTo: Self.trainingSliceTokenCount / configuration.vision.tokenCount)
    }

    /// Texts per training slice that run well, for captions that fill about half the context: a power of two.
    public var recommendedTextSliceRowCount: Int {
        Self.powerOfTwo(upTo: Self.trainingSliceTokenCount / max(1, configuration.text.contextLength / 2))
    }

    private static func powerOfTwo(upTo limit: Int) -> Int {
        var power = 1
        while power * 2 <= limit { power *= 2 }
        return power
    }
}
