import ByteFormats
import Samples

extension IndexWriter {
    /// Takes over the segments of other indexes as they are: files are linked (or copied, on another file system), and
    /// one manifest names them.
    ///
    /// Shards that are here with the same content are left out. Codes must be of this index's codec; an index without
    /// one takes that of the first that has one. Every id is compared, in a memory that does not depend on their number.
    ///
    /// - Throws: `spaceMismatch`; `invalidRows` for codes of another codec, and for shards that are here with other
    ///   content; `idCollision`. Then nothing has changed.
    @discardableResult
    public mutating func adopt(_ paths: [String]) throws -> Change {
        var change = Change()
        let open = OpenSegments()
        var joining = try IndexJoining(manifest: manifest, folder: folder)
        for path in paths { try joining.add(path, open, mustShareCodec: true) }
        change.unchanged = joining.unchanged
        guard !joining.additions.isEmpty else { return change }
        try joining.checkIDs(open)
        if let codec = joining.codec { try store(codec) }
        var segments = manifest.segments
        for addition in joining.additions {
            change.sealed += addition.shards.map(\.identity)
            if addition.isWhole {
                segments.append(try take(addition.place))
            } else {
                // Files are never changed: the shards that are not here yet move to one of their own.
                let storage = try SegmentStorage(of: open.open(addition.place), codec: joining.codec)
                segments.append(try write(addition.shards, of: addition.place, open, storage))
            }
            change.writtenSegmentCount += 1
        }
        try publish(segments, codec: joining.codec?.digest, nextID: joining.nextID)
        return change
    }

    /// Adds all rows of other indexes and merges small segments, as `compact` does: deleted rows stay behind, and rows of
    /// another codec are encoded again if their vectors are kept.
    ///
    /// The result depends on the rows alone, not on the order of the indexes (if their codecs are equal).
    ///
    /// - Throws: What `adopt` throws; `invalidRows` for codes of another codec without vectors.
    @discardableResult
    public mutating func merge(_ paths: [String]) throws -> Change {
        var change = Change()
        let open = OpenSegments()
        var joining = try IndexJoining(manifest: manifest, folder: folder)
        for path in paths { try joining.add(path, open, mustShareCodec: false) }
        change.unchanged = joining.unchanged
        try joining.checkIDs(open)
        if let codec = joining.codec { try store(codec) }
        change.sealed = joining.additions.flatMap { $0.shards.map(\.identity) }
        var entries: [ShardEntry] = []
        var partitioned: [IndexManifest.Segment] = []
        for record in manifest.segments {
            let place = SegmentPlace(folder: folder, record: record)
            if try open.open(place).header.isPartitioned {
                partitioned.append(record)
            } else {
                entries += try self.entries(place, record.shards, open)
            }
        }
        for addition in joining.additions {
            if try open.open(addition.place).header.isPartitioned {
                partitioned.append(try join(addition, joining.codec, open))
                change.writtenSegmentCount += 1
            } else {
                entries += try self.entries(addition.place, addition.shards, open)
            }
        }
        let segments = try rewrite(entries, codec: joining.codec, open, change: &change) + partitioned
        if change.isPublished { try publish(segments, codec: joining.codec?.digest, nextID: joining.nextID) }
        return change
    }

    /// Makes an empty index use the codec of another, so that codes can go from one to the other as they are.
    ///
    /// - Throws: `notFound` if the other has none; `invalidRows` if this one has another.
    public mutating func useCodec(of path: String) throws {
        let other = IndexFolder(path: path)
        guard let theirs = try other.currentManifest(), let theirCodec = try other.codec(of: theirs) else {
            throw VectorIndexError(.notFound, "there is no index with codes in this folder", path: path)
        }
        guard theirCodec.dimension == manifest.dimension, manifest.codec == nil || manifest.codec == theirCodec.digest
        else {
            throw VectorIndexError(
                .invalidRows, "the index has a codec of its own already, or other dimensions: build a new one",
                path: folder.path)
        }
        guard manifest.codec == nil else { return }
        try store(theirCodec)
        try publish(manifest.segments, codec: theirCodec.digest)
    }

