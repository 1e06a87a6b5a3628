/// The size of a checkpoint's images: its own, or another with interpolated position embeddings.
struct ImageGeometry {
    /// The description at the size.
    private(set) var configuration: DualEncoderConfiguration
    /// How position embeddings get there; nil where they are stored for the size.
    private(set) var interpolation: PositionInterpolation?
    /// What a user should hear of.
    private(set) var notes: [String] = []

    /// Decides the geometry.
    ///
    /// - Throws: `unsupportedModel` where the checkpoint's library cannot use the size either, `invalidConfiguration` where no
    ///   model could.
    init(
        _ native: DualEncoderConfiguration, imageSize: Int?, _ tensors: ForeignTensors, _ naming: ForeignNaming,
        at place: String
    ) throws(EncodersError) {
        configuration = native
        let isResized = imageSize.map { $0 != native.vision.imageSize } ?? false
        if isResized, let imageSize {
            if case .modifiedResNet = native.vision.architecture {
                throw EncodersError(
                    .unsupportedModel,
                    "this network pools \(native.vision.imageSize) pixels only: its library does not interpolate the positions of the pooling; leave out the image size",
                    at: place)
            }
            var vision = native.vision
            vision.imageSize = imageSize
            configuration = try DualEncoderConfiguration(
                embeddingDimension: native.embeddingDimension, vision: vision, text: native.text,
                activation: native.activation, preprocessing: native.preprocessing,
                initialLogitScale: native.initialLogitScale, initialLogitBias: native.initialLogitBias)
            notes.append("images are \(imageSize) pixels instead of \(native.vision.imageSize)")
        }
        guard case .transformer = configuration.vision.architecture,
            let name = naming.rows(configuration).first(where: { $0.parameters == [PositionGrid.parameter] })?
                .tensors.map(\.name).first(where: { tensors[$0] != nil }),
            let shape = tensors[name]?.entry.shape,
            let storedSize = PositionGrid.size(of: shape, in: configuration.vision),
            storedSize != configuration.vision.gridSize,
            // open_clip interpolates the tensor of this name on every load, the others only on request.
            (isResized && storedSize == native.vision.gridSize) || name == "visual.positional_embedding"
        else { return }
        let kernel = naming == .huggingFace ? PositionInterpolation.bicubic : .bicubicAntialiased
        interpolation = kernel
        let gridSize = configuration.vision.gridSize
        notes.append(
            "position embeddings of \(storedSize) × \(storedSize) patches are interpolated to \(gridSize) × \(gridSize), \(kernel.rawValue), as \(naming == .huggingFace ? "transformers" : "open_clip") does"
        )
    }
}
