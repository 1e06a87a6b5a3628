import ByteFormats
import Samples

/// Changes an index: adds, replaces and removes the rows of whole shards, and merges small segments.
///
/// There is one writer at a time; it holds `LOCK` as long as it lives. Each change writes the new segments, then
/// publishes one new manifest; killed at any moment, the index is as before or as after, and doing the change again ends
/// with the same files. Readers never wait.
///
///     var writer = try IndexWriter.open(folder: "index.vlx", space: space, dimension: 512)
///     try writer.seal([try EmbeddingSegment(path: path)])
public struct IndexWriter: ~Copyable {
    /// What a change did.
    public struct Change: Sendable, Equatable {
        /// Shards whose rows were added or replaced.
        public var sealed: [ShardIdentity] = []
        /// Shards that were already as asked.
        public var unchanged: [ShardIdentity] = []
        /// Shards whose rows are gone.
        public var removed: [ShardIdentity] = []
        /// Segments written.
        public var writtenSegmentCount = 0

        /// Whether a new manifest was published.
        public var isPublished: Bool { !sealed.isEmpty || !removed.isEmpty || writtenSegmentCount > 0 }
    }

    let folder: IndexFolder
    private let lock: FileLock
    /// What the index consists of now; generation 0 is the empty index that has no file yet.
    public private(set) var manifest: IndexManifest

    /// Opens an index for writing, making the folder if it is missing.
    ///
    /// - Throws: `busy` if another process is writing it; `spaceMismatch` if it holds vectors of another space or
    ///   dimension.
    public static func open(
        folder path: String, space: SpaceFingerprint, dimension: Int
    ) throws -> IndexWriter {
        precondition((1...EmbeddingHeader.maximumDimension).contains(dimension), "IndexWriter: dimension \(dimension)")
        return try translatingErrors(inFile: path) {
            try Folder.create(path)
            let lock = try FileLock(path: path + "/" + IndexFolder.lockName, purpose: "the index")
            let folder = IndexFolder(path: path)
            let manifest =
                try folder.currentManifest()
                ?? IndexManifest(generation: 0, space: space, dimension: dimension, segments: [])
            try SpaceCheck.require(
                space, dimension, matches: manifest.space, manifest.dimension, indexPath: path,
                remedy: "use another index, or delete this one and build it again")
            // What a killed writer left behind.
            try folder.collectGarbage()
            return IndexWriter(folder: folder, lock: lock, manifest: manifest)
        }
    }

    init(folder: IndexFolder, lock: consuming FileLock, manifest: IndexManifest) {
        self.folder = folder
        self.lock = lock
        self.manifest = manifest
    }

    // MARK: Changes

    /// Adds the rows of these shards, replacing rows of the same shards from other embeddings. Shards whose rows come
    /// from these very embeddings are left as they are.
    @discardableResult
    public mutating func seal(_ embeddings: [EmbeddingSegment]) throws -> Change {
        try apply(embeddings, removing: [])
    }

    /// Removes the rows of these shards. Shards that are not there are fine.
    @discardableResult
    public mutating func remove(_ shards: Set<ShardIdentity>) throws -> Change {
        try apply([], removing: shards)
    }

    /// Makes the index hold the rows of exactly these embeddings: adds, replaces and removes what differs.
    @discardableResult
    public mutating func synchronize(with embeddings: [EmbeddingSegment]) throws -> Change {
        let wanted = Set(embeddings.map { EmbeddingRowSource(segment: $0).identity })
        return try apply(embeddings, removing: Set(manifest.shards.keys).subtracting(wanted))
    }