    private func entries(
        _ place: SegmentPlace, _ shards: [IndexedShard], _ open: OpenSegments
    ) throws -> [ShardEntry] {
        let segment = try open.open(place)
        let form = SegmentForm(
            profile: segment.header.profile, isUnpacked: segment.isUnpacked, identifiers: segment.header.identifiers)
        return segment.entries(in: place, form: form, isCurrent: segment.deleted == nil)
            .filter { shards.contains($0.shard) }
    }

    /// Takes over rows that are stored by partition, which they stay: as they are, or without those that are not wanted.
    private func join(
        _ addition: IndexJoining.Addition, _ codec: VectorCodec?, _ open: OpenSegments
    ) throws -> IndexManifest.Segment {
        let segment = try open.open(addition.place)
        if addition.isWhole, segment.deleted == nil, segment.belongs(to: codec) { return try take(addition.place) }
        let storage = SegmentStorage(
            profile: segment.header.profile, codec: codec, hasRawVectors: false, isUnpacked: segment.isUnpacked,
            identifiers: segment.header.identifiers, isPartitioned: true)
        return try write(addition.shards, of: addition.place, open, storage)
    }

    /// Links or copies a segment of another index, and the file of its deleted rows.
    private func take(_ place: SegmentPlace) throws -> IndexManifest.Segment {
        try take(place.record.name, from: place.folder)
        if let deletion = place.record.deletion { try take(deletion.name, from: place.folder) }
        return place.record
    }

    private func take(_ name: String, from other: IndexFolder) throws {
        let target = folder.path + "/" + name
        // Names are digests of contents: what has the name is the file.
        guard !Folder.exists(target) else { return }
        let source = other.path + "/" + name
        try translatingErrors(inFile: source) {
            do {
                try Folder.link(source, to: target)
            } catch let error as ByteFormatError where error.code == .inputOutput && error.isRefusedLink {
                try AtomicFile.write(path: target) { try $0.write(contentsOf: RandomAccessFile(path: source)) }
            }
        }
    }
}

/// What other indexes have that this one has not.
private struct IndexJoining {
    struct Addition {
        let place: SegmentPlace
        /// The shards that are taken over.
        let shards: [IndexedShard]
        /// Whether these are all shards of the segment.
        var isWhole: Bool { shards.count == place.record.shards.count }
    }

    private let manifest: IndexManifest
    private let folder: IndexFolder
    private var known: [ShardIdentity: (embeddingDigest: Digest, path: String)] = [:]
    private(set) var additions: [Addition] = []
    private(set) var unchanged: [ShardIdentity] = []
    private(set) var codec: VectorCodec?
    private(set) var nextID: UInt64

    init(manifest: IndexManifest, folder: IndexFolder) throws {
        self.manifest = manifest
        self.folder = folder
        codec = try folder.codec(of: manifest)
        nextID = manifest.nextID
        for segment in manifest.segments {
            for shard in segment.shards { known[shard.identity] = (shard.embeddingDigest, folder.path) }
        }
    }

    mutating func add(_ path: String, _ open: OpenSegments, mustShareCodec: Bool) throws {
        let other = IndexFolder(path: path)
        guard let theirs = try other.currentManifest() else {
            throw VectorIndexError(.notFound, "there is no index in this folder", path: path)
        }
        try SpaceCheck.require(
            theirs.space, theirs.dimension, matches: manifest.space, manifest.dimension, indexPath: path,
            remedy: "join only indexes of the same model")
        if let theirCodec = try other.codec(of: theirs) {
            codec = codec ?? theirCodec
            guard codec?.digest == theirCodec.digest || !mustShareCodec else {
                throw VectorIndexError(
                    .invalidRows,
                    "its codes belong to another codec: build it with 'index build --codec \(folder.path)', or use "
                        + "'vlmpipe index merge', which encodes rows again", path: path)
            }
        }
        nextID = max(nextID, theirs.nextID)
        for record in theirs.segments {
            let place = SegmentPlace(folder: other, record: record)
            let segment = try open.open(place)
            guard segment.table.shards == record.shards else {
                throw VectorIndexError(
                    .damaged, "the segment does not hold what its manifest says: run vlmpipe index verify",
                    path: segment.path)
            }
            let fresh = try record.shards.filter { try !isKnown($0, path) }
            guard !fresh.isEmpty else { continue }
            additions.append(Addition(place: place, shards: fresh))
            for shard in fresh { known[shard.identity] = (shard.embeddingDigest, path) }
        }
    }

