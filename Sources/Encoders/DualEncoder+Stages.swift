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
        /// The pooled token after the last block.
        case pooled
        /// After the final norm and the projection.
        case projected
        /// At unit length.
        case embedding

        /// `stem`, `block.0`, …
        public var description: String {
            switch self {
            case .stem: "stem"
            case .stemNorm: "stemNorm"
            case .block(let index): "block.\(index)"
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
        return stages(width: configuration.vision.width, rowCount: configuration.vision.tokenCount) {
            buffers, observer in
            _ = encodeImageSlice(pixels, first: 0, rowCount: 1, buffers, observer: observer)
        }
    }

    /// One text's way through the text tower up to its end token, computed as `encodeTexts` does.
    public func textStages(_ tokens: [Int32]) -> [EncoderStage] {
        let rowCount = configuration.text.pooledLength(of: tokens)
        let buckets = TextBucket.buckets(of: [tokens], in: configuration.text)
        return stages(width: configuration.text.width, rowCount: rowCount) { buffers, observer in
            _ = encodeTextSlice([tokens], buckets[0], buffers, observer: observer)
        }
    }

    /// The first sequence's rows at each stage.
    private func stages(
        width: Int, rowCount: Int, _ run: (InferenceBuffers, @escaping StageObserver) -> Void
    ) -> [EncoderStage] {
        var result: [EncoderStage] = []
        bufferPool.withBuffers { buffers in
            run(buffers) { [embeddingDimension] name, region in
                let count =
                    switch name {
                    case .stem, .stemNorm, .block: rowCount * width
                    case .pooled: width
                    case .projected, .embedding: embeddingDimension
                    }
                result.append(EncoderStage(name: name, values: region.region(at: 0, count: count).array))
            }
        }
        return result
    }
}
