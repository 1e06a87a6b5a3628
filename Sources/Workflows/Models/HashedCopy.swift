import ByteFormats
import PipelineEngine
import Samples
import Synchronization

/// Copies a large file and hashes it in the same pass: what is hashed is what was written.
///
/// While one thread writes a piece, another hashes it and reads the next, so that a copy takes about as long as the slower of
/// the two. The file appears under its name when it is whole and on the disk.
enum HashedCopy {
    private static let pieceByteCount = 4 << 20

    /// The pieces in memory and what was made of them so far.
    private final class State: Sendable {
        let source: RandomAccessFile
        let target: Mutex<AppendFile>
        let hasher = Mutex(DigestHasher())
        let next = Mutex<[UInt8]>([])

        init(source: consuming RandomAccessFile, target: consuming AppendFile) {
            self.source = source
            self.target = Mutex(target)
        }

        /// Reads the piece at an offset into the storage that is free; nothing behind the end.
        func read(at byteOffset: Int) throws {
            var piece = next.withLock { piece in
                defer { piece = [] }
                return piece
            }
            let byteCount = min(HashedCopy.pieceByteCount, source.byteCount - byteOffset)
            try source.read(byteOffset: UInt64(byteOffset), byteCount: byteCount, into: &piece)
            next.withLock { $0 = piece }
        }
    }

    /// Copies `source` to `target` and returns the SHA-256 of its bytes.
    ///
    /// - Throws: `ByteFormatError` when a file cannot be read or written; a part that was written stays as `target.tmp` and is
    ///   overwritten by the next copy.
    static func copy(_ source: String, to target: String, pool: ComputePool) async throws -> Digest {
        let temporaryPath = target + ".tmp"
        var file = try AppendFile(path: temporaryPath)
        try file.truncate(to: 0)
        let state = State(source: try RandomAccessFile(path: source), target: file)
        let byteCount = state.source.byteCount
        var offset = 0
        try state.read(at: 0)
        while offset < byteCount {
            let piece = state.next.withLock { piece in
                defer { piece = [] }
                return piece
            }
            offset += piece.count
            let nextOffset = offset
            _ = try await pool.map([true, false]) { isWriting in
                if isWriting {
                    try state.target.withLock { try $0.append(piece) }
                } else {
                    state.hasher.withLock { $0.update(piece) }
                    try state.read(at: nextOffset)
                }
            }
        }
        try state.target.withLock { try $0.synchronize() }
        try Folder.rename(temporaryPath, to: target)
        return state.hasher.withLock { $0.finalize() }
    }
}
