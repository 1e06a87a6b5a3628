import ByteFormats
import Synchronization

/// Vectors that come once from front to end, as from a pipe: `.npy` (f2, f4, f8), or records of u32 E and E elements: Float32,
/// or UInt8 if the name ends in `.bvecs`.
///
///     let stream = try VectorStream(path: "-")
///     while let rows = try stream.next(256) { ... }
public final class VectorStream: Sendable {
    private enum Layout: Sendable {
        case numpy(NumpyFile.Element, rowCount: Int)
        /// Records whose elements have 4 bytes, or 1.
        case records(elementByteCount: Int)
    }

    private struct State: ~Copyable {
        var file: SequentialFile
        /// Bytes that were read to find out what the stream is, and belong to rows.
        var pushedBack: [UInt8]
        var rowCount = 0

        mutating func read(_ byteCount: Int) throws(ByteFormatError) -> [UInt8] {
            let first = Array(pushedBack.prefix(byteCount))
            pushedBack.removeFirst(first.count)
            return first.count == byteCount ? first : first + (try file.read(byteCount - first.count))
        }
    }

    private let state: Mutex<State>
    private let layout: Layout
    /// Where the vectors come from.
    public let path: String
    /// E.
    public let dimension: Int

    /// Opens a pipe, a file or, as `-`, the standard input, and waits for its first bytes.
    ///
    /// - Throws: as `VectorFile` does.
    public init(path: String) throws {
        var file = try SequentialFile(path: path)
        self.path = file.path
        let prefix = try file.read(NumpyFile.prefixByteCount)
        if let byteCount = NumpyFile.headerByteCount(prefix: prefix) {
            let header = prefix + (try file.read(byteCount - prefix.count))
            let (element, shape) = try translatingErrors(inFile: file.path) { try NumpyFile.layout(header: header) }
            guard shape.count == 2 else {
                throw VectorIndexError(
                    .invalidVector, "an array of shape \(shape); vectors are rows of shape [N, E]", path: file.path)
            }
            guard NumpyFile.floats([], element) != nil else {
                throw VectorIndexError(
                    .invalidVector, "elements are \(element.rawValue); vectors must be <f4, <f2 or <f8", path: file.path
                )
            }
            dimension = shape[1]
            layout = .numpy(element, rowCount: shape[0])
            state = Mutex(State(file: file, pushedBack: []))
        } else {
            guard prefix.count >= 4 else {
                throw VectorIndexError(.damaged, "a stream of \(prefix.count) bytes holds no vector", path: file.path)
            }
            dimension = Int(Self.number(prefix, 0))
            layout = .records(elementByteCount: path.lowercased().hasSuffix(".bvecs") ? 1 : 4)
            state = Mutex(State(file: file, pushedBack: prefix))
        }
        try VectorFile.check(dimension: dimension, self.path)
    }

    /// The next rows [n, E], at most `limit` of them; `nil` when there are no more.
    ///
    /// - Throws: `damaged` for a stream that ends inside a row or contradicts itself.
    public func next(_ limit: Int) throws -> [Float]? {
        precondition(limit >= 1, "VectorStream: \(limit) rows")
        return try state.withLock { state in
            switch layout {
            case .numpy(let element, let rowCount):
                let count = min(limit, rowCount - state.rowCount)
                guard count > 0 else {
                    guard try state.read(1).isEmpty else {
                        throw VectorIndexError(
                            .damaged, "there are more bytes than \(rowCount) rows have; make it again", path: path)
                    }
                    return nil
                }
                let bytes = try state.read(count * dimension * element.byteCount)
                guard bytes.count == count * dimension * element.byteCount else { throw truncated(state.rowCount) }
                state.rowCount += count
                return NumpyFile.floats(bytes, element)
            case .records(let elementByteCount):
                let recordByteCount = 4 + dimension * elementByteCount
                let bytes = try state.read(limit * recordByteCount)
                guard bytes.count % recordByteCount == 0 else {
                    throw truncated(state.rowCount + bytes.count / recordByteCount)
                }
                let count = bytes.count / recordByteCount
                let floats = try VectorFile.floats(
                    records: bytes, dimension: dimension, elementByteCount: elementByteCount,
                    firstRow: state.rowCount, path: path)
                state.rowCount += count
                return count == 0 ? nil : floats
            }
        }
    }

    private func truncated(_ row: Int) -> VectorIndexError {
        VectorIndexError(.damaged, "the stream ends inside row \(row); make it again", path: path)
    }

    private static func number(_ bytes: [UInt8], _ start: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
    }
}
