extension DualEncoderArchitecture {
    /// From about this many token rows on, matrix products of every tower run at full speed; fewer keep activations in the cache.
    private static let inferenceSliceTokenCount = 256

    /// Images per inference slice; depends on the model alone.
    var imageSliceRowCount: Int {
        let tokenCount = configuration.vision.tokenCount
        return max(1, (Self.inferenceSliceTokenCount + tokenCount - 1) / tokenCount)
    }
}
