import ByteFormats
import Samples

/// What a repair found and did.
public struct IndexRepair: Sendable, Equatable {
    /// Segments that were whole and stay as they are.
    public internal(set) var wholeSegmentCount = 0
    /// Segments of which the readable groups were written anew.
    public internal(set) var mendedSegmentCount = 0
    /// Rows that are lost.
    public internal(set) var lostRowCount = 0
    /// Shards that have lost rows, or all of them.
    public internal(set) var incompleteShards: [ShardIdentity] = []
    /// What was wrong, for people.
    public internal(set) var findings: [String] = []
    /// Rows of the index now.
    public internal(set) var rowCount = 0

    /// Whether nothing was wrong, so that nothing was changed.
    public var wasSound: Bool { findings.isEmpty }
}

extension IndexWriter {
    /// Makes a damaged index whole again with what can be read of it: never run by itself, because it drops rows.
    ///
    /// Starts from the newest manifest whose checksum matches, or from the segment files if there is none. Of a damaged
    /// segment, groups of 256 rows that can be read are kept; `embed` puts back what its shards have lost. Where the file
    /// of deleted rows is damaged, these rows are back, and the report says so. Every byte is read.
    ///
    /// - Throws: `notFound` if there is nothing to start from, `busy`.
    public static func repair(folder path: String) throws -> IndexRepair {
        try translatingErrors(inFile: path) {
            let folder = IndexFolder(path: path)
            guard Folder.exists(path) else {
                throw VectorIndexError(.notFound, "there is no index in this folder", path: path)
            }
            let lock = try FileLock(path: path + "/" + IndexFolder.lockName, purpose: "the index")
            var report = IndexRepair()
            let manifest = try folder.startOfRepair(&report)
            var writer = IndexWriter(folder: folder, lock: lock, manifest: manifest)
            try writer.mend(&report)
            return report
        }
    }

    private mutating func mend(_ report: inout IndexRepair) throws {
        var codec: VectorCodec?
        do {
            codec = try folder.codec(of: manifest)
        } catch let error as VectorIndexError where error.isDamage {
            report.findings.append("\(error)")
        }
        var segments: [IndexManifest.Segment] = []
        for record in manifest.segments {
            if let kept = try mended(record, codec: codec, &report) { segments.append(kept) }
        }
        if !report.wasSound {
            try publish(segments, forgetsCodec: codec == nil)
        }
        report.rowCount = manifest.rowCount
    }

    /// The segment as it is if every byte of it is right, else one with what can be read; `nil` for nothing.
    private func mended(
        _ record: IndexManifest.Segment, codec: VectorCodec?, _ report: inout IndexRepair
    ) throws -> IndexManifest.Segment? {
        let path = folder.path + "/" + record.name
        var record = record
        do {
            _ = try folder.deletedRows(of: record)
        } catch let error as VectorIndexError where error.isDamage {
            report.findings.append("\(error); \(record.deletion?.rowCount ?? 0) deleted rows are back")
            record = record.with(deletion: nil)
        }
        let segment: IndexSegment
        do {
            segment = try folder.open(record)
            guard segment.table.shards == record.shards, segment.header.space == manifest.space,
                segment.header.dimension == manifest.dimension
            else { throw VectorIndexError(.damaged, "the segment is not the one the manifest names", path: path) }
            if try IndexFolder.digest(ofFile: path) == record.digest, segment.belongs(to: codec) {
                report.wholeSegmentCount += 1
                return record
            }
        } catch let error as VectorIndexError where error.isDamage {
            report.findings.append("\(error)")
            return lose(record, &report)
        }
        return try salvaged(segment, record, codec, &report)
    }

    private func lose(_ record: IndexManifest.Segment, _ report: inout IndexRepair) -> IndexManifest.Segment? {
        report.lostRowCount += record.liveRowCount
        report.incompleteShards += record.shards.map(\.identity)
        return nil
    }

    /// A segment of the groups that can be read, stored as before, or plain where the codec is lost.
    private func salvaged(
        _ segment: IndexSegment, _ record: IndexManifest.Segment, _ codec: VectorCodec?, _ report: inout IndexRepair
    ) throws -> IndexManifest.Segment? {
        let keepsCodes = segment.belongs(to: codec)
        guard keepsCodes || segment.header.profile.hasVectors else {
            report.findings.append("\(segment.path): its codes cannot be read without their codec")
            return lose(record, &report)
        }
        guard keepsCodes || !segment.header.isPartitioned else {
            report.findings.append("\(segment.path): its partitions cannot be read without their codec")
            return lose(record, &report)
        }
        let storage =
            keepsCodes
            ? try SegmentStorage(of: segment, codec: codec) : SegmentStorage(plain: segment.header.identifiers)
        var damaged: Set<Int> = []
        var incomplete: Set<ShardIdentity> = []
        var reader = GroupReader(segment: segment, copiesCodes: keepsCodes && storage.profile.isCoded)
        for group in segment.table.groups.indices {
            do {
                _ = try reader.rows(0..<segment.table.groups[group].rowCount, group: group)
            } catch let error as VectorIndexError where error.isDamage {
                report.findings.append("\(error)")
                damaged.insert(group)
                let rows = segment.table.groups[group].rowCount - segment.deletedRows(inGroup: group).count
                report.lostRowCount += rows
                incomplete.formUnion(segment.possibleShards(inGroup: group))
            }
        }
        if damaged.isEmpty { report.findings.append("\(segment.path): damaged bytes that no row needs") }
        report.incompleteShards += incomplete.sorted()
        report.mendedSegmentCount += 1
        guard !segment.header.isPartitioned else {
            return try segmentWriter(storage).rewritePartitions(
                of: segment, shards: record.shards, copiesCodes: true, lost: damaged, incomplete: incomplete)
        }
        let place = SegmentPlace(folder: folder, record: record)
        let open = OpenSegments()
        let sources = try record.shards.map { shard in
            var source = try self.source(shard, in: place, open, for: storage)
            source.damagedGroups = damaged.intersection(segment.groups(of: shard.identity))
            return source
        }
        return try write(sources, storage)
    }
}

extension IndexSegment {
    /// The groups that hold rows of a shard.
    fileprivate func groups(of identity: ShardIdentity) -> Set<Int> {
        Set(
            table.groups.indices.filter { shards(inGroup: $0).contains { table.shards[$0.shard].identity == identity } }
        )
    }
}

extension IndexSegment {
    /// The shards that rows of a damaged group can be of: all, where the rows would have to say so themselves.
    fileprivate func possibleShards(inGroup index: Int) -> Set<ShardIdentity> {
        let numbers = isOrderedByShard ? shards(inGroup: index).map(\.shard) : Array(table.shards.indices)
        return Set(numbers.map { table.shards[$0].identity })
    }
}

extension VectorIndexError {
    /// Whether a repair can do without the file this is about.
    var isDamage: Bool { code == .damaged || code == .notFound }
}
