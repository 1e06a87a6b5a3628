/// What a file is by its first bytes; names and extensions are not looked at.
public enum ContentKind: Hashable, Sendable {
    /// An uncompressed tar: its first header has a correct checksum.
    case tar
    /// It says it is a tar (`ustar`), but the first header's checksum is wrong.
    case damagedTar
    /// It starts as JPEG, PNG or WebP files do.
    case image
    /// A compressed file, by the name of its format.
    case compressed(String)
    /// It is compressed, but what it holds cannot be read, and why.
    case damagedCompression(String)
    /// It starts as HEIC and AVIF files do.
    case heif
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
        } else if ContentKind.isHEIF(bytes) {
            self = .heif
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

    /// Whether bytes start as JPEG, PNG or WebP files do.
    public static func isImage(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.starts(with: [0xFF, 0xD8, 0xFF]) || bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
            || (bytes.count >= 12 && bytes.starts(with: "RIFF".utf8)
                && bytes.dropFirst(8).prefix(4).elementsEqual("WEBP".utf8))
    }

    /// Whether bytes start with a box that names a brand of still images in ISO media files (ISO/IEC 23008-12).
    static func isHEIF(_ bytes: some Collection<UInt8>) -> Bool {
        guard bytes.count >= 12, bytes.dropFirst(4).prefix(4).elementsEqual("ftyp".utf8) else { return false }
        let brand = String(decoding: bytes.dropFirst(8).prefix(4), as: UTF8.self)
        return ["heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1", "avif", "avis"].contains(brand)
    }

    /// Why a file of this kind, named as a source, is no shard; `nil` if it may be one.
    public var refusal: (code: ShardError.Code, reason: String)? {
        switch self {
        case .tar, .damagedTar, .empty: nil
        case .image: (.sourceUnrecognized, "this is a single image; name the folder it lies in")
        case .heif: (.sourceUnrecognized, "this is a single HEIC or AVIF image; name the folder it lies in")
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
        case .other: (.sourceUnrecognized, "this is not a tar: its first header is not one")
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
