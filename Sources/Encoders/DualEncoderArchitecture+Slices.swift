extension DualEncoderArchitecture {
    /// At about this many token rows a product no longer notices that weights are laid out anew for each slice; more rows leave the
    /// caches. Measured: 256, 384, 512 and 768 rows of ViT-B/32 and B/16.
    private static let transformerTokenCount = 512
    /// Of networks whose slices are filled up (see `DualEncoder`): one image alone must not wait for many.
    private static let filledTokenCount = 256

    /// Images per inference slice; depends on the model alone.
    var imageSliceRowCount: Int {
        let tokenCount = configuration.vision.tokenCount
        let wanted = if case .transformer = imageTower { Self.transformerTokenCount } else { Self.filledTokenCount }
        return max(1, (wanted + tokenCount - 1) / tokenCount)
    }
}
