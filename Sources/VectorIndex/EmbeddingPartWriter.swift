import ByteFormats
import Samples

/// Writes the embeddings of one shard chunk by chunk, and goes on where a killed process stopped.
///
///     var writer = try EmbeddingPartWriter.open(folder: folder, header: header)
///     while writer.nextOrdinal < shard.sampleCount {
///         try writer.append(embed(from: writer.nextOrdinal))
///     }
///     try writer.finish()
///
/// The file is `NAME.part` until `finish()`, which flushes it and gives it its final name. The bytes of a finished file
/// depend on header and chunks alone, however often the writing was interrupted (given one version of libzstd).
public struct EmbeddingPartWriter: ~Copyable {
    /// Why nothing of an earlier part was kept.
    public enum Restart: Sendable, Equatable {
        /// There was no part, or it had no whole header.
        case none
        /// The part was of another space, recipe or shard content.
        case stale
        /// The part's header or its order of chunks was damaged.
        case damaged
    }

    /// What the file is of.
    public let header: EmbeddingHeader
    /// The name the file gets in the end.
    public let finalPath: String
    /// Number of the next chunk: how many are in the file.
    public private(set) var nextChunk = 0
    /// Ordinal of the next sample: how many are done.
    public private(set) var nextOrdinal: UInt32 = 0
    /// Rows in the file.
    public private(set) var rowCount = 0
    /// Samples marked as failed in the file.
    public private(set) var failedCount = 0
    /// Bytes of a torn last frame that were cut off when the part was opened.
    public private(set) var discardedByteCount = 0
    /// Why an earlier part was not kept.
    public private(set) var restart = Restart.none

    private var file: AppendFile
    private var coder: EmbeddingFrameCoder
    private var hasher = DigestHasher()
    private var isLastChunkShort = false
    private var hasTrailer = false

    /// Opens the part of a shard in the folder of its space, or starts one; a torn last frame is cut off.
    ///
    /// - Throws: Code `busy` if another process writes the same part.
    public static func open(folder: String, header: EmbeddingHeader) throws -> EmbeddingPartWriter {
        let finalPath = folder + "/" + header.fileName
        return try translatingErrors(inFile: finalPath) {
            try Folder.create(folder)
            var writer = EmbeddingPartWriter(
                header: header, finalPath: finalPath,
                file: try AppendFile(path: finalPath + EmbeddingFormat.partSuffix))
            try writer.recover()
            return writer
        }
    }

    private init(header: EmbeddingHeader, finalPath: String, file: consuming AppendFile) {
        self.header = header
        self.finalPath = finalPath
        self.file = file
        coder = EmbeddingFrameCoder(header: header)
    }

    /// Where the part is until it is finished.
    public var partPath: String { finalPath + EmbeddingFormat.partSuffix }

    /// Appends the next chunk: it must start at `nextOrdinal`, and all before it must be full.
    ///
    /// When it returns, the chunk survives a kill of the process; `finish` makes it survive a power loss. If it throws
    /// for the disk, the part keeps whole chunks only and the call can be made again.
    public mutating func append(_ chunk: EmbeddingChunk) throws {
        precondition(!hasTrailer, "append to embeddings that are complete")
        guard chunk.firstOrdinal == nextOrdinal, !isLastChunkShort else {
            throw VectorIndexError(
                .invalidRows,
                "a chunk from sample \(chunk.firstOrdinal) cannot follow sample \(nextOrdinal): chunks follow one "
                    + "another and all but the last have \(EmbeddingChunk.fullSampleCount) samples", path: partPath)
        }
        do throws(VectorIndexError) {
            try chunk.validate(dimension: header.dimension)
        } catch {
            throw VectorIndexError(error.code, "\(header.shard): \(error.message)", path: partPath)
        }
        let frame = try coder.encode(chunk, number: nextChunk)
        try appendWhole(frame)
        account(frame, sampleCount: chunk.sampleCount, rowCount: chunk.rows.count, failed: chunk.failedOrdinals.count)
    }

    /// Ends the file, flushes it and gives it its final name, replacing an older one; returns its path.
    public consuming func finish() throws -> String {
        let trailer = EmbeddingTrailer(
            chunkCount: nextChunk, sampleCount: Int(nextOrdinal), failedCount: failedCount, rowCount: rowCount,
            digest: hasher.finalize())
        if !hasTrailer { try appendWhole(trailer.encoded) }
        let part = partPath
        let final = finalPath
        do throws(ByteFormatError) {
            try file.synchronize()
            try Folder.rename(part, to: final)
        } catch {
            throw VectorIndexError(error, inFile: part)
        }
        return final
    }

