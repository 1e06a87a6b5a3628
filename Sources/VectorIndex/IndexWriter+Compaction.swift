import ByteFormats
import Samples

extension IndexWriter {
    /// How segments are rewritten.
    public struct Compaction: Sendable {
        /// What is kept of rows whose vectors are there; `nil` for what is kept now. Rows of `lite` and `std` stay so.
        public var profile: IndexProfile?
        /// Whether codes stay uncompressed; `nil` for uncompressed where any are now.
        public var isUnpacked: Bool?
        /// The least share of deleted rows, above 0 and up to 1, for which a segment is rewritten on that ground alone.
        public var minimumDeletedShare: Double

        /// A way to rewrite segments.
        public init(profile: IndexProfile? = nil, isUnpacked: Bool? = nil, minimumDeletedShare: Double = 0) {
            self.profile = profile
            self.isUnpacked = isUnpacked
            self.minimumDeletedShare = minimumDeletedShare
        }
    }

    /// A shard, where its rows are now, and how they are to be stored.
    struct ShardEntry {
        let shard: IndexedShard
        let liveRowCount: Int
        let place: SegmentPlace
        let form: SegmentForm
        /// Whether the rows are stored so now and none that is deleted is in the way.
        let isCurrent: Bool
    }

    /// What shards must have in common to share a segment.
    struct SegmentForm: Hashable {
        let profile: IndexProfile
        let isUnpacked: Bool
        let identifiers: IdentifierKind
    }

    /// Merges small segments, drops deleted rows and gives rows the codes of a profile.
    ///
    /// Segments stored by partition stay so. Of the others, in the order of the shards, each segment is filled until it has 65,536 rows; shards are not split. The segments
    /// that result depend on the shards and on the codec alone, not on how the index came about (unless segments with
    /// deleted rows stay). Shards of vectors of any origin go when all their rows are deleted. Those that are already so stay as they are; nothing is published if all are. Codes of the
    /// index's codec and of the wanted profile are copied, not made again. The first codes decide the codec, whose mean is taken over a sample of
    /// the image rows (of the captions if there are none), and whose directions over these and captions. Memory does not depend on the number of rows.
    @discardableResult
    public mutating func compact(_ compaction: Compaction = Compaction()) throws -> Change {
        var change = Change()
        let open = OpenSegments()
        let entries = try entries(compaction, open)
        var codec = try codec()
        if codec == nil, entries.contains(where: { $0.form.profile.isCoded }) {
            let made = try SampledRows(entries: entries, segments: open, dimension: manifest.dimension).codec()
            try store(made)
            codec = made
        }
        var segments = try rewrite(entries, codec: codec, open, change: &change)
        segments += try partitionedSegments(compaction, codec: codec, open, change: &change)
        if change.isPublished { try publish(segments, codec: codec?.digest) }
        return change
    }

    /// The segments that are stored by partition: as they are, or anew where rows are deleted or another form is wanted.
    private func partitionedSegments(
        _ compaction: Compaction, codec: VectorCodec?, _ open: OpenSegments, change: inout Change
    ) throws -> [IndexManifest.Segment] {
        var segments: [IndexManifest.Segment] = []
        for record in manifest.segments {
            let place = SegmentPlace(folder: folder, record: record)
            let segment = try open.open(place)
            guard segment.header.isPartitioned else { continue }
            // Partitions are made of codes: rows that have some keep them.
            let wanted = compaction.profile == .plain ? .full : compaction.profile
            let storage = SegmentStorage(
                profile: segment.header.profile.becoming(wanted), codec: codec, hasRawVectors: false,
                isUnpacked: compaction.isUnpacked ?? segment.isUnpacked, identifiers: segment.header.identifiers,
                isPartitioned: true)
            let share = Double(segment.deleted?.rows.count ?? 0) / Double(max(1, segment.rowCount))
            guard
                storage.profile != segment.header.profile || storage.isUnpacked != segment.isUnpacked
                    || share > 0 && share >= compaction.minimumDeletedShare
            else {
                segments.append(record)
                continue
            }
            try Task.checkCancellation()
            let counts = try segment.liveRowCounts()
            let isGone = { (number: Int) in segment.header.identifiers == .assigned && counts[number] == 0 }
            change.removed += segment.table.shards.indices.filter(isGone).map { segment.table.shards[$0].identity }
            let kept = segment.table.shards.indices.filter { !isGone($0) }.map { segment.table.shards[$0] }
            change.writtenSegmentCount += 1
            if !kept.isEmpty { segments.append(try write(kept, of: place, open, storage)) }
        }
        change.removed.sort()
        return segments
    }

