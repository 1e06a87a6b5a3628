import ByteFormats
import Kernels
import Tensors

/// The parameters of a dual encoder, to be read: in a flat buffer, except what a mapped weights file holds as it is needed.
///
/// Mapped weights take no memory of the process and no time to copy: a query in a fresh process reads each of them once. The places of
/// the flat buffer behind them are never touched and take no memory either.
struct InferenceWeights: Sendable {
    /// Parameters that are somewhere else than in the flat buffer.
    private struct View {
        let range: Range<Int>
        let buffer: FloatBuffer
    }

    private let flat: FloatBuffer
    /// Ascending and apart.
    private let views: [View]

    /// Everything in one buffer, which nobody may write any more.
    init(_ flat: FloatBuffer) {
        self.flat = flat
        views = []
    }

    /// `views` hold the parameters of their ranges; ranges are apart.
    init(_ flat: FloatBuffer, views: [(range: Range<Int>, buffer: FloatBuffer)]) {
        for (range, buffer) in views {
            precondition(range.count == buffer.count && range.upperBound <= flat.count, "weights at \(range)")
        }
        self.flat = flat
        self.views = views.map { View(range: $0.range, buffer: $0.buffer) }
            .sorted { $0.range.lowerBound < $1.range.lowerBound }
        for (view, next) in zip(self.views, self.views.dropFirst()) {
            precondition(view.range.upperBound <= next.range.lowerBound, "weights at \(view.range) and \(next.range)")
        }
    }

    /// One parameter's value.
    subscript(index: Int) -> Float {
        let piece = piece(from: index, to: index + 1)
        return piece.buffer[piece.offset]
    }

    /// A parameter, or some that follow each other in memory. Traps where they do not.
    func region(of span: ParameterSpan) -> FloatRegion {
        let piece = piece(from: span.offset, to: span.offset + span.count)
        precondition(piece.count == span.count, "parameters at \(span.offset) are apart")
        return piece
    }

    /// Parameters that follow each other in the layout, wherever each of them is.
    func pieces(of range: Range<Int>) -> [FloatRegion] {
        var pieces: [FloatRegion] = []
        var start = range.lowerBound
        while start < range.upperBound {
            pieces.append(piece(from: start, to: range.upperBound))
            start += pieces[pieces.count - 1].count
        }
        return pieces
    }

    /// The values of these parameters.
    func values(_ range: Range<Int>) -> [Float] {
        pieces(of: range).flatMap(\.array)
    }

    /// Writes them as F32.
    func write(_ range: Range<Int>, to file: inout AtomicFile.Writer) throws {
        for piece in pieces(of: range) {
            try piece.buffer.withSpan(of: piece.offset..<piece.offset + piece.count) {
                try unsafe file.write($0.bytes)
            }
        }
    }

    /// As much of the range from `start` on as is in one place.
    private func piece(from start: Int, to end: Int) -> FloatRegion {
        // The first view that ends behind `start`.
        var (low, high) = (0, views.count)
        while low < high {
            let middle = (low + high) / 2
            if views[middle].range.upperBound <= start { low = middle + 1 } else { high = middle }
        }
        guard low < views.count, views[low].range.lowerBound < end else {
            return FloatRegion(flat, offset: start, count: end - start)
        }
        let view = views[low]
        guard view.range.lowerBound <= start else {
            return FloatRegion(flat, offset: start, count: view.range.lowerBound - start)
        }
        return FloatRegion(
            view.buffer, offset: start - view.range.lowerBound, count: min(end, view.range.upperBound) - start)
    }
}