    private mutating func apply(
        _ embeddings: [EmbeddingSegment], removing removals: Set<ShardIdentity>
    ) throws -> Change {
        var change = Change()
        let current = manifest.shards
        var additions: [EmbeddingRowSource] = []
        for embedding in embeddings {
            try SpaceCheck.require(
                embedding.header.space, embedding.header.dimension, matches: manifest.space, manifest.dimension,
                indexPath: embedding.path, remedy: "embed this shard again with the index's model")
            let source = EmbeddingRowSource(segment: embedding)
            if additions.contains(where: { $0.identity == source.identity })
                || change.unchanged.contains(source.identity)
            {
                throw VectorIndexError(
                    .invalidRows, "two files of embeddings are of shard \(source.identity.shard); name one",
                    path: embedding.path)
            }
            if current[source.identity]?.embeddingDigest == embedding.digest, !removals.contains(source.identity) {
                change.unchanged.append(source.identity)
            } else {
                additions.append(source)
                change.sealed.append(source.identity)
            }
        }
        change.removed = removals.filter { current[$0] != nil }.sorted()
        let dropped = removals.union(change.sealed)
        guard change.isPublished else { return change }
        let open = OpenSegments()
        var segments: [IndexManifest.Segment] = []
        for segment in manifest.segments {
            let kept = segment.shards.filter { !dropped.contains($0.identity) }
            if kept.count == segment.shards.count {
                segments.append(segment)
            } else if !kept.isEmpty {
                let place = SegmentPlace(folder: folder, record: segment)
                let storage = try SegmentStorage(of: open.open(place), codec: codec())
                segments.append(try write(kept, of: place, open, storage))
                change.writtenSegmentCount += 1
            }
        }
        for addition in additions {
            segments.append(try write([addition], SegmentStorage(plain: .identity)))
            change.writtenSegmentCount += 1
        }
        try publish(segments)
        return change
    }

    // MARK: Steps

    /// The rows of a shard in a segment, for a segment that is stored like this.
    func source(
        _ shard: IndexedShard, in place: SegmentPlace, _ segments: OpenSegments, for storage: SegmentStorage
    ) throws -> SegmentRowSource {
        let segment = try segments.open(place)
        let copiesCodes = try copiesCodes(of: segment, for: storage)
        let rowCount = segment.table.shards.firstIndex { $0.identity == shard.identity }.map { position in
            VectorKinds.storageOrder.reduce(0) { $0 + segment.liveRowCount(ofShard: position, kind: $1) }
        }
        return SegmentRowSource(
            segments: segments, place: place, shard: shard, rowCount: rowCount ?? 0, copiesCodes: copiesCodes)
    }

    /// Whether rows of a segment keep their codes in another that is stored like this; else they have vectors.
    func copiesCodes(of segment: IndexSegment, for storage: SegmentStorage) throws -> Bool {
        let profile = segment.header.profile
        let copiesCodes =
            profile.isCoded && storage.codec != nil && segment.belongs(to: storage.codec)
            && profile == storage.profile
        guard copiesCodes || profile.hasVectors else {
            throw VectorIndexError(
                .invalidRows,
                "\(profile) keeps no vectors, so its rows cannot become \(storage.profile) of another codec; build that "
                    + "index again with the codec of this one (index build --codec)", path: segment.path)
        }
        return copiesCodes
    }

    /// Writes some shards of a segment as a segment of their own; those of a segment stored by partition stay so.
    func write(
        _ shards: [IndexedShard], of place: SegmentPlace, _ open: OpenSegments, _ storage: SegmentStorage
    ) throws -> IndexManifest.Segment {
        let segment = try open.open(place)
        guard segment.header.isPartitioned else {
            return try write(shards.map { try source($0, in: place, open, for: storage) }, storage)
        }
        return try segmentWriter(storage).rewritePartitions(
            of: segment, shards: shards, copiesCodes: copiesCodes(of: segment, for: storage))
    }

    /// Writes the segment of these shards.
    func write(_ sources: [any RowSource], _ storage: SegmentStorage) throws -> IndexManifest.Segment {
        var storage = storage
        storage.hasRawVectors =
            storage.profile == .plain && sources.reduce(0) { $0 + $1.rowCount } < SegmentFormat.rawRowCountLimit
        return try segmentWriter(storage).write(sources)
    }