    /// Rows from which on an index of embeddings gets codes.
    public static let codedRowCount = 10_000

    /// Brings an index of embeddings into the form it is searched in: what `embed` calls when it is done.
    ///
    /// Small segments are merged; from 10,000 rows on, rows get codes of the profile `full`, with which exact search is
    /// provably exact; space of deleted rows is given back where they are a fifth of a segment. The result depends on the
    /// rows and on the codec that the first call past 10,000 rows made, so a killed and repeated call ends the same.
    @discardableResult
    public mutating func condense() throws -> Change {
        try compact(
            Compaction(profile: manifest.rowCount >= Self.codedRowCount ? .full : nil, minimumDeletedShare: 0.2))
    }

    /// All shards of this index and how `compaction` would store them.
    private func entries(_ compaction: Compaction, _ open: OpenSegments) throws -> [ShardEntry] {
        var isUnpacked = compaction.isUnpacked ?? false
        if compaction.isUnpacked == nil {
            for record in manifest.segments where !isUnpacked {
                isUnpacked = try open.open(SegmentPlace(folder: folder, record: record)).isUnpacked
            }
        }
        return try manifest.segments.flatMap { record -> [ShardEntry] in
            let place = SegmentPlace(folder: folder, record: record)
            let segment = try open.open(place)
            guard !segment.header.isPartitioned else { return [] }
            let profile = segment.header.profile.becoming(compaction.profile)
            let form = SegmentForm(
                profile: profile, isUnpacked: profile.isCoded && isUnpacked, identifiers: segment.header.identifiers)
            let share = Double(segment.deleted?.rows.count ?? 0) / Double(max(1, segment.rowCount))
            let isCurrent =
                profile == segment.header.profile && (share == 0 || share < compaction.minimumDeletedShare)
                && (segment.rowCount == 0 || form.isUnpacked == segment.isUnpacked)
            return segment.entries(in: place, form: form, isCurrent: isCurrent)
        }
    }

    /// The segments of these shards: those that are as they must be, and new ones.
    func rewrite(
        _ entries: [ShardEntry], codec: VectorCodec?, _ open: OpenSegments, change: inout Change
    ) throws -> [IndexManifest.Segment] {
        var segments: [IndexManifest.Segment] = []
        // Nobody asks again for the file behind vectors of any origin; embeddings are asked for with every 'embed'.
        let isGone = { (entry: ShardEntry) in entry.form.identifiers == .assigned && entry.liveRowCount == 0 }
        change.removed += entries.filter { isGone($0) && $0.place.folder == folder }.map(\.shard.identity).sorted()
        let forms = Dictionary(grouping: entries.filter { !isGone($0) }, by: \.form).sorted {
            ($0.key.profile.number, $0.key.identifiers.rawValue) < ($1.key.profile.number, $1.key.identifiers.rawValue)
        }
        for (form, entries) in forms {
            let storage = SegmentStorage(
                profile: form.profile, codec: form.profile.isCoded ? codec : nil, hasRawVectors: false,
                isUnpacked: form.isUnpacked, identifiers: form.identifiers)
            for group in entries.filled(to: SegmentFormat.compactedRowCount) {
                try Task.checkCancellation()
                if let first = group.first, first.place.folder == folder, group.allSatisfy(\.isCurrent),
                    first.place.record.shards == group.map(\.shard)
                {
                    segments.append(first.place.record)
                    continue
                }
                segments.append(
                    try write(group.map { try source($0.shard, in: $0.place, open, for: storage) }, storage))
                change.writtenSegmentCount += 1
            }
        }
        return segments
    }
}

