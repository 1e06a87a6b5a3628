import ByteFormats
import PipelineEngine
import Samples

extension IndexWriter {
    /// How rows are divided into partitions.
    public struct Partitioning: Sendable {
        /// Rows of a partition, about; by default a quarter of the square root of all rows, at least 256.
        public var partitionRowCount: Int?
        /// How many rows that are not stored by partition yet are worth a segment that is.
        public var minimumRowCount: Int
        /// Whether rows that are stored by partition already are divided anew together with others, so that all are in one
        /// segment.
        public var includesPartitioned: Bool
        /// Rows that are divided at once, in bytes.
        var bucketByteCount = 32 << 20

        /// A way to divide rows.
        public init(
            partitionRowCount: Int? = nil, minimumRowCount: Int = Partitioning.automaticRowCount,
            includesPartitioned: Bool = false
        ) {
            precondition(
                partitionRowCount.map((1...Self.maximumPartitionRowCount).contains) ?? true,
                "partitions of \(partitionRowCount ?? 0) rows")
            self.partitionRowCount = partitionRowCount
            self.minimumRowCount = minimumRowCount
            self.includesPartitioned = includesPartitioned
        }

        /// Rows from which on large indexes are divided.
        public static let automaticRowCount = 5_000_000
        /// The largest partitions that can be asked for.
        public static let maximumPartitionRowCount = 1 << 17
    }

    /// Stores rows that have codes by partition: each with its neighbours, so that approximate searches scan only what lies
    /// near their query. Exact searches find what they found before.
    ///
    /// The rows of all segments of one form become one segment, if they are enough; rows added later are in segments of
    /// their own, which every search scans whole, until this is done again. Codes are copied. Takes temporary space of the size
    /// of the rows; memory does not depend on their number, nor the bytes on the number of threads.
    @discardableResult
    public mutating func partition(_ partitioning: Partitioning = Partitioning(), on pool: ComputePool) async throws
        -> Change
    {
        var change = Change()
        let open = OpenSegments()
        let codec = try codec()
        var forms: [SegmentForm: [SegmentPlace]] = [:]
        for record in manifest.segments {
            let place = SegmentPlace(folder: folder, record: record)
            let segment = try open.open(place)
            guard segment.header.profile.isCoded, segment.belongs(to: codec),
                !segment.header.isPartitioned || partitioning.includesPartitioned
            else { continue }
            let form = SegmentForm(
                profile: segment.header.profile, isUnpacked: segment.isUnpacked,
                identifiers: segment.header.identifiers)
            forms[form, default: []].append(place)
        }
        var segments = manifest.segments
        for (form, places) in forms.sorted(by: { $0.key.order < $1.key.order }) {
            let fresh = try places.filter { try !open.open($0).header.isPartitioned }
            let freshRowCount = fresh.reduce(0) { $0 + $1.record.liveRowCount }
            guard freshRowCount >= max(1, partitioning.minimumRowCount) || places.count - fresh.count > 1 else {
                continue
            }
            let storage = SegmentStorage(
                profile: form.profile, codec: codec, hasRawVectors: false, isUnpacked: form.isUnpacked,
                identifiers: form.identifiers, isPartitioned: true)
            let sources = try PartitionSources(places, open, dropsEmptyShards: form.identifiers == .assigned)
            change.removed += sources.goneShards
            let written = try await segmentWriter(storage).write(sources, partitioning, on: pool)
            segments.removeAll { old in places.contains { $0.record.name == old.name } }
            segments.append(written)
            change.writtenSegmentCount += 1
        }
        if change.isPublished { try publish(segments) }
        return change
    }
}

extension IndexWriter.SegmentForm {
    /// An order of forms.
    fileprivate var order: (UInt32, UInt32, Int) { (profile.number, identifiers.rawValue, isUnpacked ? 1 : 0) }
}