    /// Whether a shard is there already with the same content; with other content it is an error.
    private mutating func isKnown(_ shard: IndexedShard, _ path: String) throws -> Bool {
        guard let present = known[shard.identity] else { return false }
        guard present.embeddingDigest == shard.embeddingDigest else {
            let name = shard.identity.shard.isEmpty ? shard.identity.dataset : shard.identity.shard
            throw VectorIndexError(
                .invalidRows,
                "'\(name)' is in \(present.path) with other content; build one of them under another name "
                    + "(index build --name), or remove it from one", path: path)
        }
        unchanged.append(shard.identity)
        return true
    }

    /// Throws if two rows of what is here and what comes have the same id.
    func checkIDs(_ open: OpenSegments) throws {
        let here = manifest.segments.map {
            Addition(place: SegmentPlace(folder: folder, record: $0), shards: $0.shards)
        }
        let rowCount = (here + additions).reduce(0) { $0 + $1.place.record.rowCount }
        // Each pass looks at the ids of one residue, so that at most about 4 million are in memory.
        let passCount = UInt64(rowCount / (1 << 22) + 1)
        for pass in 0..<passCount {
            var ids: [UInt64] = []
            for addition in here + additions {
                try Task.checkCancellation()
                try addition.appendIDs(open, to: &ids) { $0 % passCount == pass }
            }
            ids.sort()
            guard let twin = zip(ids, ids.dropFirst()).first(where: { $0 == $1 })?.0 else { continue }
            throw VectorIndexError(
                .idCollision,
                "two vectors have the id \(twin); build indexes that are to be joined with ids of their own "
                    + "(index build --first-id)", path: folder.path)
        }
    }
}

extension IndexJoining.Addition {
    /// The ids of its live rows that are asked for.
    fileprivate func appendIDs(
        _ open: OpenSegments, to ids: inout [UInt64], where isWanted: (UInt64) -> Bool
    ) throws {
        let segment = try open.open(place)
        var scratch = SegmentScratch()
        let taken = Set(shards.map(\.identity))
        for group in segment.table.groups.indices {
            let all = try segment.readIDs(group: group, scratch: &scratch)
            let deleted = Set(segment.deletedRows(inGroup: group))
            for part in try segment.shards(inGroup: group, scratch: &scratch)
            where taken.contains(segment.table.shards[part.shard].identity) {
                for row in part.rows where isWanted(all[row]) && !deleted.contains(row) { ids.append(all[row]) }
            }
        }
    }
}

extension ByteFormatError {
    /// Whether the file system does not link: another one, or one that knows no links.
    fileprivate var isRefusedLink: Bool { systemErrorNumber.map(Folder.linkRefusals.contains) ?? false }
}

extension AtomicFile.Writer {
    /// Appends a whole file.
    fileprivate mutating func write(contentsOf file: borrowing RandomAccessFile) throws(ByteFormatError) {
        var bytes: [UInt8] = []
        var position = 0
        while position < file.byteCount {
            let count = min(1 << 20, file.byteCount - position)
            try file.read(byteOffset: UInt64(position), byteCount: count, into: &bytes)
            unsafe try write(bytes.span.bytes)
            position += count
        }
    }
}
