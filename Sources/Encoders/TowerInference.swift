import Kernels
import Tensors

/// A few images on their way through an image tower.
struct ImageSlice {
    /// Rows × columns × RGB, one image after the other.
    let pixels: [UInt8]
    /// Where the slice's first image starts.
    let byteOffset: Int
    /// Images that are there.
    let rowCount: Int
    /// Images that are computed: `rowCount`, or a constant of the model. Those behind `rowCount` are of zero input and mean nothing.
    let sliceRowCount: Int
    let vision: DualEncoderConfiguration.Vision
    let normalization: PixelNormalization
}

/// What is taken from a tower.
enum TowerOutput {
    /// [rows, E] at unit length.
    case embedding
    /// [rows, C]: the pooled vector before the projection.
    case pooled
    /// [rows, tokens, C]: all tokens after the final norm; of a convolutional network the cells in row order.
    case tokens
}

/// Forward passes without a tape: the kernels of the training path over a few buffers that are used again in every block.
struct TowerInference {
    let weights: InferenceWeights
    let plan: InferencePlan
    let buffers: InferenceBuffers
    let activation: ActivationFunction

    func region(of span: ParameterSpan) -> FloatRegion {
        weights.region(of: span)
    }

    /// y = f(x·Wᵀ + b) + residual; `residual` may be `y`.
    func linear(
        _ layer: LinearLayer, _ x: FloatRegion, into y: FloatRegion, rowCount: Int,
        activation: ActivationFunction? = nil, residual: FloatRegion? = nil
    ) {
        product(
            layer, x, bias: layer.bias.map(region(of:)), into: y, rowCount: rowCount, activation: activation,
            residual: residual)
    }

    /// The same with another bias than the layer's, or none.
    func product(
        _ layer: LinearLayer, _ x: FloatRegion, bias: FloatRegion?, into y: FloatRegion, rowCount: Int,
        activation: ActivationFunction? = nil, residual: FloatRegion? = nil
    ) {
        if let weights = plan[layer] {
            QuantizedProduct.multiply(
                x, by: weights, bias: bias, activation: activation, residual: residual, into: y, rowCount: rowCount,
                scratch: buffers.region(
                    .packed, QuantizedProduct.Scratch(rowCount: rowCount, weights: weights).count), level: plan.level)
            return
        }
        let depth = layer.inputWidth
        let packed = buffers.region(.packed, PanelProduct.packedCount(rowCount: rowCount, depth: depth))
        PanelProduct.pack(x, into: packed, rowCount: rowCount, depth: depth)
        let panel = buffers.region(.panel, PanelProduct.panelCount(depth: depth))
        // Query, key and value may be in different places of a weights file.
        var first = 0
        for weight in weights.pieces(of: layer.weight.offset..<layer.weight.offset + layer.weight.count) {
            let columnCount = weight.count / depth
            PanelProduct.multiply(
                packed: packed, by: weight, bias: bias?.region(at: first, count: columnCount), activation: activation,
                residual: residual?.suffix(from: first), into: y.suffix(from: first), stride: layer.outputWidth,
                rowCount: rowCount, columnCount: columnCount, depth: depth, panel: panel, level: plan.level)
            first += columnCount
        }
    }

    /// `y` may be `x`.
    func norm(_ layer: NormLayer, _ x: FloatRegion, into y: FloatRegion, rowCount: Int) {
        RowKernels.layerNorm(
            x, gain: region(of: layer.gain), bias: region(of: layer.bias), into: y, means: nil,
            reciprocalDeviations: nil, rowCount: rowCount, columnCount: layer.width, epsilon: layer.epsilon)
    }

    /// The last steps of every tower: pooled vectors [rows, C] → projection, if there is one → unit length.
    func embedding(
        _ pooled: FloatRegion, projection: LinearLayer?, rowCount: Int, width: Int, observer: StageObserver?
    ) -> FloatRegion {
        guard let projection else {
            return unitLength(pooled, rowCount: rowCount, width: width, observer: observer)
        }
        let projected = buffers.region(.projected, rowCount * projection.outputWidth)
        linear(projection, pooled, into: projected, rowCount: rowCount)
        return unitLength(projected, rowCount: rowCount, width: projection.outputWidth, observer: observer)
    }

    /// Projected vectors [rows, E] at unit length.
    func unitLength(
        _ projected: FloatRegion, rowCount: Int, width: Int, observer: StageObserver?
    ) -> FloatRegion {
        observer?(.projected, projected.region(at: 0, count: rowCount * width))
        let embedding = buffers.region(.embedding, rowCount * width)
        RowKernels.l2Normalize(
            projected, into: embedding, norms: buffers.region(.norms, rowCount), rowCount: rowCount,
            columnCount: width, epsilon: L2NormalizationOperation.epsilon)
        observer?(.embedding, embedding)
        return embedding
    }
}