/// The rows that become one segment of partitions.
struct PartitionSources: Sendable {
    /// A group of a segment.
    struct Group: Sendable {
        let place: Int
        let number: Int
    }

    let places: [SegmentPlace]
    private let open: OpenSegments
    /// Ascending.
    let shards: [IndexedShard]
    /// Shards all of whose rows are deleted.
    let goneShards: [ShardIdentity]
    /// For each place, the number in `shards` of each of its segment's shards.
    private let numbers: [[UInt32]]
    private(set) var rowCount = 0

    init(_ places: [SegmentPlace], _ open: OpenSegments, dropsEmptyShards: Bool) throws {
        self.places = places
        self.open = open
        var kept: [IndexedShard] = []
        var gone: [ShardIdentity] = []
        for place in places {
            let segment = try open.open(place)
            rowCount += place.record.liveRowCount
            for (shard, count) in zip(segment.table.shards, try segment.liveRowCounts()) {
                if dropsEmptyShards, count == 0 { gone.append(shard.identity) } else { kept.append(shard) }
            }
        }
        let sorted = kept.sorted { $0.identity < $1.identity }
        var positions: [ShardIdentity: UInt32] = [:]
        for (number, shard) in sorted.enumerated() { positions[shard.identity] = UInt32(number) }
        shards = sorted
        goneShards = gone.sorted()
        numbers = try places.map { place in
            try open.open(place).table.shards.map { positions[$0.identity] ?? .max }
        }
    }

    /// All groups of a kind.
    func groups(of kind: VectorKinds) throws -> [Group] {
        try places.indices.flatMap { place in
            let groups = try open.open(places[place]).table.groups
            return groups.indices.filter { groups[$0].kind == kind }.map { Group(place: place, number: $0) }
        }
    }

    /// The rows of a group that are not deleted, with their codes, and numbers in `shards`.
    func rows(_ group: Group) throws -> StoredRows {
        let segment = try open.open(places[group.place])
        var reader = GroupReader(segment: segment, copiesCodes: true)
        var rows = try reader.rows(0..<segment.table.groups[group.number].rowCount, group: group.number)
        for row in rows.shards.indices { rows.shards[row] = numbers[group.place][Int(rows.shards[row])] }
        return rows
    }
}

extension IndexSegmentWriter {
    /// Rows of the sample that the first division is made of: at most this many groups, and this many rows of each.
    private static let sampledGroupCount = 1024
    private static let sampledRowCount = 32

    /// Writes the segment of these rows, divided into partitions.
    fileprivate func write(
        _ sources: PartitionSources, _ partitioning: IndexWriter.Partitioning, on pool: ComputePool
    ) async throws -> IndexManifest.Segment {
        let target =
            partitioning.partitionRowCount ?? max(256, Int((Double(sources.rowCount).squareRoot() / 4).rounded()))
        var record: IndexManifest.Segment?
        let path = try await translatingErrors(inFile: folder) {
            try await AtomicFile.writeNamed(scratchPath: scratchPath) { file in
                var body = try PartitionedSegmentBody(self, shards: sources.shards, file: &file)
                for kind in VectorKinds.storageOrder {
                    let groups = try sources.groups(of: kind)
                    guard !groups.isEmpty else { continue }
                    let clusters = try await buckets(of: sources, groups, partitioning.bucketByteCount, on: pool)
                    var buckets = try RowBuckets(
                        folder: folder, bucketCount: clusters.count, dimension: header.dimension)
                    try await pool.orderedMap(groups, window: 4 * pool.threadCount) { group in
                        try BucketedRows(sources.rows(group), clusters, dimension: header.dimension)
                    } consume: { part in
                        for bucket in part.ranges { try buckets.add(part.rows, bucket.rows, to: bucket.number) }
                    }
                    let reader = try buckets.finish()
                    let limit = 2 * partitioning.bucketByteCount
                    let parts = buckets.pieces.flatMap { Self.slices($0, byteCount: limit) }
                    try await pool.orderedMap(parts, window: pool.threadCount) { pieces in
                        encodedPartitions(try reader.rows(pieces), rowCount: target, kind: kind)
                    } consume: { partitions in
                        for partition in partitions { try body.append(partition, to: &file) }
                    }
                }
                let finished = try body.finish(file: &file)
                record = finished
                return finished.name
            }
        }
        guard let record else { preconditionFailure("\(path) was written without a record") }
        return record
    }

