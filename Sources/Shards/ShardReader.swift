import Samples
import Synchronization

/// Reads the bytes of single members back from their shards, in any order and from any thread.
///
///     let reader = ShardReader()
///     let bytes = try reader.read(location, expecting: facts, digest: digest)
///
/// The files last used stay open, at most `openFileCount` of them. Compressed tars and streams are read forward as far as
/// needed, and again from their start for what was passed by more than 16 MiB: ask in the order of offsets.
public final class ShardReader: Sendable {
    private struct OpenFile {
        let file: ReadOnlyFile
        var lastUse: UInt64
        /// Set once it is known to be compressed.
        var sequence: SequentialShard?
    }

    private struct State {
        var files: [PathKey: OpenFile] = [:]
        var streams: [String: (shard: SequentialShard, lastUse: UInt64)] = [:]
        var useCount: UInt64 = 0
    }

    private let openFileCount: Int
    private let runsCommands: Bool
    private let state = Mutex(State())

    /// Streams that stay open at once.
    private static let openStreamCount = 4

    /// A reader that keeps up to `openFileCount` files open, at least 1.
    ///
    /// - Parameter runsCommands: whether `pipe:` commands found in a catalog are run. A catalog is a file that may have
    ///   come from anywhere, so only its owner can say so.
    public init(openFileCount: Int = 32, runsCommands: Bool = false) {
        precondition(openFileCount >= 1, "ShardReader(openFileCount: \(openFileCount)) could open nothing")
        self.openFileCount = openFileCount
        self.runsCommands = runsCommands
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
        if let address = StreamAddress(source: location.path) {
            let bytes = try stream(address).read(location.range)
            if let digest, Digest(hashing: bytes) != digest { throw changed(location) }
            return bytes
        }
        let (file, sequence) = try open(location)
        if let facts, facts != file.facts {
            // A touched file is still the right one if the bytes are; without a digest there is no telling.
            guard digest != nil else { throw changed(location) }
        }
        let bytes: [UInt8]
        if let sequence {
            bytes = try sequence.read(location.range)
        } else {
            guard location.range.end <= file.facts.byteCount else { throw changed(location) }
            bytes = try file.bytes(location.range.offset..<location.range.end)
        }
        if let digest, Digest(hashing: bytes) != digest { throw changed(location) }
        return bytes
    }

    /// Asks the system to bring members that will be read soon into memory. It waits for folders and the first blocks of
    /// small files, so it belongs on a thread that may wait. Streams are left alone, of compressed tars other bytes may
    /// be fetched than are needed, and what cannot be opened is for `read` to report.
    public func prefetch(_ locations: [MemberLocation]) {
        var rest = locations[...]
        while let first = rest.popFirst() {
            var end = first.range.end
            while let next = rest.first, next.path == first.path, next.range.offset >= first.range.offset {
                end = max(end, next.range.end)
                rest.removeFirst()
            }
            guard StreamAddress(source: first.path) == nil else { continue }
            do {
                try ReadOnlyFile(path: first.path).advise(willNeed: first.range.offset..<end)
            } catch {
                continue
            }
        }
    }

    private func changed(_ location: MemberLocation) -> ShardError {
        ShardError(
            .fileChanged, "The file changed since it was ingested. Run 'vlmpipe ingest' on it again.",
            path: location.path, byteOffset: location.range.offset)
    }

    private func stream(_ address: StreamAddress) throws(ShardError) -> SequentialShard {
        if case .command = address, !runsCommands {
            throw ShardError(
                .commandRefused,
                "The image comes from a command, and commands kept in a catalog are run only with VLMPIPE_RUN_COMMANDS=1 "
                    + "in the environment.", path: address.text)
        }
        return state.withLock { state in
            state.useCount += 1
            let key = address.text
            let shard = state.streams[key]?.shard ?? SequentialShard(.stream(address))
            state.streams[key] = (shard, state.useCount)
            if state.streams.count > ShardReader.openStreamCount,
                let oldest = state.streams.min(by: { $0.value.lastUse < $1.value.lastUse })
            {
                state.streams[oldest.key] = nil
            }
            return shard
        }
    }

    private func open(_ location: MemberLocation) throws(ShardError) -> (ReadOnlyFile, SequentialShard?) {
        let path = location.path
        let cached = state.withLock { state -> OpenFile? in
            state.useCount += 1
            state.files[PathKey(path)]?.lastUse = state.useCount
            return state.files[PathKey(path)]
        }
        // An open file is used further only while its name still leads to the same size and time.
        if let cached, cached.file.facts == FileFacts.ofFile(atPath: path) { return (cached.file, cached.sequence) }
        let file = try ReadOnlyFile(path: path)
        // No member of a tar lies before the first header's end; a file that is itself the image needs no look.
        let isMember = location.range.offset >= Int64(TarHeader.blockByteCount)
        let isCompressed = isMember ? try ShardBytes(file: file).compression != nil : false
        let sequence = isCompressed ? SequentialShard(.file(file)) : nil
        state.withLock { state in
            if state.files.count >= openFileCount, state.files[PathKey(path)] == nil,
                let oldest = state.files.min(by: { $0.value.lastUse < $1.value.lastUse })
            {
                state.files[oldest.key] = nil
            }
            state.files[PathKey(path)] = OpenFile(file: file, lastUse: state.useCount, sequence: sequence)
        }
        return (file, sequence)
    }
}

/// A tar that can only be read forward, opened again when something before its place is asked for.
///
/// May be used from any thread; one reads at a time.
final class SequentialShard: Sendable {
    enum Source: Sendable {
        case file(ReadOnlyFile)
        case stream(StreamAddress)

        var path: String {
            switch self {
            case .file(let file): file.path
            case .stream(let address): address.text
            }
        }
    }

    private struct Place: ~Copyable {
        var bytes: ShardBytes?
        var openCount = 0
    }

    private let source: Source
    private let place = Mutex(Place())

    /// Bytes behind the place that can be read again: threads ask in nearly, not exactly, ascending order.
    private static let historyByteCount = 16 << 20

    init(_ source: Source) {
        self.source = source
    }

    /// How often it was opened.
    var openCount: Int { place.withLock { $0.openCount } }

    func read(_ range: ByteRange) throws(ShardError) -> [UInt8] {
        let result = place.withLock { place -> Result<[UInt8], ShardError> in
            do throws(ShardError) {
                if (place.bytes?.window.start ?? Int64.max) > range.offset {
                    place.bytes = nil
                    place.bytes = try open()
                    place.openCount += 1
                }
                let bytes = try place.bytes?.window.bytes(at: range.offset, count: Int(range.byteCount)) ?? []
                guard Int64(bytes.count) == range.byteCount else {
                    throw ShardError(
                        .fileChanged, "The shard changed since it was ingested. Run 'vlmpipe ingest' on it again.",
                        path: source.path, byteOffset: range.offset)
                }
                return .success(Array(bytes))
            } catch {
                place.bytes = nil
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func open() throws(ShardError) -> ShardBytes {
        switch source {
        case .file(let file): try ShardBytes(file: file, historyByteCount: SequentialShard.historyByteCount)
        case .stream(let address):
            try ShardBytes(
                address, stallSeconds: ShardBytes.defaultStallSeconds,
                historyByteCount: SequentialShard.historyByteCount)
        }
    }
}