extension IndexProfile {
    /// What rows of this profile can be made.
    func becoming(_ wanted: IndexProfile?) -> IndexProfile { hasVectors ? wanted ?? self : self }
}

extension IndexSegment {
    /// The shards of this segment.
    func entries(
        in place: SegmentPlace, form: IndexWriter.SegmentForm, isCurrent: Bool
    ) -> [IndexWriter.ShardEntry] {
        table.shards.enumerated().map { position, shard in
            IndexWriter.ShardEntry(
                shard: shard,
                liveRowCount: VectorKinds.storageOrder.reduce(0) { $0 + liveRowCount(ofShard: position, kind: $1) },
                place: place, form: form, isCurrent: isCurrent)
        }
    }
}

extension [IndexWriter.ShardEntry] {
    /// Runs of shards in their order, each as short as it can be with this many rows; the last may have fewer.
    fileprivate func filled(to rowCount: Int) -> [[IndexWriter.ShardEntry]] {
        var groups: [[IndexWriter.ShardEntry]] = []
        var groupRowCount = rowCount
        for entry in sorted(by: { $0.shard.identity < $1.shard.identity }) {
            if groupRowCount >= rowCount {
                groups.append([])
                groupRowCount = 0
            }
            groups[groups.count - 1].append(entry)
            groupRowCount += entry.liveRowCount
        }
        return groups
    }
}

/// At most 16,384 rows of each kind in 64 runs, spread evenly over the rows in the order of the shards.
struct SampledRows {
    static let runCount = 64
    static let runRowCount = 256

    let entries: [IndexWriter.ShardEntry]
    let segments: OpenSegments
    let dimension: Int

    /// The codec of these rows: that of captions if there are no images.
    func codec() throws -> VectorCodec {
        let images = try sample(of: .images)
        let captions = try sample(of: .captions)
        return images.isEmpty ? VectorCodec(rows: captions, queries: nil) : VectorCodec(rows: images, queries: captions)
    }

    private func sample(of kind: VectorKinds) throws -> CodecSample {
        let ordered = entries.filter { $0.form.profile.isCoded }
            .sorted { $0.shard.identity < $1.shard.identity }
        var starts = [0]
        for entry in ordered {
            starts.append(
                starts[starts.count - 1] + (kind == .images ? entry.shard.imageRowCount : entry.shard.captionRowCount))
        }
        let rowCount = starts[starts.count - 1]
        var sample = CodecSample(dimension: dimension)
        var next = 0
        for run in 0..<Self.runCount {
            let start = max(next, run * rowCount / Self.runCount)
            next = min(rowCount, start + Self.runRowCount)
            for (position, entry) in ordered.enumerated()
            where starts[position] < next && starts[position + 1] > start {
                let rows =
                    max(start, starts[position]) - starts[position]..<min(next, starts[position + 1]) - starts[position]
                try add(entry, rows, kind, to: &sample)
            }
        }
        return sample
    }

    /// Adds rows of a shard (0 is its first of the kind), those left that are not deleted.
    private func add(
        _ entry: IndexWriter.ShardEntry, _ rows: Range<Int>, _ kind: VectorKinds, to sample: inout CodecSample
    ) throws {
        let segment = try segments.open(entry.place)
        guard segment.header.profile.hasVectors,
            let shard = segment.table.shards.firstIndex(where: { $0.identity == entry.shard.identity })
        else { return }
        var reader = GroupReader(segment: segment, copiesCodes: false)
        var passed = 0
        for group in segment.groups(ofShard: shard, kind: kind) {
            for part in segment.shards(inGroup: group) where part.shard == shard {
                let first = max(rows.lowerBound, passed) - passed + part.rows.lowerBound
                let end = min(rows.upperBound, passed + part.rows.count) - passed + part.rows.lowerBound
                passed += part.rows.count
                guard first < end else { continue }
                sample.add(HalfPrecision.widen(try reader.rows(first..<end, group: group).halves))
            }
        }
    }
}