    private func encodedPartitions(_ rows: StoredRows, rowCount: Int, kind: VectorKinds) -> [EncodedPartition] {
        guard let codes = rows.codes else { return [] }
        var encoder = GroupEncoder(dimension: header.dimension, storage: storage)
        return RowPartitioning(rowCount: rowCount).partitions(of: codes).map { positions in
            var part = StoredRows()
            for row in positions { part.append(rows, row..<row + 1, dimension: header.dimension) }
            return encoder.encodePartition(part, kind: kind)
        }
    }

    /// Pieces in runs of about as many bytes as may be in memory: a bucket that is too large is divided where it stands.
    private static func slices(_ pieces: [RowBuckets.Piece], byteCount: Int) -> [[RowBuckets.Piece]] {
        var slices: [[RowBuckets.Piece]] = []
        var sum = byteCount
        for piece in pieces {
            if sum + piece.byteCount > byteCount {
                slices.append([])
                sum = 0
            }
            slices[slices.count - 1].append(piece)
            sum += piece.byteCount
        }
        return slices
    }

    /// The coarse clusters whose rows are divided together, from a sample of rows spread evenly over all.
    private func buckets(
        of sources: PartitionSources, _ groups: [PartitionSources.Group], _ bucketByteCount: Int, on pool: ComputePool
    ) async throws -> CodeClusters {
        let rowByteCount = header.codeDimension * 9 / 8 + (storage.profile.hasVectors ? header.dimension * 3 : 0) + 96
        let rowCount = groups.count * SegmentFormat.groupRowCount
        let count = max(1, min((rowCount * rowByteCount + bucketByteCount - 1) / bucketByteCount, 4096))
        guard count > 1 else {
            return CodeClusters([Float](repeating: 0, count: header.codeDimension), width: header.codeDimension)
        }
        let sampled = min(groups.count, Self.sampledGroupCount)
        let parts = try await pool.map((0..<sampled).map { groups[$0 * groups.count / sampled] }) { group in
            let codes = try sources.rows(group).codes ?? RowCodes()
            let taken = min(codes.factors.count, Self.sampledRowCount)
            return codes.rows((0..<taken).map { $0 * codes.factors.count / taken })
        }
        var sample = RowCodes()
        for part in parts where !part.factors.isEmpty { sample.append(part, 0..<part.factors.count) }
        guard !sample.factors.isEmpty else {
            return CodeClusters([Float](repeating: 0, count: header.codeDimension), width: header.codeDimension)
        }
        let all = sample
        return try await pool.run { CodeClusters(ofSample: all, count: count) }
    }
}

/// Rows of a group in the order of the buckets they go to.
private struct BucketedRows: Sendable {
    private(set) var rows = StoredRows()
    private(set) var ranges: [(number: Int, rows: Range<Int>)] = []

    init(_ all: StoredRows, _ clusters: CodeClusters, dimension: Int) {
        guard let codes = all.codes else { return }
        let nearest = clusters.nearest(to: codes)
        let order = nearest.indices.sorted { (nearest[$0], $0) < (nearest[$1], $1) }
        for (position, row) in order.enumerated() {
            rows.append(all, row..<row + 1, dimension: dimension)
            if let last = ranges.last, last.number == Int(nearest[row]) {
                ranges[ranges.count - 1].rows = last.rows.lowerBound..<position + 1
            } else {
                ranges.append((Int(nearest[row]), position..<position + 1))
            }
        }
    }
}
