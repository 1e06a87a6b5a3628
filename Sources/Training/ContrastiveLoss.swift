import Kernels
import PipelineEngine

/// The symmetric contrastive loss InfoNCE of CLIP (Radford et al. 2021) with a learned logit scale, and its gradients.
///
/// With unit-length embeddings I, T [N, E], the logit scale θ and s = exp(θ), the logits are L = s·I·Tᵀ, and
///
///     loss = ½·(1/N)·Σᵢ CE(targetᵢ, softmax(Lᵢ)) + ½·(1/N)·Σⱼ CE(targetⱼ, softmax(Lᵀⱼ))
///
/// where a row's target mass is shared by its matches (`PairTargets`). With P and Q the row softmaxes of L and Lᵀ and Y
/// the targets, which are symmetric in the sense stated there,
///
///     ∂loss/∂I = s/(2N)·((P − Y)·T + (Q − Y)ᵀ·T)
///     ∂loss/∂T = s/(2N)·((P − Y)ᵀ·I + (Q − Y)·I)
///     ∂loss/∂θ = 1/(2N)·(Σ (P − Y)∘L + Σ (Q − Y)∘Lᵀ)
///
/// Matrix products and softmax accumulate in Float32, the loss and ∂θ in Double. Work is cut into blocks of 64 rows, the
/// same for every number of threads, so the bits do not depend on it. The workspace holds 2·N² floats and is reused.
public final class ContrastiveLoss {
    /// The value of the loss at one batch.
    public struct Value: Sendable, Equatable {
        /// The loss; ln N for embeddings that carry no information.
        public let loss: Double
        /// ∂loss/∂θ, θ being the stored logarithm.
        public let logitScaleGradient: Double
    }

    private let workspace: ContrastiveWorkspace

    /// Makes the workspace for batches of at most `maximumRowCount` rows of `dimension` channels.
    public init(maximumRowCount: Int, dimension: Int) {
        workspace = ContrastiveWorkspace(maximumRowCount: maximumRowCount, dimension: dimension)
    }

    /// Computes the loss and writes the gradients of the embeddings (replacing what was there).
    ///
    /// All buffers are [rows, E], row-major, where `targets.rowCount` is at least 1 and at most the maximum.
    public func evaluate(
        images: FloatBuffer, texts: FloatBuffer, targets: PairTargets, logitScale: Float,
        imageGradient: FloatBuffer, textGradient: FloatBuffer, on pool: ComputePool
    ) async throws -> Value {
        let batch = workspace.batch(
            images: images, texts: texts, targets: targets, logitScale: logitScale, imageGradient: imageGradient,
            textGradient: textGradient)
        let sums = try await pool.map(batch.tasks) { batch.forward($0) }
        _ = try await pool.map(batch.tasks) { batch.backward($0) }
        return batch.value(sums)
    }

    /// The same on the calling thread.
    public func evaluate(
        images: FloatBuffer, texts: FloatBuffer, targets: PairTargets, logitScale: Float,
        imageGradient: FloatBuffer, textGradient: FloatBuffer
    ) -> Value {
        let batch = workspace.batch(
            images: images, texts: texts, targets: targets, logitScale: logitScale, imageGradient: imageGradient,
            textGradient: textGradient)
        let sums = batch.tasks.map { batch.forward($0) }
        for task in batch.tasks { batch.backward(task) }
        return batch.value(sums)
    }
}

/// The memory of one loss, shared by the tasks of one evaluation, which write disjoint rows of it.
final class ContrastiveWorkspace: Sendable {
    static let blockRowCount = 64

    let maximumRowCount: Int
    let dimension: Int
    /// (P − Y) [N, N], rows are images; and (Q − Y) [N, N], rows are texts.
    let imageRows: FloatBuffer
    let textRows: FloatBuffer

    init(maximumRowCount: Int, dimension: Int) {
        precondition(
            maximumRowCount >= 1 && dimension >= 1,
            "ContrastiveLoss of \(maximumRowCount) rows of \(dimension) channels")
        self.maximumRowCount = maximumRowCount
        self.dimension = dimension
        imageRows = FloatBuffer(count: maximumRowCount * maximumRowCount)
        textRows = FloatBuffer(count: maximumRowCount * maximumRowCount)
    }

    func batch(
        images: FloatBuffer, texts: FloatBuffer, targets: PairTargets, logitScale: Float, imageGradient: FloatBuffer,
        textGradient: FloatBuffer
    ) -> ContrastiveBatch {
        let rowCount = targets.rowCount
        precondition(
            (1...maximumRowCount).contains(rowCount),
            "ContrastiveLoss: \(rowCount) rows, the workspace is for 1 to \(maximumRowCount)")
        let count = rowCount * dimension
        return ContrastiveBatch(
            workspace: self, images: FloatRegion(images, offset: 0, count: count),
            texts: FloatRegion(texts, offset: 0, count: count), targets: targets, logitScale: logitScale,
            imageGradient: FloatRegion(imageGradient, offset: 0, count: count),
            textGradient: FloatRegion(textGradient, offset: 0, count: count))
    }
}

