import ByteFormats

/// Writes samples as WebDataset tars `PREFIX00000.tar`, `PREFIX00001.tar` … in one folder.
///
///     var writer = try ShardWriter(directory: "shards", maximumSampleCount: 1000)
///     try writer.write(key: "000000", members: [("jpg", jpeg), ("txt", Array("a cat".utf8))])
///     let shards = try writer.finish()
///
/// The bytes depend only on what is written, not on time, user or machine. A shard grows under `NAME.tmp` and gets its
/// name when it is whole; an existing shard of that name is replaced. What is under way when the writer is released
/// without `finish()` stays under the temporary name and is overwritten by the next writer.
public struct ShardWriter: ~Copyable {
    /// A shard that has its final name.
    public struct WrittenShard: Hashable, Sendable {
        /// Its path.
        public let path: String
        /// Number of samples in it.
        public let sampleCount: Int
        /// Its size.
        public let byteCount: Int
    }

    private let directory: String
    private let prefix: String
    private let maximumSampleCount: Int
    private let maximumByteCount: Int
    private var current: AppendFile?
    private var buffer: [UInt8] = []
    private var currentSampleCount = 0
    private var currentByteCount = 0
    private var written: [WrittenShard] = []

    private static let bufferByteCount = 1 << 20

    /// Makes the folder if it is missing. A shard ends with `maximumSampleCount` samples, or before the sample that
    /// would take it over `maximumByteCount`, whichever comes first; both are at least 1.
    public init(
        directory: String, prefix: String = "", maximumSampleCount: Int = 1000, maximumByteCount: Int = 1 << 30
    ) throws(ShardError) {
        precondition(
            maximumSampleCount >= 1 && maximumByteCount >= 1,
            "ShardWriter(maximumSampleCount: \(maximumSampleCount), maximumByteCount: \(maximumByteCount)) holds nothing"
        )
        self.directory = directory
        self.prefix = prefix
        self.maximumSampleCount = maximumSampleCount
        self.maximumByteCount = maximumByteCount
        current = nil
        try ShardWriter.mapping { () throws(ByteFormatError) in try Folder.create(directory) }
    }

    /// Appends one sample: its members share `key` and differ in suffix (`jpg`, `txt`, `json`).
    ///
    /// Throws `sampleUnwritable` if a reader would not find the same key and suffixes again, or if the key could lead
    /// out of a folder when unpacked; `inputOutput` if the disk refuses.
    public mutating func write(key: String, members: [(suffix: String, bytes: [UInt8])]) throws(ShardError) {
        let keyBytes = TextFromBytes.bytes(ofText: key)
        try check(key: key, keyBytes: keyBytes, suffixes: members.map(\.suffix))
        var bytes: [UInt8] = []
        for member in members {
            bytes += TarEncoding.header(
                path: keyBytes + [UInt8(ascii: ".")] + Array(member.suffix.utf8), byteCount: Int64(member.bytes.count))
            bytes += member.bytes
            bytes += TarEncoding.padding(byteCount: member.bytes.count)
        }
        if currentSampleCount == maximumSampleCount
            || (currentSampleCount > 0 && currentByteCount + bytes.count > maximumByteCount)
        {
            try finishCurrent()
        }
        if currentSampleCount == 0 { try startShard() }
        buffer += bytes
        currentByteCount += bytes.count
        currentSampleCount += 1
        if buffer.count >= ShardWriter.bufferByteCount { try flushBuffer() }
    }

    /// Ends the last shard and returns all shards written, in order.
    public consuming func finish() throws(ShardError) -> [WrittenShard] {
        if currentSampleCount > 0 { try finishCurrent() }
        return written
    }

    private var path: String {
        let digits = String(written.count)
        let padded = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        return SourcePath.join(directory, "\(prefix)\(padded).tar")
    }

    private mutating func startShard() throws(ShardError) {
        let temporary = path + ".tmp"
        current = try ShardWriter.mapping { () throws(ByteFormatError) in
            var file = try AppendFile(path: temporary)
            try file.truncate(to: 0)
            return file
        }
    }

    private mutating func flushBuffer() throws(ShardError) {
        guard !buffer.isEmpty else { return }
        guard var file = current.take() else { preconditionFailure("ShardWriter: bytes without a shard") }
        do throws(ByteFormatError) {
            try file.append(buffer)
        } catch {
            throw ShardWriter.error(error)
        }
        buffer.removeAll(keepingCapacity: true)
        current = consume file
    }

    private mutating func finishCurrent() throws(ShardError) {
        buffer += TarEncoding.end
        currentByteCount += TarEncoding.end.count
        try flushBuffer()
        guard let file = current.take() else { preconditionFailure("ShardWriter: no shard to finish") }
        let final = path
        do throws(ByteFormatError) {
            try file.synchronize()
            try Folder.rename(final + ".tmp", to: final)
        } catch {
            throw ShardWriter.error(error)
        }
        written.append(
            WrittenShard(path: final, sampleCount: currentSampleCount, byteCount: currentByteCount))
        currentSampleCount = 0
        currentByteCount = 0
    }

    private func check(key: String, keyBytes: [UInt8], suffixes: [String]) throws(ShardError) {
        let components = keyBytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let isContained = components.allSatisfy { component in
            !component.isEmpty && !component.elementsEqual(".".utf8) && !component.elementsEqual("..".utf8)
        }
        guard isContained, !keyBytes.contains(0) else {
            throw unwritable(key, "has an empty, '.' or '..' part, or a NUL")
        }
        guard Set(suffixes).count == suffixes.count, !suffixes.isEmpty else {
            throw unwritable(key, "has no members, or two with the same suffix")
        }
        for suffix in suffixes {
            let parts = SampleKey.inTar(keyBytes + [UInt8(ascii: ".")] + Array(suffix.utf8))
            guard let parts, parts.key == keyBytes, parts.suffix == Array(suffix.utf8), !suffix.isEmpty,
                !suffix.contains("/")
            else {
                throw unwritable(
                    key,
                    "with the suffix '\(suffix)' would be read back differently: a key has no dot in its last part "
                        + "and a suffix no capital letters")
            }
        }
    }

    private func unwritable(_ key: String, _ reason: String) -> ShardError {
        ShardError(.sampleUnwritable, "The sample cannot be written: its key \(reason). Give it another key.", key: key)
    }

    private static func mapping<Value: ~Copyable>(
        _ body: () throws(ByteFormatError) -> Value
    ) throws(ShardError) -> Value {
        do throws(ByteFormatError) { return try body() } catch { throw self.error(error) }
    }

    private static func error(_ error: ByteFormatError) -> ShardError {
        ShardError(.inputOutput, "The shard cannot be written.", path: error.path, cause: error.message)
    }
}
