import CKernels
import Samples

/// What is known of one vector apart from its numbers.
public struct EmbeddingRow: Hashable, Sendable {
    /// Position of the sample in its shard.
    public let ordinal: UInt32
    /// Which view of the sample: the image, a caption, a tile with its level.
    public let view: SampleView
    /// Key of the sample, for people; may be empty.
    public let key: String
    /// Where a tile lies in the oriented original; `nil` for the whole image and for captions.
    public let box: PixelBox?

    /// Longest key that is stored, in UTF-8 bytes.
    public static let maximumKeyByteCount = 65_535

    /// A row.
    public init(ordinal: UInt32, view: SampleView, key: String, box: PixelBox? = nil) {
        self.ordinal = ordinal
        self.view = view
        self.key = key
        self.box = box
    }

    /// Rows of a shard are in this order: ordinal, then image, captions, tiles, each by level and number.
    var sortKey: UInt64 {
        let code = UInt64(view.code)
        return UInt64(ordinal) << 32 | (code & 0xFF) << 24 | (code >> 8 & 0xFF) << 16 | code >> 16
    }
}

/// The embeddings of at most 256 consecutive samples of a shard: the unit of work, of writing and of resuming.
public struct EmbeddingChunk: Sendable {
    /// Samples of a full chunk. Every chunk of a shard but its last is full.
    public static let fullSampleCount = 256

    /// Ordinal of the first sample.
    public let firstOrdinal: UInt32
    /// Number of consecutive samples that are done with this chunk, 1 to 256, failed ones included.
    public let sampleCount: Int
    /// Ordinals of samples that could not be embedded, ascending; they have no rows.
    public let failedOrdinals: [UInt32]
    /// The rows in ascending order of ordinal and view (image, captions by number, tiles by level and number).
    public let rows: [EmbeddingRow]
    /// The vectors of the rows, [rows, E] row-major, of unit length.
    public let vectors: [Float]

    /// A chunk; checked when it is appended.
    public init(
        firstOrdinal: UInt32, sampleCount: Int, failedOrdinals: [UInt32] = [], rows: [EmbeddingRow], vectors: [Float]
    ) {
        self.firstOrdinal = firstOrdinal
        self.sampleCount = sampleCount
        self.failedOrdinals = failedOrdinals
        self.rows = rows
        self.vectors = vectors
    }

    /// Throws unless the chunk keeps every promise above for vectors of this dimension.
    func validate(dimension: Int) throws(VectorIndexError) {
        let end = UInt64(firstOrdinal) + UInt64(max(0, sampleCount))
        guard (1...Self.fullSampleCount).contains(sampleCount), end <= UInt64(UInt32.max) else {
            throw VectorIndexError(
                .invalidRows, "a chunk has 1 to \(Self.fullSampleCount) samples, not \(sampleCount)")
        }
        let samples = UInt64(firstOrdinal)..<end
        for pair in zip(failedOrdinals, failedOrdinals.dropFirst()) where pair.0 >= pair.1 {
            throw VectorIndexError(.invalidRows, "failed samples \(pair.0) and \(pair.1) are out of order")
        }
        for pair in zip(rows, rows.dropFirst()) where pair.0.sortKey >= pair.1.sortKey {
            throw VectorIndexError(
                .invalidRows,
                "rows must ascend by ordinal and view: \(pair.1.view) of sample \(pair.1.ordinal) comes after "
                    + "\(pair.0.view) of sample \(pair.0.ordinal)")
        }
        let failed = Set(failedOrdinals)
        if let stray = (rows.map(\.ordinal) + failedOrdinals).first(where: { !samples.contains(UInt64($0)) }) {
            throw VectorIndexError(.invalidRows, "sample \(stray) is not in the chunk's samples \(samples)")
        }
        if let row = rows.first(where: { failed.contains($0.ordinal) }) {
            throw VectorIndexError(.invalidRows, "sample \(row.ordinal) is marked as failed and has a vector")
        }
        if let row = rows.first(where: { $0.key.utf8.count > EmbeddingRow.maximumKeyByteCount }) {
            throw VectorIndexError(
                .invalidRows,
                "the key of sample \(row.ordinal) has more than \(EmbeddingRow.maximumKeyByteCount) bytes")
        }
        guard vectors.count == rows.count * dimension else {
            throw VectorIndexError(
                .invalidVector,
                "\(rows.count) rows of dimension \(dimension) need \(rows.count * dimension) numbers, "
                    + "\(vectors.count) came")
        }
        try UnitVectors.check(vectors, dimension: dimension) { "sample \(rows[$0].ordinal) (\(rows[$0].key))" }
    }
}

/// The rule for vectors that may be stored: finite and of unit length.
enum UnitVectors {
    /// How far a stored vector's length may be from 1: well past the rounding of F16, well below any real difference.
    static let lengthTolerance = 1e-3

    /// Squared lengths of the rows in Double.
    static func squaredLengths(_ vectors: [Float], dimension: Int) -> [Double] {
        let rowCount = vectors.count / dimension
        return unsafe [Double](unsafeUninitializedCapacity: rowCount) { buffer, count in
            unsafe vectors.withUnsafeBufferPointer { source in
                guard let from = source.baseAddress, let to = buffer.baseAddress else { return }
                unsafe vlm_squared_lengths(from, rowCount, dimension, to)
            }
            count = rowCount
        }
    }

    /// Throws at the first row that is not finite or not of unit length; `name` says which row it is.
    static func check(
        _ vectors: [Float], dimension: Int, name: (Int) -> String
    ) throws(VectorIndexError) {
        for (row, squared) in squaredLengths(vectors, dimension: dimension).enumerated() {
            guard squared.isFinite else {
                throw VectorIndexError(
                    .invalidVector, "the vector of \(name(row)) is not finite; its embedding failed, leave it out")
            }
            guard abs(squared.squareRoot() - 1) <= lengthTolerance else {
                throw VectorIndexError(
                    .invalidVector,
                    "the vector of \(name(row)) has length \(squared.squareRoot()); vectors are stored with length 1, "
                        + "normalise them first")
            }
        }
    }
}
