import ByteFormats

/// A file of vectors of any origin: `.npy` (f2, f4, f8), `.fvecs` or `.bvecs`; mapped, so that memory does not depend on
/// its size.
///
///     let file = try VectorFile(path: "photos.npy")
///     let first = try file.floats(rows: 0..<10)
public final class VectorFile: Sendable {
    private enum Storage: Sendable {
        case numpy(NumpyFile)
        /// Records of u32 E and E elements of this many bytes: 4 for Float32, 1 for UInt8.
        case records(SharedMapping, elementByteCount: Int)
    }

    private let storage: Storage
    /// The file.
    public let path: String
    /// N.
    public let rowCount: Int
    /// E.
    public let dimension: Int

    /// Maps and checks the file.
    ///
    /// - Throws: `ByteFormatError` for files that cannot be read; `VectorIndexError`: `damaged` for files that contradict
    ///   themselves, `invalidVector` for shapes and formats that are not those of vectors.
    public init(path: String) throws {
        self.path = path
        let name = path.lowercased()
        if name.hasSuffix(".fvecs") || name.hasSuffix(".bvecs") {
            let elementByteCount = name.hasSuffix(".fvecs") ? 4 : 1
            let mapping = try SharedMapping(path: path)
            let byteCount = mapping.file.byteCount
            guard byteCount >= 4 else {
                throw VectorIndexError(.damaged, "a file of \(byteCount) bytes holds no vector", path: path)
            }
            let head = try mapping.file.copy(0..<4)
            let elements = (0..<4).reduce(0) { $0 | Int(head[$1]) << (8 * $1) }
            try Self.check(dimension: elements, path)
            let recordByteCount = 4 + elements * elementByteCount
            guard byteCount % recordByteCount == 0 else {
                throw VectorIndexError(
                    .damaged,
                    "records of \(elements) elements have \(recordByteCount) bytes, the file has \(byteCount), which is "
                        + "not a multiple; make it again", path: path)
            }
            dimension = elements
            rowCount = byteCount / recordByteCount
            storage = .records(mapping, elementByteCount: elementByteCount)
        } else if name.hasSuffix(".npy") {
            let file = try NumpyFile(path: path)
            guard file.shape.count == 2 else {
                throw VectorIndexError(
                    .invalidVector, "an array of shape \(file.shape); vectors are rows of shape [N, E]", path: path)
            }
            try Self.check(dimension: file.shape[1], path)
            dimension = file.shape[1]
            rowCount = file.shape[0]
            storage = .numpy(file)
        } else {
            throw VectorIndexError(
                .invalidVector, "the name must end in .npy, .fvecs or .bvecs, which tells how to read it", path: path)
        }
        guard rowCount <= Int(UInt32.max) else {
            throw VectorIndexError(.invalidVector, "\(rowCount) rows; at most \(UInt32.max) fit one file", path: path)
        }
    }

    static func check(dimension: Int, _ path: String) throws(VectorIndexError) {
        guard (1...EmbeddingHeader.maximumDimension).contains(dimension) else {
            throw VectorIndexError(
                .invalidVector, "\(dimension) dimensions; vectors have 1 to \(EmbeddingHeader.maximumDimension)",
                path: path)
        }
    }

    /// Some rows [range, E].
    public func floats(rows: Range<Int>) throws -> [Float] {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount, "floats(rows: \(rows)) of \(rowCount)")
        switch storage {
        case .numpy(let file): return try file.floats(rows: rows)
        case .records(let mapping, let elementByteCount):
            let recordByteCount = 4 + dimension * elementByteCount
            let bytes = try mapping.file.copy(
                rows.lowerBound * recordByteCount..<rows.upperBound * recordByteCount)
            return try Self.floats(
                records: bytes, dimension: dimension, elementByteCount: elementByteCount, firstRow: rows.lowerBound,
                path: path)
        }
    }

    /// The elements of whole records: u32 E, then E elements of 4 bytes, or of 1.
    static func floats(
        records bytes: [UInt8], dimension: Int, elementByteCount: Int, firstRow: Int, path: String
    ) throws(VectorIndexError) -> [Float] {
        let recordByteCount = 4 + dimension * elementByteCount
        precondition(bytes.count % recordByteCount == 0, "\(bytes.count) bytes of records")
        var floats: [Float] = []
        floats.reserveCapacity(bytes.count / recordByteCount * dimension)
        for start in stride(from: 0, to: bytes.count, by: recordByteCount) {
            let elements = number(bytes, start)
            let row = firstRow + start / recordByteCount
            guard elements == UInt32(dimension) else {
                throw VectorIndexError(
                    .damaged, "row \(row) says it has \(elements) elements, the first has \(dimension)", path: path,
                    byteOffset: UInt64(row * recordByteCount))
            }
            for index in 0..<dimension {
                floats.append(
                    elementByteCount == 1
                        ? Float(bytes[start + 4 + index])
                        : Float(bitPattern: number(bytes, start + 4 + index * 4)))
            }
        }
        return floats
    }

    private static func number(_ bytes: [UInt8], _ start: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
    }
}
