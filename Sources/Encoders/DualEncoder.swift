import Kernels
import Tensors

/// An immutable dual encoder for inference: images and texts to unit-length embeddings in one space.
///
/// ```swift
/// let encoder = try DualEncoder(directory: "models/scenes")
/// let query = encoder.encodeTexts([tokenizer.encode("orange cat in the sun")])  // E floats
/// ```
///
/// **Same result.** Every step treats rows alone and sums them in an order of their own (`PanelProduct`), hence an embedding is
/// bit-identical whatever it is encoded together with, on however many threads. Only the residual networks' pooling is not of
/// that kind: they run on slices of a fixed number of images, filled up with empty ones that are thrown away.
///
/// Calls run on the calling thread; any number of threads may call at once, each takes its own activations.
public final class DualEncoder: Sendable {
    /// The description of the model.
    public let configuration: DualEncoderConfiguration
    /// The towers whose parameters are there; the other's calls trap.
    public let towers: EncoderTowers
    let architecture: DualEncoderArchitecture
    let weights: InferenceWeights
    /// What the towers' products are computed in.
    public let precision: Precision
    let plan: InferencePlan
    let bufferPool = InferenceBufferPool()

    /// Takes a snapshot of `parameters`, which must be laid out for `configuration`.
    ///
    /// Throws `weightMismatch` when the count differs and `nonFiniteWeight` when a value is infinite or NaN.
    public convenience init(
        configuration: DualEncoderConfiguration, parameters: FloatBuffer, precision: Precision = .fp32
    ) throws(EncodersError) {
        let architecture = try DualEncoderArchitecture(configuration)
        guard parameters.count == architecture.layout.totalCount else {
            throw EncodersError(
                .weightMismatch,
                "\(parameters.count) parameters given, this configuration has \(architecture.layout.totalCount); use the weights it was trained with",
                at: "parameters")
        }
        try self.init(architecture: architecture, owned: parameters.copy(), precision: precision)
    }

    /// Takes over `parameters`, which nobody may write any more.
    convenience init(
        architecture: DualEncoderArchitecture, owned parameters: FloatBuffer, precision: Precision = .fp32
    ) throws(EncodersError) {
        for entry in architecture.layout.entries
        where !RowKernels.isFinite(FloatRegion(parameters, offset: entry.offset, count: entry.count)) {
            throw EncodersError(
                .nonFiniteWeight, "holds infinite or NaN weights; training diverged or the file is damaged",
                at: entry.name)
        }
        self.init(
            architecture: architecture, checked: InferenceWeights(parameters), towers: .all, precision: precision)
    }

    /// Takes over weights that are finite where `towers` need them.
    init(
        architecture: DualEncoderArchitecture, checked weights: InferenceWeights, towers: EncoderTowers,
        precision: Precision = .fp32, level: ProductLevel = .best
    ) {
        self.towers = towers
        self.precision = precision
        plan = InferencePlan(precision, architecture, weights, towers: towers, level: level)
        configuration = architecture.configuration
        self.architecture = architecture
        self.weights = weights
    }

    /// The same model in another precision; the weights are shared.
    public func computing(in precision: Precision) -> DualEncoder {
        computing(in: precision, level: .best)
    }

    /// The same with products of a level that the machine has.
    func computing(in precision: Precision, level: ProductLevel) -> DualEncoder {
        DualEncoder(
            architecture: architecture, checked: weights, towers: towers, precision: precision, level: level)
    }

    /// Channels E of an embedding.
    public var embeddingDimension: Int { configuration.embeddingDimension }

    /// The learned logit scale (a logarithm).
    public var logitScale: Float { weights[architecture.logitScaleOffset] }

    /// The learned bias of pairwise logits exp(logitScale) · similarity + logitBias; nil where the model has none.
    public var logitBias: Float? { architecture.logitBiasOffset.map { weights[$0] } }

    /// Images per slice: batches of a multiple of it run at full speed.
    public var imageSliceRowCount: Int { architecture.imageSliceRowCount }