/// One evaluation, cut into tasks that may run on any thread: forward of all, then backward of all.
struct ContrastiveBatch: Sendable {
    /// A block of rows of one of the two directions.
    struct Task: Sendable {
        let isImageRows: Bool
        let rows: Range<Int>
    }

    /// What a forward task adds to the loss and to N·∂θ.
    struct Sums: Sendable {
        var loss = 0.0
        var logitScaleGradient = 0.0
    }

    let workspace: ContrastiveWorkspace
    let images: FloatRegion
    let texts: FloatRegion
    let targets: PairTargets
    let logitScale: Float
    let imageGradient: FloatRegion
    let textGradient: FloatRegion

    private var rowCount: Int { targets.rowCount }

    var tasks: [Task] {
        [true, false].flatMap { isImageRows in
            stride(from: 0, to: rowCount, by: ContrastiveWorkspace.blockRowCount).map { start in
                Task(
                    isImageRows: isImageRows,
                    rows: start..<min(rowCount, start + ContrastiveWorkspace.blockRowCount))
            }
        }
    }

    func value(_ sums: [Sums]) -> ContrastiveLoss.Value {
        let total = sums.reduce(into: Sums()) { total, part in
            total.loss += part.loss
            total.logitScaleGradient += part.logitScaleGradient
        }
        let scale = 1 / (2 * Double(rowCount))
        return ContrastiveLoss.Value(
            loss: total.loss * scale, logitScaleGradient: total.logitScaleGradient * scale)
    }

    /// Fills the block's rows of softmax minus targets.
    func forward(_ task: Task) -> Sums {
        let (queries, candidates) = task.isImageRows ? (images, texts) : (texts, images)
        let dimension = workspace.dimension
        let blockCount = task.rows.count * rowCount
        let logits = FloatBuffer(count: blockCount)
        let logSums = FloatBuffer(count: task.rows.count)
        let rows = FloatRegion(
            task.isImageRows ? workspace.imageRows : workspace.textRows, offset: task.rows.lowerBound * rowCount,
            count: blockCount)
        MatrixProduct.multiply(
            queries.region(at: task.rows.lowerBound * dimension, count: task.rows.count * dimension),
            by: candidates, isRightTransposed: true, into: FloatRegion(logits), rowCount: task.rows.count,
            columnCount: rowCount, depth: dimension, alpha: Float.exponential(logitScale))
        RowKernels.softmax(
            FloatRegion(logits), into: rows, logSums: FloatRegion(logSums), rowCount: task.rows.count,
            columnCount: rowCount)
        var sums = Sums()
        rows.buffer.withMutableSpan { probabilities in
            logits.withSpan { logits in
                for row in task.rows {
                    let start = (row - task.rows.lowerBound) * rowCount
                    let target = targets.mass(ofRow: row)
                    var expected = 0.0
                    for column in 0..<rowCount {
                        expected += Double(probabilities[rows.offset + start + column]) * Double(logits[start + column])
                    }
                    var matched = 0.0
                    for column in targets.matches(ofRow: row) {
                        matched += target * Double(logits[start + column])
                        probabilities[rows.offset + start + column] -= Float(target)
                    }
                    sums.loss += Double(logSums[row - task.rows.lowerBound]) - matched
                    sums.logitScaleGradient += expected - matched
                }
            }
        }
        return sums
    }

    /// Fills the block's rows of the gradient of the images or of the texts; all forward tasks must have ended.
    func backward(_ task: Task) {
        let (own, other) =
            task.isImageRows ? (workspace.imageRows, workspace.textRows) : (workspace.textRows, workspace.imageRows)
        let candidates = task.isImageRows ? texts : images
        let dimension = workspace.dimension
        let gradient = (task.isImageRows ? imageGradient : textGradient)
            .region(at: task.rows.lowerBound * dimension, count: task.rows.count * dimension)
        let scale = Float.exponential(logitScale) / (2 * Float(rowCount))
        MatrixProduct.multiply(
            FloatRegion(own, offset: task.rows.lowerBound * rowCount, count: task.rows.count * rowCount),
            by: candidates, into: gradient, rowCount: task.rows.count, columnCount: dimension, depth: rowCount,
            alpha: scale)
        // The block's columns of the other direction, transposed.
        MatrixProduct.multiply(
            FloatRegion(
                other, offset: task.rows.lowerBound, count: rowCount * rowCount - task.rows.lowerBound),
            isLeftTransposed: true, leftStride: rowCount, by: candidates, into: gradient, rowCount: task.rows.count,
            columnCount: dimension, depth: rowCount, alpha: scale, beta: 1)
    }
}
