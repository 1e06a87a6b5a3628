import ByteFormats
import CKernels
import Samples
import Synchronization

/// An index as it was when it was opened: any number of readers, on any threads, while a writer goes on.
///
///     let index = try IndexReader(folder: "index.vlx")
///     let hits = try await index.search(request, on: pool)
///
/// Vectors are read with every search, in a memory that does not depend on their number; a cache of decoded vectors
/// makes repeated searches of one reader faster.
public final class IndexReader: Sendable {
    /// What the index consists of.
    public let manifest: IndexManifest
    /// The folder.
    public let path: String
    /// Why this is not the newest state: its files are damaged, so an older state is searched. To be told to the user;
    /// `nil` as it should be.
    public let fallbackReason: String?
    let segments: [IndexSegment]
    let codec: VectorCodec?
    let cache: DecodedGroupCache
    let scanLevel: Int32
    /// Where a query is sent to rows whose upper codes are at most this long together, these are scanned instead of signs.
    let upperCodeByteCount: Int
    /// Plans of searches without a filter, by the kinds they look at.
    private let plans = Mutex<[VectorKinds: SearchPlan]>([:])

    /// Opens the newest state of an index.
    ///
    /// - Parameters:
    ///   - cacheByteCount: How much memory decoded vectors may take; 0 for a single search.
    ///   - reading: How codes are read.
    /// - Throws: `notFound` if there is no index in the folder.
    public convenience init(folder path: String, cacheByteCount: Int = 0, reading: FileReading = .mapped) throws {
        try self.init(folder: path, cacheByteCount: cacheByteCount, reading: reading, scanLevel: vlm_scan_level())
    }

    /// - Parameters:
    ///   - scanLevel: instruction set of the scans, `VLM_SCAN_PLAIN` and up.
    ///   - upperCodeByteCount: where to scan signs instead of upper codes; another limit gives other approximate answers.
    init(
        folder path: String, cacheByteCount: Int, reading: FileReading, scanLevel: Int32,
        upperCodeByteCount: Int = SearchEffort.upperCodeByteCount
    ) throws {
        self.scanLevel = scanLevel
        self.upperCodeByteCount = upperCodeByteCount
        self.path = path
        cache = DecodedGroupCache(byteCountLimit: cacheByteCount)
        let folder = IndexFolder(path: path)
        var attempt = 0
        while true {
            attempt += 1
            do {
                var fallback: (any Error)?
                guard let manifest = try folder.currentManifest(fallback: &fallback) else {
                    throw VectorIndexError(
                        .notFound, "there is no index in this folder; run vlmpipe embed or vlmpipe index build",
                        path: path)
                }
                let (segments, codec) = try Self.open(manifest, in: folder, reading: reading)
                self.segments = segments
                self.codec = codec
                self.manifest = manifest
                fallbackReason = fallback.map {
                    "answers are those of an older state of the index, because the newest is damaged (\($0)); run "
                        + "vlmpipe index repair"
                }
                return
            } catch let error as VectorIndexError where error.code == .notFound && attempt < 4 {
                // A writer may have removed old segments between our reading the manifest and opening them.
                guard Folder.exists(path), try !folder.generations().isEmpty else { throw error }
            }
        }
    }

    /// Opens what a manifest names, and checks that it is what the manifest says.
    private static func open(
        _ manifest: IndexManifest, in folder: IndexFolder, reading: FileReading
    ) throws -> ([IndexSegment], VectorCodec?) {
        let codec = try folder.codec(of: manifest)
        let segments = try manifest.segments.map { record in
            let segment = try folder.open(record, access: reading)
            try SpaceCheck.require(
                segment.header.space, segment.header.dimension, matches: manifest.space, manifest.dimension,
                indexPath: segment.path, remedy: "delete the index and build it again from the embeddings")
            guard segment.table.shards == record.shards, segment.belongs(to: codec) else {
                throw VectorIndexError(
                    .damaged,
                    "the segment does not hold what the manifest says: delete the index and build it again from the "
                        + "embeddings", path: segment.path)
            }
            return segment
        }
        return (segments, codec)
    }

    /// The groups that a search must look at.
    func plan(kinds: VectorKinds, filter: RowFilter?) -> SearchPlan {
        guard filter == nil else { return SearchPlan(segments: segments, kinds: kinds, filter: filter) }
        if let known = plans.withLock({ $0[kinds] }) { return known }
        let plan = SearchPlan(segments: segments, kinds: kinds, filter: nil)
        plans.withLock { $0[kinds] = plan }
        return plan
    }

    /// The space of the vectors.
    public var space: SpaceFingerprint { manifest.space }
    /// E.
    public var dimension: Int { manifest.dimension }
    /// Number of vectors, deleted ones left out.
    public var rowCount: Int { manifest.rowCount }

    /// Number of vectors of these kinds, deleted ones left out.
    public func rowCount(of kinds: VectorKinds) -> Int {
        segments.reduce(0) { sum, segment in
            VectorKinds.storageOrder.filter(kinds.contains).reduce(sum) { $0 + segment.liveRowCount(of: $1) }
        }
    }

    /// The shards that are in the index.
    public var shards: [ShardIdentity: IndexedShard] { manifest.shards }
}
