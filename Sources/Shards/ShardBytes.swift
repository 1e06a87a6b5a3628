/// Opens the bytes of a tar, wherever it is and however compressed.
public struct ShardBytes: ~Copyable {
    var window: ByteWindow
    /// What the content is by its first bytes, once decompressed.
    public let kind: ContentKind
    /// Format of the compression, if there is one.
    public let compression: String?
    /// Whether members can be read in any order without reading what lies before them.
    public var isSeekable: Bool { window.byteCount != nil }

    /// Opens a file.
    public init(file: ReadOnlyFile) throws(ShardError) {
        try self.init(file: file, historyByteCount: 0)
    }

    /// Starts a stream. `stallSeconds`: how long nothing may come before it counts as broken.
    public init(_ address: StreamAddress, stallSeconds: Int = ShardBytes.defaultStallSeconds) throws(ShardError) {
        try self.init(address, stallSeconds: stallSeconds, historyByteCount: 0)
    }

    /// How long nothing may come from a stream, in seconds.
    public static let defaultStallSeconds = 60

    init(file: ReadOnlyFile, historyByteCount: Int) throws(ShardError) {
        try self.init(
            try ContentKind.ofFile(file), plain: ByteWindow(file: file), compressed: FileBytes(file), path: file.path,
            historyByteCount: historyByteCount)
    }

    init(_ address: StreamAddress, stallSeconds: Int, historyByteCount: Int) throws(ShardError) {
        let (first, bytes) = try PrefixedBytes.peeking(
            address.open(stallSeconds: stallSeconds), count: ContentKind.prefixByteCount)
        let path = address.text
        try self.init(
            ContentKind(firstBytes: first),
            plain: ByteWindow(stream: bytes, path: path, historyByteCount: historyByteCount), compressed: bytes,
            path: path, historyByteCount: historyByteCount)
    }

    private init(
        _ outer: ContentKind, plain: consuming ByteWindow, compressed bytes: any ForwardBytes, path: String,
        historyByteCount: Int
    ) throws(ShardError) {
        guard case .compressed(let format) = outer, ShardBytes.isReadable(format) else {
            kind = outer
            compression = nil
            window = plain
            return
        }
        compression = format
        let content: any ForwardBytes = format == "gzip" ? try GzipBytes(bytes) : try ZstdBytes(bytes)
        do throws(ShardError) {
            let (first, all) = try PrefixedBytes.peeking(content, count: ContentKind.prefixByteCount)
            kind = ContentKind(firstBytes: first)
            window = ByteWindow(stream: all, path: path, historyByteCount: historyByteCount)
        } catch {
            guard error.code == .compressionDamaged else { throw error }
            kind = .damagedCompression(error.message)
            window = ByteWindow(stream: content, path: path)
        }
    }

    private static func isReadable(_ format: String) -> Bool { format == "gzip" || format == "zstd" }
}
