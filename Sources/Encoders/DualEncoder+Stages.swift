import Kernels

/// What a tower holds at one point of its way, for comparison with another implementation.
public struct EncoderStage: Sendable {
    /// A point of the way, in order.
    public enum Name: Hashable, Sendable, CustomStringConvertible {
        /// Tokens plus positions.
        case stem
        /// Image tower: after the norm before the blocks.
        case stemNorm
        /// After the block of an index; of the last block only `pooled` is computed.
        case block(Int)
        /// Convolutional image towers: after the stage of an index, cells in row order.
        case stage(Int)
        /// The pooled token after the last block; where attention pools, what it makes of the tokens behind the final norm.
        case pooled
        /// After the final norm and the projection, or without one the pooled vector.
        case projected
        /// At unit length.
        case embedding

        /// `stem`, `block.0`, …
        public var description: String {
            switch self {
            case .stem: "stem"
            case .stemNorm: "stemNorm"
            case .block(let index): "block.\(index)"
            case .stage(let index): "stage.\(index)"
            case .pooled: "pooled"
            case .projected: "projected"
            case .embedding: "embedding"
            }
        }
    }

    /// The point.
    public let name: Name
    /// Token rows, one after the other; one row from `pooled` on.
    public let values: [Float]
}

/// Sees the rows of a whole slice.
typealias StageObserver = (EncoderStage.Name, FloatRegion) -> Void

extension DualEncoder {
    /// One image's way through the image tower, computed as `encodeImages` does.
    public func imageStages(_ pixels: [UInt8]) -> [EncoderStage] {
        precondition(
            pixels.count == configuration.vision.imageByteCount,
            "\(pixels.count) bytes for an image of \(configuration.vision.imageByteCount)")
        // All images of a slice have the same share of each stage.
        return stages(count: { [computed = computedImageCount(1)] _, region in region.count / computed }) {
            buffers, observer in
            _ = encodeImageSlice(pixels, first: 0, rowCount: 1, buffers, observer: observer)
        }
    }

    /// One text's way through the text tower, computed as `encodeTexts` does: up to its end token, or with the padding that the tower
    /// sees.
    public func textStages(_ tokens: [Int32]) -> [EncoderStage] {
        let rowCount = configuration.text.computedLength(of: tokens)
        return stages(
            count: { [configuration, embeddingDimension] name, _ in
                switch name {
                case .stem, .stemNorm, .block, .stage: rowCount * configuration.text.width
                case .pooled: configuration.text.width
                case .projected, .embedding: embeddingDimension
                }
            }
        ) { buffers, observer in
            _ = encodeTextSlice(TextBatch([tokens], configuration.text), buffers, observer: observer)
        }
    }

    /// The first sequence's values at each stage; `count` says how many those are.
    private func stages(
        count: @escaping (EncoderStage.Name, FloatRegion) -> Int,
        _ run: (InferenceBuffers, @escaping StageObserver) -> Void
    ) -> [EncoderStage] {
        var result: [EncoderStage] = []
        bufferPool.withBuffers { buffers in
            run(buffers) { name, region in
                result.append(
                    EncoderStage(name: name, values: region.region(at: 0, count: count(name, region)).array))
            }
        }
        return result
    }
}
