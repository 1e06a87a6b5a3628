import Encoders
import Kernels

/// The towers' slices of one batch, with the activations they keep between forward and backward.
///
/// `@unchecked Sendable`: a slice is used by one task at a time. Forward tasks name one slice each; a backward task names
/// the slices of one lane of one tower, and lanes share none; the trainer awaits the tasks of one phase before the next.
final class TowerSlices: @unchecked Sendable {
    /// Which tower a task is about.
    enum Tower: Sendable { case image, text }

    private let imageSlices: [ImageTowerSlice]
    private let textSlices: [TextTowerSlice]

    /// [B, E] embeddings and their gradients.
    let imageEmbeddings: FloatBuffer
    let textEmbeddings: FloatBuffer
    let imageGradient: FloatBuffer
    let textGradient: FloatBuffer

    init(architecture: DualEncoderArchitecture, batchSize: Int, sliceRowCount: Int) {
        let sliceCount = (batchSize + sliceRowCount - 1) / sliceRowCount
        let rowCount = min(batchSize, sliceRowCount)
        imageSlices = (0..<sliceCount).map { _ in
            ImageTowerSlice(architecture: architecture, maximumRowCount: rowCount)
        }
        textSlices = (0..<sliceCount).map { _ in
            TextTowerSlice(architecture: architecture, maximumRowCount: rowCount)
        }
        let count = batchSize * architecture.configuration.embeddingDimension
        imageEmbeddings = FloatBuffer(count: count)
        textEmbeddings = FloatBuffer(count: count)
        imageGradient = FloatBuffer(count: count)
        textGradient = FloatBuffer(count: count)
    }

    /// Runs one slice through one tower.
    func forward(_ tower: Tower, _ input: SliceInput, at rowOffset: Int, parameters: FloatBuffer) {
        guard input.rowCount > 0 else { return }
        switch tower {
        case .image:
            imageSlices[input.slice].forward(
                pixels: input.pixels, rowCount: input.rowCount, parameters: parameters, embeddings: imageEmbeddings,
                at: rowOffset)
        case .text:
            textSlices[input.slice].forward(
                tokens: input.tokens, parameters: parameters, embeddings: textEmbeddings, at: rowOffset)
        }
    }

    /// Adds one slice's weight gradients to a lane.
    func backward(_ tower: Tower, slice: Int, at rowOffset: Int, parameters: FloatBuffer, gradient: FloatBuffer) {
        switch tower {
        case .image:
            imageSlices[slice].backward(
                embeddingGradient: imageGradient, at: rowOffset, parameters: parameters, gradient: gradient)
        case .text:
            textSlices[slice].backward(
                embeddingGradient: textGradient, at: rowOffset, parameters: parameters, gradient: gradient)
        }
    }
}