    /// Removes the part and its chunks.
    public consuming func discard() throws {
        let part = partPath
        try translatingErrors(inFile: part) { try Folder.removeFile(part) }
    }

    // MARK: Appending

    private mutating func appendWhole(_ bytes: [UInt8]) throws {
        let start = file.byteCount
        do throws(ByteFormatError) {
            try file.append(bytes)
        } catch {
            // A full disk leaves a piece of the frame: cut it off now if that still works, or when resuming.
            do throws(ByteFormatError) { try file.truncate(to: start) } catch let second {
                throw VectorIndexError(
                    .inputOutput, "\(error.message) (and the torn chunk stays until the next run: \(second.message))",
                    path: partPath, cause: error)
            }
            throw VectorIndexError(error, inFile: partPath)
        }
    }

    private mutating func account(_ frame: [UInt8], sampleCount: Int, rowCount: Int, failed: Int) {
        hasher.update(Array(frame.suffix(4)))
        nextChunk += 1
        nextOrdinal += UInt32(sampleCount)
        isLastChunkShort = sampleCount < EmbeddingChunk.fullSampleCount
        self.rowCount += rowCount
        failedCount += failed
    }

    // MARK: Resuming

    private mutating func recover() throws {
        let expected = header.encoded
        let found = try file.read(byteOffset: 0, byteCount: min(expected.count, file.byteCount))
        guard found == expected else {
            if !found.isEmpty, !expected.starts(with: found) {
                restart = isWholeHeader() ? .stale : .damaged
            }
            discardedByteCount = file.byteCount
            try file.truncate(to: 0)
            try startAnew(expected)
            return
        }
        hasher.update(expected)
        var position = expected.count
        while try recoverFrame(at: &position) {}
        discardedByteCount = file.byteCount - position
        if discardedByteCount > 0 { try file.truncate(to: position) }
    }

    private mutating func startAnew(_ encodedHeader: [UInt8]) throws {
        try appendWhole(encodedHeader)
        hasher.update(encodedHeader)
    }

    private func isWholeHeader() -> Bool {
        do {
            let count = min(file.byteCount, EmbeddingHeader.maximumByteCount)
            _ = try EmbeddingHeader.decode(try file.read(byteOffset: 0, byteCount: count), path: partPath)
            return true
        } catch {
            return false
        }
    }

    /// Takes in the frame at `position`; false if there is no whole, valid one.
    private mutating func recoverFrame(at position: inout Int) throws -> Bool {
        let left = file.byteCount - position
        if left >= EmbeddingFormat.trailerByteCount, try recoverTrailer(at: position) {
            position += EmbeddingFormat.trailerByteCount
            return false
        }
        guard left >= EmbeddingFormat.frameHeaderByteCount, !isLastChunkShort else { return false }
        let bytes = try file.read(byteOffset: position, byteCount: EmbeddingFormat.frameHeaderByteCount)
        let head: EmbeddingFrameHeader
        do {
            head = try EmbeddingFrameHeader(bytes, path: partPath, byteOffset: UInt64(position))
        } catch {
            return false
        }
        guard head.byteCount <= left, head.chunk == nextChunk, head.firstOrdinal == nextOrdinal else { return false }
        let frame = try file.read(byteOffset: position, byteCount: head.byteCount)
        do {
            _ = try coder.decode(frame, path: partPath, byteOffset: UInt64(position))
        } catch {
            return false
        }
        account(frame, sampleCount: head.sampleCount, rowCount: head.rowCount, failed: head.failedCount)
        position += head.byteCount
        return true
    }

    private mutating func recoverTrailer(at position: Int) throws -> Bool {
        let bytes = try file.read(byteOffset: position, byteCount: EmbeddingFormat.trailerByteCount)
        do {
            let trailer = try EmbeddingTrailer(bytes, path: partPath, byteOffset: UInt64(position))
            hasTrailer = trailer.digest == hasher.finalize()
        } catch {
            hasTrailer = false
        }
        return hasTrailer
    }

    /// Whether the part already had its end when it was opened: only `finish()` is left to do.
    public var isComplete: Bool { hasTrailer }
}
