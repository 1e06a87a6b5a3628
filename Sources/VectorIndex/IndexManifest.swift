import ByteFormats
import Foundation
import Samples

/// What an index consists of at one moment: `MANIFEST-<generation>`, JSON and a last line with its CRC-32C.
public struct IndexManifest: Sendable, Hashable, Codable {
    /// One immutable file of rows.
    public struct Segment: Sendable, Hashable, Codable {
        /// File name: `seg-`, the first 32 digits of `digest`, `.vsx`.
        public let name: String
        /// Size of the file.
        public let byteCount: Int
        /// Rows in the file, deleted ones included.
        public let rowCount: Int
        /// SHA-256 of the file.
        public let digest: Digest
        /// The shards whose rows it holds, in order; their counts include deleted rows.
        public let shards: [IndexedShard]
        /// The rows of it that are deleted; `nil` if none is.
        public let deletion: Deletion?

        init(
            name: String, byteCount: Int, rowCount: Int, digest: Digest, shards: [IndexedShard],
            deletion: Deletion? = nil
        ) {
            self.name = name
            self.byteCount = byteCount
            self.rowCount = rowCount
            self.digest = digest
            self.shards = shards
            self.deletion = deletion
        }

        /// Rows that can be found.
        public var liveRowCount: Int { rowCount - (deletion?.rowCount ?? 0) }

        /// The same file with these rows deleted.
        func with(deletion: Deletion?) -> Segment {
            Segment(
                name: name, byteCount: byteCount, rowCount: rowCount, digest: digest, shards: shards,
                deletion: deletion)
        }
    }

    /// One immutable file that says which rows of a segment are deleted.
    public struct Deletion: Sendable, Hashable, Codable {
        /// File name: `del-`, the first 32 digits of `digest`, `.vsd`.
        public let name: String
        /// Size of the file.
        public let byteCount: Int
        /// How many rows are deleted, at least 1.
        public let rowCount: Int
        /// SHA-256 of the file.
        public let digest: Digest
    }

    /// Version of the format.
    public static let currentVersion = "0.3"
    /// Versions that are read: 0.2 knew no deleted rows.
    static let readVersions = ["0.2", "0.3"]
    static let format = "vlmpipe index manifest"

    /// Always `vlmpipe index manifest`.
    public let format: String
    /// `currentVersion`, or an older one that is read.
    public let version: String
    /// Counts up by one with each change.
    public let generation: UInt64
    /// The space of all vectors.
    public let space: SpaceFingerprint
    /// E.
    public let dimension: Int
    /// Digest of the codec file that the codes of all segments belong to; `nil` while there are none.
    public let codec: Digest?
    /// The next id that is given to a row whose builder has none.
    public let nextID: UInt64
    /// What approximate searches are worth; `nil` where that was not measured since rows changed.
    public let calibration: IndexCalibration?
    /// Rows of all segments that are not deleted.
    public let rowCount: Int
    /// The segments, ordered by the first shard they hold.
    public let segments: [Segment]

    init(
        generation: UInt64, space: SpaceFingerprint, dimension: Int, codec: Digest? = nil, nextID: UInt64 = 0,
        calibration: IndexCalibration? = nil, segments: [Segment]
    ) {
        format = Self.format
        version = Self.currentVersion
        self.generation = generation
        self.space = space
        self.dimension = dimension
        self.codec = codec
        self.nextID = nextID
        self.calibration = calibration
        // Segments without shards do not exist, so there is a first one to order by; names break no tie in practice.
        self.segments = segments.sorted { left, right in
            if let first = left.shards.first, let second = right.shards.first, first.identity != second.identity {
                return first.identity < second.identity
            }
            return left.name < right.name
        }
        rowCount = segments.reduce(0) { $0 + $1.liveRowCount }
    }