    /// A writer of segments of this index.
    func segmentWriter(_ storage: SegmentStorage) -> IndexSegmentWriter {
        IndexSegmentWriter(
            folder: folder.path, space: manifest.space, dimension: manifest.dimension, storage: storage)
    }

    /// The codec of this index, if it has one.
    func codec() throws -> VectorCodec? { try folder.codec(of: manifest) }

    /// Writes a codec that a manifest can then name.
    func store(_ codec: VectorCodec) throws {
        let path = folder.path + "/" + VectorCodec.fileName(codec.digest)
        try translatingErrors(inFile: path) { try AtomicFile.write(path: path, bytes: codec.encoded) }
    }

    /// Writes the next manifest.
    ///
    /// - Parameters:
    ///   - codec: the codec from now on; by default that of now.
    ///   - forgetsCodec: no codec from now on.
    mutating func publish(
        _ segments: [IndexManifest.Segment], codec: Digest? = nil, forgetsCodec: Bool = false,
        nextID: UInt64? = nil, calibration: IndexCalibration? = nil
    ) throws {
        // A damaged newer manifest must not be in the way of the next one.
        let newest = try folder.generations().first ?? 0
        let next = IndexManifest(
            generation: max(newest, manifest.generation) + 1, space: manifest.space, dimension: manifest.dimension,
            codec: forgetsCodec ? nil : codec ?? manifest.codec, nextID: nextID ?? manifest.nextID,
            calibration: calibration,
            segments: segments)
        for segment in next.segments where !manifest.segments.contains(segment) {
            // Read back what was written: header, table and footer, deleted rows.
            _ = try folder.open(segment)
        }
        let path = folder.path + "/" + IndexManifest.fileName(generation: next.generation)
        let bytes = try next.encoded()
        try translatingErrors(inFile: path) {
            try AtomicFile.writeNew(path: path) { unsafe try $0.write(bytes.span.bytes) }
        }
        manifest = next
        try folder.collectGarbage()
    }
}

extension IndexWriter {
    /// Whether an index can be made at a path: nothing is there, or only what a killed attempt left behind.
    ///
    /// - Throws: `inputOutput` if something is there that is no folder or cannot be read.
    public static func canMake(folder path: String) throws -> Bool { try IndexFolder(path: path).isVacant }

    /// Files that were removed.
    public struct Garbage: Sendable, Equatable {
        /// How many.
        public let fileCount: Int
        /// Their size.
        public let byteCount: Int
    }

    /// Removes everything that the current state of the index does not need: older manifests and what only these name.
    ///
    /// Every change removes what no one of the newest three manifests names; this gives the rest back at once. Readers
    /// that are open go on; one that is just opening reads the manifest again.
    @discardableResult
    public mutating func collectGarbage() throws -> Garbage {
        let garbage = try folder.collectGarbage(keeping: 1)
        return Garbage(fileCount: garbage.fileCount, byteCount: garbage.byteCount)
    }
}

/// The rule that vectors of different spaces or dimensions never meet.
enum SpaceCheck {
    static func require(
        _ space: SpaceFingerprint, _ dimension: Int, matches indexSpace: SpaceFingerprint, _ indexDimension: Int,
        indexPath: String, remedy: String
    ) throws(VectorIndexError) {
        guard space == indexSpace else {
            throw VectorIndexError(
                .spaceMismatch,
                "vectors of space \(space) cannot be compared with vectors of space \(indexSpace): they were made by "
                    + "different models or preprocessing; \(remedy)", path: indexPath)
        }
        guard dimension == indexDimension else {
            throw VectorIndexError(
                .spaceMismatch,
                "vectors of \(dimension) dimensions (space \(space)) cannot be compared with vectors of "
                    + "\(indexDimension) dimensions (space \(indexSpace)); \(remedy)", path: indexPath)
        }
    }
}