    /// Embeds `count` images: rows × columns × RGB bytes of the model's input size, one image after the other.
    ///
    /// Returns [count, E], unit-length rows. Traps when there are fewer bytes.
    public func encodeImages(_ pixels: [UInt8], count: Int) -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(count * embeddingDimension)
        forEachImageSlice(pixels, count: count, output: .embedding) { region, rowCount in
            result += region.region(at: 0, count: rowCount * embeddingDimension).array
        }
        return result
    }

    /// Embeds texts: each from its first token to its end token, at most the context length. Towers that see padding get it
    /// here; texts are never padded by the caller.
    ///
    /// Returns [count, E] in the order given, unit-length rows. Traps on empty or over-long texts and on ids outside the
    /// vocabulary, which no tokenizer of this model makes.
    public func encodeTexts(_ tokens: [[Int32]]) -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(tokens.count * embeddingDimension)
        forEachTextSlice(tokens, output: .embedding) { region, _, _ in result += region.array }
        return result
    }

    /// Calls `body` with each slice's rows and how many of them are images. Traps when there are fewer bytes than images need.
    func forEachImageSlice(
        _ pixels: [UInt8], count: Int, output: TowerOutput, _ body: (FloatRegion, _ rowCount: Int) -> Void
    ) {
        precondition(
            count >= 0 && count * configuration.vision.imageByteCount <= pixels.count,
            "\(pixels.count) bytes for \(count) images of \(configuration.vision.imageByteCount)")
        bufferPool.withBuffers { buffers in
            var first = 0
            while first < count {
                let rowCount = min(imageSliceRowCount, count - first)
                body(encodeImageSlice(pixels, first: first, rowCount: rowCount, buffers, output: output), rowCount)
                first += rowCount
            }
        }
    }

    /// Gives back the memory for activations that calls left for the next; calls under way keep theirs.
    public func releaseBuffers() { bufferPool.release() }

    /// Calls `body` with the output of each slice of texts, in order.
    func forEachTextSlice(
        _ tokens: [[Int32]], output: TowerOutput, _ body: (FloatRegion, TextBatch, _ texts: Range<Int>) -> Void
    ) {
        bufferPool.withBuffers { buffers in
            for texts in TextBatch.slices(of: tokens, in: configuration.text) {
                let batch = TextBatch(tokens[texts], configuration.text)
                body(encodeTextSlice(batch, buffers, output: output), batch, texts)
            }
        }
    }

    /// Images that are computed for `rowCount` of a slice.
    func computedImageCount(_ rowCount: Int) -> Int {
        if case .modifiedResNet = architecture.imageTower { imageSliceRowCount } else { rowCount }
    }

    /// All rows of a slice; those from `rowCount` on, if there are any, are of zero input and mean nothing.
    func encodeImageSlice(
        _ pixels: [UInt8], first: Int, rowCount: Int, _ buffers: InferenceBuffers, output: TowerOutput = .embedding,
        observer: StageObserver? = nil
    ) -> FloatRegion {
        precondition(towers.contains(.image), "this encoder was loaded without its image tower")
        let vision = configuration.vision
        let inference = TowerInference(
            weights: weights, plan: plan, buffers: buffers,
            activation: configuration.imageActivation.function)
        let images = ImageSlice(
            pixels: pixels, byteOffset: first * vision.imageByteCount, rowCount: rowCount,
            sliceRowCount: computedImageCount(rowCount), vision: vision, normalization: architecture.pixelNormalization)
        switch architecture.imageTower {
        case .transformer(let tower): return inference.encode(tower, images, output: output, observer: observer)
        case .convNeXt(let tower): return inference.encode(tower, images, output: output, observer: observer)
        case .modifiedResNet(let tower): return inference.encode(tower, images, output: output, observer: observer)
        }
    }

    /// The output of a slice of texts.
    func encodeTextSlice(
        _ batch: TextBatch, _ buffers: InferenceBuffers, output: TowerOutput = .embedding,
        observer: StageObserver? = nil
    ) -> FloatRegion {
        precondition(towers.contains(.text), "this encoder was loaded without its text tower")
        let text = configuration.text
        let inference = TowerInference(
            weights: weights, plan: plan, buffers: buffers, activation: configuration.textActivation.function)
        return inference.encode(
            architecture.textTower, batch, width: text.width, isCausal: text.isCausal, output: output,
            observer: observer)
    }
}