    /// All shards of the index with the segment that holds each.
    public var shards: [ShardIdentity: IndexedShard] {
        var shards: [ShardIdentity: IndexedShard] = [:]
        for segment in segments {
            for shard in segment.shards { shards[shard.identity] = shard }
        }
        return shards
    }

    static let filePrefix = "MANIFEST-"

    /// `MANIFEST-` and the generation as 16 hexadecimal digits.
    static func fileName(generation: UInt64) -> String {
        let digits = String(generation, radix: 16)
        return filePrefix + String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The generation a file name stands for; `nil` if it is no manifest's name.
    static func generation(ofFileName name: String) -> UInt64? {
        guard name.hasPrefix(filePrefix), name.utf8.count == filePrefix.utf8.count + 16,
            let generation = UInt64(name.dropFirst(filePrefix.count), radix: 16),
            fileName(generation: generation) == name
        else { return nil }
        return generation
    }

    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
        return json + Array(Self.checksumLine(json).utf8)
    }

    private static func checksumLine(_ json: [UInt8]) -> String {
        let digits = String(CRC32C.checksum(of: json), radix: 16)
        return "crc32c " + String(repeating: "0", count: 8 - digits.count) + digits + "\n"
    }

    /// Parses a manifest file; throws if a byte of it is wrong.
    init(_ bytes: [UInt8], path: String) throws {
        func damaged(_ message: String, cause: (any Error)? = nil) -> VectorIndexError {
            VectorIndexError(
                .damaged, "\(message); an older manifest is used if there is one", path: path, cause: cause)
        }
        let lineByteCount = "crc32c 00000000\n".utf8.count
        guard bytes.count > lineByteCount else { throw damaged("a manifest cannot have \(bytes.count) bytes") }
        let json = Array(bytes.dropLast(lineByteCount))
        guard bytes.suffix(lineByteCount) == ArraySlice(Array(Self.checksumLine(json).utf8)) else {
            throw damaged("the manifest's checksum does not match")
        }
        struct Version: Decodable {
            let format: String
            let version: String
        }
        let decoder = JSONDecoder()
        do {
            let head = try decoder.decode(Version.self, from: Data(json))
            guard head.format == Self.format, Self.readVersions.contains(head.version) else {
                throw VectorIndexError(
                    .unsupportedVersion,
                    "\(head.format) \(head.version) is not read by this program (\(Self.currentVersion)): run "
                        + "'vlmpipe index rebuild', or build an index of your own vectors again", path: path)
            }
            self = try decoder.decode(IndexManifest.self, from: Data(json))
        } catch let error as DecodingError {
            throw damaged("the manifest cannot be read", cause: error)
        }
        guard (1...EmbeddingHeader.maximumDimension).contains(dimension), calibration?.isPlausible ?? true,
            segments.allSatisfy({ $0.isPlausible }), rowCount == segments.reduce(0, { $0 &+ $1.liveRowCount }),
            Set(segments.map(\.name)).count == segments.count,
            Set(segments.flatMap { $0.shards.map(\.identity) }).count == segments.reduce(0, { $0 + $1.shards.count })
        else { throw damaged("the manifest contradicts itself") }
    }
}

extension IndexManifest.Segment {
    /// The name is the one its digest gives (so it cannot lead out of the folder) and the counts agree.
    fileprivate var isPlausible: Bool {
        name == SegmentFormat.fileName(digest)
            && byteCount >= 0 && (0...Int(UInt32.max)).contains(rowCount) && !shards.isEmpty
            && rowCount == shards.reduce(0) { $0 &+ $1.imageRowCount &+ $1.captionRowCount }
            && (deletion.map { $0.isPlausible && $0.rowCount <= rowCount } ?? true)
    }
}

extension IndexManifest.Deletion {
    fileprivate var isPlausible: Bool {
        name == DeletedRows.fileName(digest) && rowCount >= 1
            && (DeletedRows.headerByteCount...Int(Int32.max)).contains(byteCount)
    }
}
