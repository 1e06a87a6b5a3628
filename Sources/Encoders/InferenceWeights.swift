import ByteFormats
import Kernels
import Tensors

/// The parameters of a dual encoder, to be read wherever they are: in memory of the process, or in a mapped weights file as it stores
/// them.
///
/// Mapped weights take no memory of the process and no time to copy: a query in a fresh process reads each of them once. Parameters of
/// a tower that was not read are nowhere.
struct InferenceWeights: Sendable {
    /// Some parameters that follow each other in the layout and in memory.
    typealias View = (range: Range<Int>, weights: WeightRegion)

    /// Ascending and apart.
    private let views: [View]

    /// Everything in one buffer, which nobody may write any more.
    init(_ parameters: FloatBuffer) {
        views = [(0..<parameters.count, WeightRegion(FloatRegion(parameters)))]
    }

    /// Ranges are apart; what has to be in one place is in one view.
    init(views: [View]) {
        self.views = views.sorted { $0.range.lowerBound < $1.range.lowerBound }
        for (range, weights) in views { precondition(range.count == weights.count, "weights at \(range)") }
        for (view, next) in zip(self.views, self.views.dropFirst()) {
            precondition(view.range.upperBound <= next.range.lowerBound, "weights at \(view.range) and \(next.range)")
        }
    }

    /// One parameter's value.
    subscript(index: Int) -> Float {
        let region = region(of: ParameterSpan(offset: index, count: 1))
        return region.buffer[region.offset]
    }

    /// A parameter, or some that follow each other in memory, in Float32. Traps where they do not, and where the file's 16 bits are read.
    func region(of span: ParameterSpan) -> FloatRegion {
        guard let floats = weights(of: span).floats else {
            preconditionFailure("parameters at \(span.offset) are in 16 bits")
        }
        return floats
    }

    /// A parameter, or some that follow each other in memory, as they are stored. Traps where they do not.
    func weights(of span: ParameterSpan) -> WeightRegion {
        let piece = piece(from: span.offset, to: span.offset + span.count)
        precondition(piece.count == span.count, "parameters at \(span.offset) are apart")
        return piece
    }

    /// Parameters that follow each other in the layout, wherever each of them is.
    func pieces(of range: Range<Int>) -> [WeightRegion] {
        var pieces: [WeightRegion] = []
        var start = range.lowerBound
        while start < range.upperBound {
            pieces.append(piece(from: start, to: range.upperBound))
            start += pieces[pieces.count - 1].count
        }
        return pieces
    }

    /// Parameters that follow each other in the layout as one: where they are, or copied together in Float32 where they are apart.
    func joined(_ range: Range<Int>) -> WeightRegion {
        let pieces = pieces(of: range)
        guard pieces.count != 1 else { return pieces[0] }
        let floats = FloatBuffer(count: range.count)
        var place = 0
        for piece in pieces {
            piece.widen(into: FloatRegion(floats, offset: place, count: piece.count))
            place += piece.count
        }
        return WeightRegion(FloatRegion(floats))
    }

    /// Writes them as F32.
    func write(_ range: Range<Int>, to file: inout AtomicFile.Writer) throws {
        for piece in pieces(of: range) {
            let floats = piece.floats ?? FloatRegion(FloatBuffer(piece.array))
            try floats.buffer.withSpan(of: floats.offset..<floats.offset + floats.count) {
                try unsafe file.write($0.bytes)
            }
        }
    }

    /// As much of the range from `start` on as is in one place. Traps where nothing is.
    private func piece(from start: Int, to end: Int) -> WeightRegion {
        // The first view that ends behind `start`.
        var (low, high) = (0, views.count)
        while low < high {
            let middle = (low + high) / 2
            if views[middle].range.upperBound <= start { low = middle + 1 } else { high = middle }
        }
        guard low < views.count, views[low].range.contains(start) else {
            preconditionFailure("parameters at \(start) were not read")
        }
        let (range, weights) = views[low]
        return weights.region(at: start - range.lowerBound, count: min(end, range.upperBound) - start)
    }
}
