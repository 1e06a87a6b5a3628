import Kernels
import Tensors

/// How the products of a model's towers are computed: made once, shared by all threads.
///
/// For `int8` the weights of the large products are quantised by output channel. Their inputs are quantised token by token, by the
/// range that the token itself has. A layer norm's gain makes some of its channels much larger than the rest in many models; they
/// would take the range from all others, so the input channels of a product behind a norm whose gain and bias promise more than
/// `outlierRatio` times the median stay in Float32, at most `maximumOutlierCount` of them.
///
/// Such outliers also make attention sharp: a small error of a query, or of what an early block adds, then sends a token to another
/// one. So behind them the products around attention are in 16-bit integers; of a tower that has any, so is the end of the first
/// blocks' MLPs, and of a text tower every product. Without outliers images are in 8 bits throughout and texts around attention in 16 (decision note 019).
///
/// Patches, whose error every block passes on, are computed from the pixels in 8 bits with weights of 16 (`PatchProduct`).
struct InferencePlan: Sendable {
    /// Channels this much larger than the median stay in Float32.
    static let outlierRatio: Float = 4
    /// Enough for the outliers of published models, few enough to cost little.
    static let maximumOutlierCount = 32
    /// The first blocks of an image tower with outliers whose MLPs end in words: their errors pass through the most attention.
    static let wideMLPCount = 2

    /// What decides how a block is rounded.
    private struct BlockOutliers {
        /// The block's place.
        let index: Int
        /// Whether attention's norm has outliers.
        let isBeforeAttention: Bool
        /// Whether any norm of the tower's blocks has.
        let isInTower: Bool
    }

    /// What the products of a block are rounded to.
    private struct BlockWidths {
        let attention: IntegerWidth
        let hidden: IntegerWidth
        let mlpOutput: IntegerWidth
    }

    private struct Key: Hashable {
        let offset: Int
        let count: Int
    }

    /// What products may use.
    let level: ProductLevel
    private var quantized: [Key: QuantizedWeights] = [:]
    /// The patch embedding from 8-bit pixels; nil where it is in Float32.
    private(set) var patches: PatchProduct?

    /// The plan for the towers whose parameters are there.
    init(
        _ precision: Precision, _ architecture: DualEncoderArchitecture, _ weights: InferenceWeights,
        towers: EncoderTowers, level: ProductLevel = .best
    ) {
        self.level = level
        guard precision == .int8 else { return }
        if towers.contains(.image), case .transformer(let tower) = architecture.imageTower {
            add(tower.blocks, isPooled: tower.pool == nil, weights) {
                BlockWidths(
                    attention: $0.isBeforeAttention ? .words : .bytes, hidden: .bytes,
                    mlpOutput: $0.isInTower && $0.index < Self.wideMLPCount ? .words : .bytes)
            }
            let patchSize = architecture.configuration.vision.patchSize
            if case .patch(let layer) = tower.stem, PatchProduct.supports(patchSize: patchSize) {
                patches = PatchProduct(
                    weight: weights.weights(of: layer.weight), bias: layer.bias.map(weights.region(of:)),
                    columnCount: layer.outputWidth,
                    patchSize: patchSize, normalization: architecture.pixelNormalization)
            }
            if let pool = tower.pool { add(pool.attention.keyValue, weights, behind: tower.finalNorm, width: .bytes) }
        }
        if towers.contains(.text) {
            add(architecture.textTower.blocks, isPooled: true, weights) {
                let width: IntegerWidth = $0.isInTower ? .words : .bytes
                return BlockWidths(attention: .words, hidden: width, mlpOutput: width)
            }
        }
    }

    /// The integer weights of a layer; nil where its product is in Float32.
    subscript(layer: LinearLayer) -> QuantizedWeights? {
        quantized.isEmpty ? nil : quantized[Key(offset: layer.weight.offset, count: layer.weight.count)]
    }

    /// Whether a block's attention core is in 16-bit integers: where its products are in bytes and sequences are long enough to gain.
    func attendsInIntegers(_ attention: AttentionLayer, isCausal: Bool) -> Bool {
        !isCausal && self[attention.queryKeyValue]?.width == .bytes
    }

    /// `isPooled`: of the last block only one token goes on.
    private mutating func add(
        _ blocks: [BlockLayer], isPooled: Bool, _ weights: InferenceWeights,
        widths: (BlockOutliers) -> BlockWidths
    ) {
        func hasOutliers(_ norm: NormLayer) -> Bool { !Self.outliers(behind: norm, weights).isEmpty }
        let isInTower = blocks.contains { hasOutliers($0.attentionNorm) || hasOutliers($0.mlpNorm) }
        for (index, block) in blocks.enumerated() {
            let attention = block.attention
            let widths = widths(
                BlockOutliers(
                    index: index, isBeforeAttention: hasOutliers(block.attentionNorm), isInTower: isInTower))
            let inputs =
                isPooled && index == blocks.count - 1
                ? [attention.query, attention.keyValue] : [attention.queryKeyValue]
            for layer in inputs { add(layer, weights, behind: block.attentionNorm, width: widths.attention) }
            add(attention.output, weights, behind: attention.norm, width: widths.attention)
            add(block.mlp.hidden, weights, behind: block.mlpNorm, width: widths.hidden)
            add(block.mlp.output, weights, behind: block.mlp.norm, width: widths.mlpOutput)
        }
    }

    private mutating func add(
        _ layer: LinearLayer, _ weights: InferenceWeights, behind norm: NormLayer?, width: IntegerWidth
    ) {
        guard layer.inputWidth <= QuantizedWeights.maximumDepth else { return }
        quantized[Key(offset: layer.weight.offset, count: layer.weight.count)] = QuantizedWeights(
            weights.joined(layer.weight.offset..<layer.weight.offset + layer.weight.count),
            columnCount: layer.outputWidth, depth: layer.inputWidth,
            outliers: norm.map { Self.outliers(behind: $0, weights) } ?? [], width: width)
    }

    /// The channels that a norm makes much larger than the rest, ascending.
    private static func outliers(behind norm: NormLayer, _ weights: InferenceWeights) -> [Int32] {
        let sizes = (0..<norm.width).map {
            abs(weights[norm.gain.offset + $0]) + abs(weights[norm.bias.offset + $0])
        }
        let bound = outlierRatio * sizes.sorted()[norm.width / 2]
        let large = sizes.indices.filter { sizes[$0] > bound }.sorted { sizes[$0] > sizes[$1] }
        return large.prefix(maximumOutlierCount).sorted().map(Int32.init)
    }
}
