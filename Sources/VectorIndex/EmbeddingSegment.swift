import ByteFormats
import Samples

/// A finished file of embeddings: the vectors of one shard in one space, with everything known of them.
///
/// Opening checks header, end and the chain of chunks, and reads no vectors; each chunk's checksum is checked when the
/// chunk is read. `verify()` reads everything.
public final class EmbeddingSegment: Sendable {
    /// Where one chunk is and what it covers.
    struct ChunkLocation: Sendable {
        let byteOffset: Int
        let head: EmbeddingFrameHeader
    }

    /// One chunk as read: vectors are the stored F16 values, widened.
    public struct Chunk: Sendable {
        /// Ordinal of the first sample.
        public let firstOrdinal: UInt32
        /// Number of samples done, failed ones included.
        public let sampleCount: Int
        /// Samples that could not be embedded.
        public let failedOrdinals: [UInt32]
        /// The rows in ascending order.
        public let rows: [EmbeddingRow]
        /// Ids of the rows.
        public let ids: [UInt64]
        /// [rows, E] row-major.
        public let vectors: [Float]
    }

    /// What the file is of.
    public let header: EmbeddingHeader
    /// Samples covered, failed ones included.
    public let sampleCount: Int
    /// Samples that could not be embedded.
    public let failedCount: Int
    /// Number of vectors.
    public let rowCount: Int
    /// Names the content: SHA-256 over the header and the checksums of all chunks.
    public let digest: Digest
    /// Size of the file.
    public let byteCount: Int
    let chunks: [ChunkLocation]
    private let file: RandomAccessFile

    /// Opens a finished file.
    public init(path: String) throws {
        let file = try translatingErrors(inFile: path) { try RandomAccessFile(path: path) }
        let parts = try translatingErrors(inFile: path) { try Self.parse(file) }
        header = parts.header
        chunks = parts.chunks
        sampleCount = parts.trailer.sampleCount
        failedCount = parts.trailer.failedCount
        rowCount = parts.trailer.rowCount
        digest = parts.trailer.digest
        byteCount = file.byteCount
        self.file = file
    }

    /// The file.
    public var path: String { file.path }

    /// Number of chunks.
    public var chunkCount: Int { chunks.count }

    /// Reads one chunk and checks it.
    public func chunk(at index: Int) throws -> Chunk {
        let (head, failed, stored) = try storedChunk(at: index)
        return Chunk(
            firstOrdinal: head.firstOrdinal, sampleCount: head.sampleCount, failedOrdinals: failed, rows: stored.rows,
            ids: stored.ids, vectors: HalfPrecision.widen(stored.halves))
    }

    /// All samples that could not be embedded, ascending. Reads the whole file.
    public func failedOrdinals() throws -> [UInt32] {
        try chunks.indices.flatMap { try storedChunk(at: $0).failedOrdinals }
    }

    /// Reads every byte and throws at the first that is wrong.
    public func verify() throws {
        var hasher = DigestHasher()
        hasher.update(header.encoded)
        for index in chunks.indices {
            _ = try storedChunk(at: index)
            let end = chunks[index].byteOffset + chunks[index].head.byteCount
            hasher.update(
                try translatingErrors(inFile: path) { try file.read(byteOffset: UInt64(end - 4), byteCount: 4) })
        }
        guard hasher.finalize() == digest else {
            throw VectorIndexError(
                .damaged, "the chunks are not the ones the end of the file names: delete it and run vlmpipe embed",
                path: path)
        }
    }

    func storedChunk(
        at index: Int
    ) throws -> (head: EmbeddingFrameHeader, failedOrdinals: [UInt32], stored: StoredRows) {
        var coder = EmbeddingFrameCoder(header: header)
        let location = chunks[index]
        let result = try translatingErrors(inFile: path) {
            let frame = try file.read(byteOffset: UInt64(location.byteOffset), byteCount: location.head.byteCount)
            return try coder.decode(frame, path: path, byteOffset: UInt64(location.byteOffset))
        }
        for (row, id) in zip(result.stored.rows, result.stored.ids) {
            let sample = SampleIdentity(dataset: header.dataset, shard: header.shard, ordinal: row.ordinal)
            guard VectorIdentity(sample: sample, view: row.view).id == id else {
                throw VectorIndexError(
                    .damaged,
                    "the id of \(row.view) of sample \(row.ordinal) is not its own: delete the file and run "
                        + "vlmpipe embed", path: path, byteOffset: UInt64(location.byteOffset))
            }
        }
        return result
    }

    private static func parse(
        _ file: borrowing RandomAccessFile
    ) throws -> (header: EmbeddingHeader, chunks: [ChunkLocation], trailer: EmbeddingTrailer) {
        let path = file.path
        let prefix = try file.read(byteOffset: 0, byteCount: min(file.byteCount, EmbeddingHeader.maximumByteCount))
        let (header, headerByteCount) = try EmbeddingHeader.decode(prefix, path: path)
        let end = file.byteCount - EmbeddingFormat.trailerByteCount
        guard end >= headerByteCount else {
            throw VectorIndexError(
                .damaged, "the file has no end: delete it and run vlmpipe embed", path: path,
                byteOffset: UInt64(headerByteCount))
        }
        let trailer = try EmbeddingTrailer(
            file.read(byteOffset: UInt64(end), byteCount: EmbeddingFormat.trailerByteCount), path: path,
            byteOffset: UInt64(end))
        var chunks: [ChunkLocation] = []
        var position = headerByteCount
        var samples = 0
        var rows = 0
        var failed = 0
        while position < end {
            let head = try EmbeddingFrameHeader(
                file.read(byteOffset: UInt64(position), byteCount: EmbeddingFormat.frameHeaderByteCount), path: path,
                byteOffset: UInt64(position))
            guard head.chunk == chunks.count, Int(head.firstOrdinal) == samples, head.byteCount <= end - position else {
                throw VectorIndexError(
                    .damaged, "chunk \(chunks.count) does not follow: delete the file and run vlmpipe embed",
                    path: path, byteOffset: UInt64(position))
            }
            chunks.append(ChunkLocation(byteOffset: position, head: head))
            position += head.byteCount
            samples += head.sampleCount
            rows += head.rowCount
            failed += head.failedCount
        }
        guard chunks.count == trailer.chunkCount, samples == trailer.sampleCount, rows == trailer.rowCount,
            failed == trailer.failedCount
        else {
            throw VectorIndexError(
                .damaged, "the chunks do not add up to the totals at the end: delete the file and run vlmpipe embed",
                path: path, byteOffset: UInt64(end))
        }
        return (header, chunks, trailer)
    }
}
