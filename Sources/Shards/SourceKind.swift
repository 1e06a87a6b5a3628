import Samples

/// What a file is by its first bytes; names and extensions are not looked at.
public enum ContentKind: Hashable, Sendable {
    /// An uncompressed tar: its first header has a correct checksum.
    case tar
    /// It says it is a tar (`ustar`), but the first header's checksum is wrong.
    case damagedTar
    /// It starts as files of an `ImageFormat` do.
    case image
    /// A compressed file, by the name of its format.
    case compressed(String)
    /// It is compressed, but what it holds cannot be read, and why.
    case damagedCompression(String)
    /// It starts as Parquet files do.
    case parquet
    /// No bytes, or zeros only: an empty tar is two blocks of zeros.
    case empty
    /// Anything else.
    case other

    /// Number of bytes from the start of a file that `init(firstBytes:)` looks at.
    public static let prefixByteCount = 512

    /// Recognises content by the first 512 bytes, or all if there are fewer.
    public init(firstBytes: some Collection<UInt8>) {
        let bytes = Array(firstBytes.prefix(ContentKind.prefixByteCount))
        if bytes.allSatisfy({ $0 == 0 }) {
            self = .empty
        } else if ContentKind.isImage(bytes) {
            self = .image
        } else if bytes.starts(with: "PAR1".utf8) {
            self = .parquet
        } else if TarHeader.isPlausible(bytes[...]) {
            self = .tar
        } else if bytes.count >= 262, bytes[257..<262].elementsEqual("ustar".utf8) {
            self = .damagedTar
        } else if bytes.starts(with: [0x1F, 0x8B]) {
            self = .compressed("gzip")
        } else if bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
            self = .compressed("zstd")
        } else if bytes.starts(with: "BZh".utf8) {
            self = .compressed("bzip2")
        } else if bytes.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) {
            self = .compressed("xz")
        } else {
            self = .other
        }
    }

    /// Whether bytes, at least the first `ImageFormat.recognitionByteCount` if there are so many, start as images do.
    static func isImage(_ bytes: some Collection<UInt8>) -> Bool { ImageFormat(firstBytes: bytes) != nil }

    /// Why a file of this kind, named as a source, is no shard; `nil` if it may be one.
    public var refusal: (code: ShardError.Code, reason: String)? {
        switch self {
        case .tar, .damagedTar, .empty: nil
        case .image: (.sourceUnrecognized, "this is a single image; name the folder it lies in")
        case .compressed(let format):
            (
                .sourceCompressed,
                "the file is compressed with \(format), which is not read; decompress it, or compress it with zstd"
            )
        case .damagedCompression(let reason): (.compressionDamaged, reason)
        case .parquet:
            (
                .sourceUnrecognized,
                "this is a Parquet file; write it as JSON lines and ingest that: "
                    + ContentKind.parquetConversion(path: "FILE.parquet")
            )
        case .other:
            (
                .sourceUnrecognized,
                "this is not a tar, for its first header is not one, nor a table that is read (CSV, TSV, JSON lines or COCO "
                    + "captions; a damaged one named alone says what is wrong with it)"
            )
        }
    }

    /// A line for the shell that writes a Parquet file as JSON lines beside it.
    public static func parquetConversion(path: String) -> String {
        let quoted = "'" + path.replacing("'", with: "'\\''") + "'"
        return "python3 -c 'import sys, pandas as p; p.read_parquet(sys.argv[1]).to_json(sys.argv[1] + \".jsonl\", "
            + "orient=\"records\", lines=True)' " + quoted
    }

    /// Reads the start of a file and recognises it.
    public static func ofFile(_ file: ReadOnlyFile) throws(ShardError) -> ContentKind {
        let count = min(Int64(prefixByteCount), file.facts.byteCount)
        return ContentKind(firstBytes: try file.bytes(0..<count))
    }
}
