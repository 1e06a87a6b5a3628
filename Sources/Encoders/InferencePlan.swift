import Kernels
import Tensors

/// How the products of a model's towers are computed: made once, shared by all threads.
///
/// For `int8` the weights of the large products are quantised by output channel. Their inputs are quantised token by token, by the
/// range that the token itself has. A layer norm's gain makes some of its channels much larger than the rest in many models; they
/// would take the range from all others, so the input channels of a product behind a norm whose gain and bias promise more than
/// `outlierRatio` times the median stay in Float32, at most `maximumOutlierCount` of them.
///
/// Query, key and value of a block behind such a norm stay in Float32, and so does its attention: in 8 bits they cost more of the
/// cosine than all else (decision note 018).
///
/// Patches, whose error every block passes on, are computed from the pixels in 8 bits with weights of 16 (`PatchProduct`). Text
/// towers with outliers stay in Float32 as a whole: their attention is so sharp that a first percentile of 0.87 is all that is left
/// (decision note 017).
struct InferencePlan: Sendable {
    /// Channels this much larger than the median stay in Float32.
    static let outlierRatio: Float = 4
    /// Enough for the outliers of published models, few enough to cost little.
    static let maximumOutlierCount = 32

    private struct Key: Hashable {
        let offset: Int
        let count: Int
    }

    private var quantized: [Key: QuantizedWeights] = [:]
    /// The patch embedding from 8-bit pixels; nil where it is in Float32.
    private(set) var patches: PatchProduct?

    /// Everything in Float32, straight from the parameters.
    init() {}

    /// The plan for the towers whose parameters are there.
    init(
        _ precision: Precision, _ architecture: DualEncoderArchitecture, _ weights: InferenceWeights,
        towers: EncoderTowers
    ) {
        guard precision == .int8 else { return }
        if towers.contains(.image), case .transformer(let tower) = architecture.imageTower {
            add(tower.blocks, isPooled: tower.pool == nil, weights)
            let patchSize = architecture.configuration.vision.patchSize
            if case .patch(let layer) = tower.stem, PatchProduct.supports(patchSize: patchSize) {
                patches = PatchProduct(
                    weight: weights.region(of: layer.weight), bias: layer.bias.map(weights.region(of:)),
                    columnCount: layer.outputWidth,
                    patchSize: patchSize, normalization: architecture.pixelNormalization)
            }
            if let pool = tower.pool { add(pool.attention.keyValue, weights, behind: tower.finalNorm) }
        }
        let texts = architecture.textTower.blocks
        if towers.contains(.text),
            texts.allSatisfy({ block in
                [block.attentionNorm, block.mlpNorm].allSatisfy { Self.outliers(behind: $0, weights).isEmpty }
            })
        {
            add(texts, isPooled: true, weights)
        }
    }

    /// The 8-bit weights of a layer; nil where its product is in Float32.
    subscript(layer: LinearLayer) -> QuantizedWeights? {
        quantized.isEmpty ? nil : quantized[Key(offset: layer.weight.offset, count: layer.weight.count)]
    }

    /// Whether a block's attention core is in 16-bit integers: where its products are in 8 bits and sequences are long enough to gain.
    func attendsInIntegers(_ attention: AttentionLayer, isCausal: Bool) -> Bool {
        !isCausal && self[attention.queryKeyValue] != nil
    }

    /// `isPooled`: of the last block only one token goes on.
    private mutating func add(_ blocks: [BlockLayer], isPooled: Bool, _ weights: InferenceWeights) {
        for (index, block) in blocks.enumerated() {
            let attention = block.attention
            let inputs =
                isPooled && index == blocks.count - 1
                ? [attention.query, attention.keyValue] : [attention.queryKeyValue]
            if Self.outliers(behind: block.attentionNorm, weights).isEmpty {
                for layer in inputs { add(layer, weights) }
            }
            add(attention.output, weights, behind: attention.norm)
            add(block.mlp.hidden, weights, behind: block.mlpNorm)
            add(block.mlp.output, weights, behind: block.mlp.norm)
        }
    }

    private mutating func add(_ layer: LinearLayer, _ weights: InferenceWeights, behind norm: NormLayer? = nil) {
        guard layer.inputWidth <= QuantizedWeights.maximumDepth else { return }
        let pieces = weights.pieces(of: layer.weight.offset..<layer.weight.offset + layer.weight.count)
        quantized[Key(offset: layer.weight.offset, count: layer.weight.count)] = QuantizedWeights(
            pieces.count == 1 ? pieces[0] : FloatRegion(FloatBuffer(pieces.flatMap(\.array))),
            columnCount: layer.outputWidth, depth: layer.inputWidth,
            outliers: norm.map { Self.outliers(behind: $0, weights) } ?? [])
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
