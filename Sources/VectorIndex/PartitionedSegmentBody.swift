import ByteFormats
import Samples

/// The state of a segment that is written partition by partition, images before captions.
struct PartitionedSegmentBody: ~Copyable {
    private var body: SegmentBody
    private let width: Int
    private var entries: [PartitionTable.Entry] = []
    private var shards: [IndexedShard]
    private var counts: [(images: Int, captions: Int)]

    /// Begins a file for rows of these shards, which ascend; their counts are made anew.
    init(_ writer: IndexSegmentWriter, shards: [IndexedShard], file: inout AtomicFile.Writer) throws {
        self.shards = shards
        width = writer.header.codeDimension
        counts = [(Int, Int)](repeating: (0, 0), count: shards.count)
        body = try SegmentBody(header: writer.header, codec: writer.storage.codec, file: &file)
    }

    mutating func append(_ partition: EncodedPartition, to file: inout AtomicFile.Writer) throws {
        entries.append(partition.entry)
        for group in partition.groups { try body.append(group, to: &file) }
        for (shard, count) in partition.rowCounts {
            if partition.kind == .images {
                counts[Int(shard)].images += count
            } else {
                counts[Int(shard)].captions += count
            }
        }
    }

    mutating func finish(file: inout AtomicFile.Writer) throws -> IndexManifest.Segment {
        for (number, count) in counts.enumerated() {
            shards[number] = shards[number].with(imageRowCount: count.images, captionRowCount: count.captions)
        }
        return try body.finish(
            shards: shards, partitions: PartitionTable.encoded(entries, width: width), file: &file)
    }
}

extension IndexedShard {
    func with(imageRowCount: Int, captionRowCount: Int, embeddingDigest: Digest? = nil) -> IndexedShard {
        IndexedShard(
            identity: identity, recipe: recipe, shardDigest: shardDigest,
            embeddingDigest: embeddingDigest ?? self.embeddingDigest, sampleCount: sampleCount,
            failedCount: failedCount, imageRowCount: imageRowCount, captionRowCount: captionRowCount)
    }
}

extension IndexSegmentWriter {
    /// Writes rows of a segment that is stored by partition as another that is: partitions stay together, rows that are
    /// deleted, in damaged groups or of other shards stay behind. One partition is in memory at a time.
    ///
    /// - Parameters:
    ///   - shards: those whose rows are taken, as they stand in the segment.
    ///   - copiesCodes: whether codes are taken as they are; else they are made from the vectors.
    ///   - lost: groups that cannot be read.
    ///   - incomplete: shards that have lost rows.
    func rewritePartitions(
        of segment: IndexSegment, shards: [IndexedShard], copiesCodes: Bool, lost: Set<Int> = [],
        incomplete: Set<ShardIdentity> = []
    ) throws -> IndexManifest.Segment {
        guard let partitions = segment.partitions, storage.isPartitioned else {
            preconditionFailure("rewritePartitions of a segment without partitions")
        }
        let sorted = shards.sorted { $0.identity < $1.identity }
        var numbers: [UInt32: UInt32] = [:]
        for (number, shard) in segment.table.shards.enumerated() {
            if let position = sorted.firstIndex(where: { $0.identity == shard.identity }) {
                numbers[UInt32(number)] = UInt32(position)
            }
        }
        let records = sorted.map {
            $0.with(
                imageRowCount: 0, captionRowCount: 0,
                embeddingDigest: incomplete.contains($0.identity) ? SegmentRowSource.incompleteDigest : nil)
        }
        return try writeNamed { file in
            var body = try PartitionedSegmentBody(self, shards: records, file: &file)
            var encoder = GroupEncoder(dimension: header.dimension, storage: storage)
            var reader = GroupReader(segment: segment, copiesCodes: copiesCodes)
            for partition in 0..<partitions.count {
                let groups = partitions.groupStarts[partition]..<partitions.groupStarts[partition + 1]
                var rows = StoredRows()
                for group in groups where !lost.contains(group) {
                    var part = try reader.rows(0..<segment.table.groups[group].rowCount, group: group)
                    if part.codes == nil, !part.rows.isEmpty, let codec = storage.codec {
                        part.codes = RowCodes(
                            HalfPrecision.widen(part.halves), codec: codec, profile: storage.profile)
                    }
                    for row in part.rows.indices {
                        guard let number = numbers[part.shards[row]] else { continue }
                        part.shards[row] = number
                        rows.append(part, row..<row + 1, dimension: header.dimension)
                    }
                }
                guard !rows.rows.isEmpty else { continue }
                if storage.profile == .lite { rows.codes = rows.codes?.withoutLow() }
                if !storage.profile.hasVectors { (rows.halves, rows.fine) = ([], []) }
                try body.append(
                    encoder.encodePartition(rows, kind: segment.table.groups[groups.lowerBound].kind), to: &file)
            }
            return try body.finish(file: &file)
        }
    }

    /// Writes a segment file named by its content.
    private func writeNamed(
        _ body: (inout AtomicFile.Writer) throws -> IndexManifest.Segment
    ) throws -> IndexManifest.Segment {
        var record: IndexManifest.Segment?
        let path = try translatingErrors(inFile: folder) {
            try AtomicFile.writeNamed(scratchPath: scratchPath) { file in
                let finished = try body(&file)
                record = finished
                return finished.name
            }
        }
        guard let record else { preconditionFailure("\(path) was written without a record") }
        return record
    }
}

extension RowCodes {
    /// Without the lower halves, as `lite` keeps them.
    func withoutLow() -> RowCodes {
        RowCodes(width: width, signs: signs, high: high, low: [], factors: factors)
    }
}
