import Samples

/// Names a shard within one catalog file. It means nothing outside it; `CatalogShard.name` does.
public struct ShardID: RawRepresentable, Hashable, Sendable, Comparable {
    /// Row id.
    public let rawValue: Int64

    /// An id read before.
    public init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    /// Order of registration.
    public static func < (left: ShardID, right: ShardID) -> Bool { left.rawValue < right.rawValue }
}

/// A shard as the catalog knows it.
public struct CatalogShard: Hashable, Sendable {
    /// What kind of source it is.
    public enum Kind: String, Hashable, Sendable {
        /// A tar file.
        case tar
        /// Up to 1,024 samples of a folder, chosen when they were first found.
        case folder
        /// Up to 1,024 rows of a manifest, chosen when they were first found.
        case manifest
        /// A tar that is read from its start to its end, from an address or a command; its root is empty and its path is
        /// the address or the command as the user wrote it.
        case stream

        /// Whether each sample is a file of its own.
        public var hasFiles: Bool { self == .folder || self == .manifest }
    }

    /// How the bytes of a tar are packed. Offsets are those of the unpacked bytes.
    public enum Compression: String, Hashable, Sendable {
        /// Not at all.
        case none
        /// RFC 1952.
        case gzip
        /// RFC 8878.
        case zstd
    }

    /// How far its ingest is.
    public enum State: String, Hashable, Sendable {
        /// Rows up to the cursor are there; more are to come.
        case pending
        /// All rows are there.
        case complete
        /// All rows are there, but the file is gone.
        case missing
    }

    /// Where ingest goes on.
    public struct Cursor: Hashable, Sendable {
        /// Offset of the next header in a tar.
        public let byteOffset: Int64
        /// Ordinal of the next thing found.
        public let ordinal: UInt32
        /// Digest of the headers before; `nil` at the start.
        public let digest: Digest?

        /// A place in a shard.
        public init(byteOffset: Int64, ordinal: UInt32, digest: Digest?) {
            self.byteOffset = byteOffset
            self.ordinal = ordinal
            self.digest = digest
        }

        /// The beginning.
        public static let start = Cursor(byteOffset: 0, ordinal: 0, digest: nil)
    }

    /// Its id in this catalog.
    public let id: ShardID
    /// Name of the data set.
    public let dataset: String
    /// Name within the data set, by which identities call it; unique there.
    public let name: String
    /// Kind of source.
    public let kind: Kind
    /// How the file is packed.
    public let compression: Compression
    /// Absolute path of the recorded root; empty for a stream.
    public let rootPath: String
    /// Path of the tar or folder relative to the root.
    public let path: String
    /// How far its ingest is.
    public let state: State
    /// The ingest settings its rows were made with, as one line of text.
    public let settings: String
    /// Size of the tar when it was ingested; `nil` for folders and before the first row.
    public let byteCount: Int64?
    /// Time of last change of the tar, in nanoseconds since 1970.
    public let modifiedNanoseconds: Int64?
    /// Digest of the tar's headers; set when complete.
    public let headerDigest: Digest?
    /// Digest over ordinals, splits, orientations, image bytes and captions of all samples as they were when the shard
    /// was completed; set then. If it is the same, nothing need be embedded again. Keys and paths are not in it, so a
    /// rename costs nothing; removing samples leaves it as it is (see `SampleCatalog.removedSamples(after:limit:)`).
    public let contentDigest: Digest?
    /// Where ingest goes on if it is pending.
    public let cursor: Cursor

    /// Absolute path of the tar or folder.
    public var absolutePath: String { CatalogPath.join(rootPath, path) }

    /// The identity of one of its samples.
    public func identity(ofOrdinal ordinal: UInt32) -> SampleIdentity {
        SampleIdentity(dataset: dataset, shard: name, ordinal: ordinal)
    }
}

/// Joins and compares the paths kept in the catalog, as UTF-8: a slash and a mark behind it are one character.
enum CatalogPath {
    static func join(_ folder: String, _ name: String) -> String {
        if name.isEmpty { return folder }
        if folder.isEmpty { return name }
        return folder.utf8.last == UInt8(ascii: "/") ? folder + name : folder + "/" + name
    }

    /// The part of `path` below `folder`; empty if they are equal, `nil` if it is elsewhere.
    static func relative(_ path: String, to folder: String) -> String? {
        if path.utf8.elementsEqual(folder.utf8) { return "" }
        if folder.isEmpty { return nil }
        let prefix = folder.utf8.last == UInt8(ascii: "/") ? folder : folder + "/"
        guard path.utf8.starts(with: prefix.utf8) else { return nil }
        return String(decoding: path.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }
}
