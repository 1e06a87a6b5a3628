import Kernels
import Tensors

/// A few images on their way through the image tower, with everything their backward pass needs.
///
/// Owns its activations and reuses them step after step without allocating. One thread at a time; different slices run on different
/// threads, with gradient buffers of their own (an image slice and a text slice may share one: they touch disjoint ranges).
///
/// Images are independent, so the embeddings and gradients of a slice depend on its own rows alone.
public final class ImageTowerSlice {
    private let configuration: DualEncoderConfiguration
    private let tower: TrainableImageTower
    private let normalization: PixelNormalization
    private let maximumRowCount: Int
    private let tape: Tape
    private var sequences = SequenceOffsets()
    private var queryOffsets = SequenceOffsets()
    private var pooledRows: [Int32] = []
    private var result: TapeValue?

    /// Makes a slice for up to `maximumRowCount` images; memory is taken by the first `forward`. Traps unless the configuration
    /// `isTrainable`.
    public init(architecture: DualEncoderArchitecture, maximumRowCount: Int) {
        precondition(maximumRowCount > 0, "image slice of \(maximumRowCount) rows")
        configuration = architecture.configuration
        tower = TrainableImageTower(architecture)
        normalization = architecture.pixelNormalization
        self.maximumRowCount = maximumRowCount
        tape = Tape(workspaces: architecture.workspaces)
    }

    /// Embeds `rowCount` images and writes their unit-length rows to `embeddings` [N, E] from row `rowOffset` on.
    ///
    /// `pixels` holds the images one after the other, rows × columns × RGB, normalised here with the model's statistics; bytes
    /// behind the last image are ignored.
    public func forward(
        pixels: [UInt8], rowCount: Int, parameters: FloatBuffer, embeddings: FloatBuffer, at rowOffset: Int
    ) {
        precondition(
            rowCount > 0 && rowCount <= maximumRowCount, "\(rowCount) images in a slice of at most \(maximumRowCount)")
        let vision = configuration.vision
        precondition(
            pixels.count >= rowCount * vision.imageByteCount,
            "\(pixels.count) bytes for \(rowCount) images of \(vision.imageByteCount)")
        tape.begin(parameters: parameters)
        if pooledRows.count != rowCount {
            sequences = SequenceOffsets(count: rowCount, length: vision.tokenCount)
            queryOffsets = SequenceOffsets(count: rowCount, length: 1)
            pooledRows = (0..<rowCount).map { Int32($0 * vision.tokenCount) }
        }
        let activation = configuration.activation.function
        let patches = stem(pixels, rowCount: rowCount, activation: activation)
        let tokens = tape.assembleTokens(
            patches: patches, classToken: tower.classToken, positions: tower.positions,
            patchCount: vision.tokenCount - 1)
        var x = tower.stemNorm(tokens, on: tape)
        for block in tower.blocks.dropLast() {
            x = block(x, on: tape, sequences: sequences, isCausal: false, activation: activation)
        }
        if let last = tower.blocks.last {
            x = last.pooled(
                x, on: tape, sequences: sequences, pooledRows: pooledRows, queryOffsets: queryOffsets,
                activation: activation)
        }
        let embedding = tape.l2Normalize(tower.projection(tower.finalNorm(x, on: tape), on: tape))
        result = embedding
        let dimension = configuration.embeddingDimension
        RowKernels.copy(
            tape.region(of: embedding),
            to: FloatRegion(embeddings, offset: rowOffset * dimension, count: rowCount * dimension))
    }

    /// Adds the gradients of the last `forward`'s parameters to `gradient`, given the gradient of its embeddings in rows
    /// `rowOffset` and on of `embeddingGradient` [N, E]. Once per `forward`, with the same parameters.
    public func backward(
        embeddingGradient: FloatBuffer, at rowOffset: Int, parameters: FloatBuffer, gradient: FloatBuffer
    ) {
        guard let result else { preconditionFailure("image slice: backward without a forward before it") }
        precondition(parameters === tape.parameters, "image slice: backward with other parameters than forward")
        let dimension = configuration.embeddingDimension
        tape.backward(
            from: result,
            gradient: FloatRegion(
                embeddingGradient, offset: rowOffset * dimension, count: result.rowCount * dimension), into: gradient)
        self.result = nil
    }

    private func stem(_ pixels: [UInt8], rowCount: Int, activation: ActivationFunction) -> TapeValue {
        let vision = configuration.vision
        switch tower.stem {
        case .patch(let layer):
            let patches = tape.input(
                rowCount: rowCount * (vision.tokenCount - 1), columnCount: layer.inputWidth
            ) {
                ConvolutionKernels.patches(
                    of: pixels, into: $0, batchCount: rowCount, imageSize: vision.imageSize,
                    patchSize: vision.patchSize, normalization: normalization)
            }
            return layer(patches, on: tape)
        case .convolutional(let convolutions, let projection):
            let pixelCount = rowCount * vision.imageSize * vision.imageSize
            var x = tape.input(rowCount: pixelCount, columnCount: 3) {
                ConvolutionKernels.normalize(pixels, into: $0, pixelCount: pixelCount, normalization: normalization)
            }
            var size = vision.imageSize
            for convolution in convolutions {
                let shape = convolution.shape(inputSize: size)
                x = tape.convolution(
                    x, shape: shape, weight: convolution.weight, bias: convolution.bias,
                    outputChannelCount: convolution.outputChannelCount, activation: activation)
                size = shape.outputHeight
            }
            return projection(x, on: tape)
        }
    }
}
