import Samples
import Synchronization

/// Reads the bytes of single members back from their shards, in any order and from any thread.
///
///     let reader = ShardReader()
///     let bytes = try reader.read(location, expecting: facts, digest: digest)
///
/// The files last used stay open, at most `openFileCount` of them.
public final class ShardReader: Sendable {
    private struct OpenFile {
        let file: ReadOnlyFile
        var lastUse: UInt64
    }

    private struct State {
        var files: [String: OpenFile] = [:]
        var useCount: UInt64 = 0
    }

    private let openFileCount: Int
    private let state = Mutex(State())

    /// A reader that keeps up to `openFileCount` files open, at least 1.
    public init(openFileCount: Int = 32) {
        precondition(openFileCount >= 1, "ShardReader(openFileCount: \(openFileCount)) could open nothing")
        self.openFileCount = openFileCount
    }

    /// The bytes of a member.
    ///
    /// - Parameters:
    ///   - location: the file and the bytes in it, as recorded at ingest.
    ///   - facts: what the file was like at ingest; `nil` to leave it to the digest.
    ///   - digest: SHA-256 of the bytes at ingest; `nil` to trust size and time.
    /// - Throws: `fileMissing` if the file is gone, `fileChanged` if it is not the one that was ingested.
    public func read(
        _ location: MemberLocation, expecting facts: FileFacts? = nil, digest: Digest? = nil
    ) throws(ShardError) -> [UInt8] {
        let file = try open(location.path)
        if let facts, facts != file.facts {
            // A touched file is still the right one if the bytes are; without a digest there is no telling.
            guard digest != nil else { throw changed(location) }
        }
        guard location.range.end <= file.facts.byteCount else { throw changed(location) }
        let bytes = try file.bytes(location.range.offset..<location.range.end)
        if let digest, Digest(hashing: bytes) != digest { throw changed(location) }
        return bytes
    }

    private func changed(_ location: MemberLocation) -> ShardError {
        ShardError(
            .fileChanged, "The file changed since it was ingested. Run 'vlmpipe ingest' on it again.",
            path: location.path, byteOffset: location.range.offset)
    }

    private func open(_ path: String) throws(ShardError) -> ReadOnlyFile {
        let cached = state.withLock { state -> ReadOnlyFile? in
            state.useCount += 1
            state.files[path]?.lastUse = state.useCount
            return state.files[path]?.file
        }
        // An open file is used further only while its name still leads to the same size and time.
        if let cached, cached.facts == FileFacts.ofFile(atPath: path) { return cached }
        let file = try ReadOnlyFile(path: path)
        state.withLock { state in
            if state.files.count >= openFileCount, state.files[path] == nil,
                let oldest = state.files.min(by: { $0.value.lastUse < $1.value.lastUse })
            {
                state.files[oldest.key] = nil
            }
            state.files[path] = OpenFile(file: file, lastUse: state.useCount)
        }
        return file
    }
}
