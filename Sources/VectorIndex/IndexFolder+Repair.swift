import ByteFormats
import Samples

extension IndexFolder {
    /// The newest manifest whose checksum matches, or one made from the files that are there.
    func startOfRepair(_ report: inout IndexRepair) throws -> IndexManifest {
        for generation in try generations() {
            do {
                return try manifest(generation: generation)
            } catch let error as VectorIndexError where error.code == .damaged {
                report.findings.append("\(error)")
            }
        }
        return try manifestFromFiles(&report)
    }

    /// Names the segments that can be opened, the newest first where shards are in several, with their deleted rows.
    private func manifestFromFiles(_ report: inout IndexRepair) throws -> IndexManifest {
        let names = try Folder.names(in: path)
        var files: [(segment: IndexSegment, time: Double)] = []
        for name in names where name.hasPrefix(SegmentFormat.filePrefix) && name.hasSuffix(SegmentFormat.fileExtension)
        {
            do {
                files.append(
                    (try IndexSegment(folder: path, name: name), try Folder.modificationTime(ofFile: path + "/" + name))
                )
            } catch let error as VectorIndexError where error.isDamage {
                report.findings.append("\(error)")
            }
        }
        files.sort { ($0.time, $0.segment.name) > ($1.time, $1.segment.name) }
        guard let first = files.first?.segment.header else {
            throw VectorIndexError(
                .notFound, "there is no manifest and no segment that can be read: build the index again", path: path)
        }
        report.findings.append(
            "\(path): no manifest can be read; segments are taken as they are found, the newest first")
        let deletions = try deletions(among: names, &report)
        var segments: [IndexManifest.Segment] = []
        var taken: Set<ShardIdentity> = []
        var nextID: UInt64 = 0
        for file in files
        where file.segment.header.space == first.space && file.segment.header.dimension == first.dimension {
            let segment = file.segment
            let shards = Set(segment.table.shards.map(\.identity))
            guard taken.isDisjoint(with: shards) else { continue }
            taken.formUnion(shards)
            let digest = try Self.digest(ofFile: segment.path)
            segments.append(
                IndexManifest.Segment(
                    name: SegmentFormat.fileName(digest), byteCount: segment.byteCount, rowCount: segment.rowCount,
                    digest: digest, shards: segment.table.shards, deletion: deletions[digest]))
            if SegmentFormat.fileName(digest) != segment.name {
                try Folder.rename(segment.path, to: path + "/" + SegmentFormat.fileName(digest))
            }
            var scratch = SegmentScratch()
            for group in segment.table.groups.indices where segment.header.identifiers == .assigned {
                do {
                    let ids = try segment.readIDs(group: group, scratch: &scratch)
                    nextID = max(nextID, ids.max().map { $0 &+ 1 } ?? 0)
                } catch let error as VectorIndexError where error.isDamage {
                    // The group is dropped, and reported, when its segment is mended.
                    continue
                }
            }
        }
        let codecs = Set(
            segments.compactMap { record in files.first { $0.segment.table.shards == record.shards } }
                .filter(\.segment.header.profile.isCoded).map(\.segment.header.codec))
        return IndexManifest(
            generation: try generations().first ?? 0, space: first.space, dimension: first.dimension,
            codec: try codec(among: names, startingWith: codecs), nextID: nextID, segments: segments)
    }

    /// For each segment the file of deleted rows with the most of them: rows are only ever added to it.
    private func deletions(
        among names: [String], _ report: inout IndexRepair
    ) throws -> [Digest: IndexManifest.Deletion] {
        var found: [Digest: IndexManifest.Deletion] = [:]
        for name in names where name.hasPrefix(DeletedRows.filePrefix) && name.hasSuffix(DeletedRows.fileExtension) {
            do {
                let (deleted, bytes) = try translatingErrors(inFile: path + "/" + name) {
                    let file = try RandomAccessFile(path: path + "/" + name)
                    let bytes = try file.read(byteOffset: 0, byteCount: file.byteCount)
                    return (try DeletedRows(bytes, path: file.path), bytes)
                }
                let known = found[deleted.segment]?.rowCount ?? 0
                guard deleted.rows.count > known else { continue }
                let digest = Digest(hashing: bytes)
                found[deleted.segment] = IndexManifest.Deletion(
                    name: DeletedRows.fileName(digest), byteCount: bytes.count, rowCount: deleted.rows.count,
                    digest: digest)
            } catch let error as VectorIndexError where error.isDamage {
                report.findings.append("\(error); rows it had deleted may be back")
            }
        }
        return found
    }

    private func codec(among names: [String], startingWith prefixes: Set<[UInt8]>) throws -> Digest? {
        for name in names where name.hasPrefix(VectorCodec.filePrefix) && name.hasSuffix(VectorCodec.fileExtension) {
            let digest = try Self.digest(ofFile: path + "/" + name)
            if VectorCodec.fileName(digest) == name, prefixes.contains(Array(digest.bytes.prefix(16))) { return digest }
        }
        return nil
    }
}
