import ByteFormats
import Samples

/// What a full check of an index found.
public struct IndexVerification: Sendable {
    /// One thing that is wrong.
    public struct Finding: Sendable, Hashable, CustomStringConvertible {
        /// The file.
        public let path: String
        /// Where in the file, if that is known.
        public let byteOffset: UInt64?
        /// What is wrong.
        public let message: String

        /// Place and message.
        public var description: String {
            byteOffset.map { "\(path) at byte \($0): \(message)" } ?? "\(path): \(message)"
        }
    }

    /// Everything that is wrong, by file and offset; empty for a sound index.
    public private(set) var findings: [Finding] = []
    /// Files that were read to the end.
    public private(set) var fileCount = 0
    /// Bytes that were read.
    public private(set) var byteCount = 0
    /// Rows that were checked, those that only older manifests name included.
    public private(set) var rowCount = 0

    /// Whether nothing is wrong.
    public var isSound: Bool { findings.isEmpty }

    /// Reads every byte of the index in `folder`: manifests, and each segment that any of them names.
    ///
    /// Checked are all checksums, the digest in each segment's name, the order of rows, their ids, and that vectors are
    /// finite and of unit length. Memory does not depend on the size of the index.
    ///
    /// - Throws: Only if the folder itself cannot be read or holds no manifest.
    public static func run(folder path: String) throws -> IndexVerification {
        let folder = IndexFolder(path: path)
        var result = IndexVerification()
        let generations = try folder.generations()
        guard !generations.isEmpty else {
            throw VectorIndexError(
                .notFound, "there is no index in this folder; run vlmpipe embed or vlmpipe index build", path: path)
        }
        var checked: Set<String> = []
        for generation in generations {
            do {
                let manifest = try folder.manifest(generation: generation)
                result.fileCount += 1
                let codec = try folder.codec(of: manifest)
                if let codec, checked.insert(VectorCodec.fileName(codec.digest)).inserted {
                    result.fileCount += 1
                    result.byteCount += codec.encoded.count
                }
                for segment in manifest.segments where checked.insert(segment.name).inserted {
                    result.check(segment, manifest: manifest, codec: codec, folder: path)
                }
            } catch {
                result.add(error, path: path + "/" + IndexManifest.fileName(generation: generation))
            }
        }
        result.findings.sort { ($0.path, $0.byteOffset ?? 0) < ($1.path, $1.byteOffset ?? 0) }
        return result
    }

    private mutating func add(_ error: any Error, path: String) {
        switch error {
        case let error as VectorIndexError:
            findings.append(
                Finding(path: error.path ?? path, byteOffset: error.byteOffset, message: error.message))
        case let error as ByteFormatError:
            findings.append(
                Finding(path: error.path ?? path, byteOffset: error.byteOffset, message: error.message))
        default: findings.append(Finding(path: path, byteOffset: nil, message: "\(error)"))
        }
    }

    private mutating func check(
        _ record: IndexManifest.Segment, manifest: IndexManifest, codec: VectorCodec?, folder: String
    ) {
        let path = folder + "/" + record.name
        do {
            let digest = try IndexFolder.digest(ofFile: path)
            byteCount += try translatingErrors(inFile: path) { try Folder.byteCount(ofFile: path) }
            if digest != record.digest {
                findings.append(
                    Finding(
                        path: path, byteOffset: nil,
                        message: "the file's SHA-256 is not the one in its name: delete the index and build it again "
                            + "from the embeddings"))
            }
            let segment = try IndexFolder(path: folder).open(record)
            fileCount += 1
            if let deletion = record.deletion {
                fileCount += 1
                byteCount += deletion.byteCount
            }
            if segment.table.shards != record.shards || segment.byteCount != record.byteCount
                || segment.header.space != manifest.space || segment.header.dimension != manifest.dimension
                || !segment.belongs(to: codec)
            {
                findings.append(
                    Finding(path: path, byteOffset: nil, message: "the segment is not the one the manifest names"))
            }
            var scratch = SegmentScratch()
            var last: (shard: ShardIdentity, key: UInt64)?
            for group in segment.table.groups.indices {
                if group > 0,
                    segment.table.groups[group].kind != segment.table.groups[group - 1].kind
                        || segment.partition(ofGroup: group) != segment.partition(ofGroup: group - 1)
                {
                    last = nil
                }
                do {
                    try checkGroup(group, of: segment, codec: codec, last: &last, scratch: &scratch)
                } catch {
                    add(error, path: path)
                }
            }
            if !findings.contains(where: { $0.path == path }) { try checkPartitions(of: segment) }
        } catch {
            add(error, path: path)
        }
    }

    private mutating func checkGroup(
        _ index: Int, of segment: IndexSegment, codec: VectorCodec?, last: inout (shard: ShardIdentity, key: UInt64)?,
        scratch: inout SegmentScratch
    ) throws {
        let offset = segment.table.groups[index].frame(.identity).byteOffset
        func damaged(_ message: String) -> VectorIndexError {
            VectorIndexError(.damaged, message, path: segment.path, byteOffset: offset)
        }
        // Each section on its own, so that one damaged section does not hide another.
        for section in segment.header.profile.sections {
            do {
                try segment.readStored(section, group: index, into: &scratch.stored)
            } catch {
                add(error, path: segment.path)
            }
        }
        guard
            !findings.contains(where: { finding in
                finding.path == segment.path
                    && segment.table.groups[index].frames.contains { $0.byteOffset == finding.byteOffset }
            })
        else { return }
        let rows = try segment.readRows(group: index, scratch: &scratch)
        let ids = try segment.readIDs(group: index, scratch: &scratch)
        let kind = segment.table.groups[index].kind
        for part in try segment.shards(inGroup: index, scratch: &scratch) {
            let shard = segment.table.shards[part.shard].identity
            for row in part.rows {
                if let last, last.shard > shard || last.shard == shard && last.key >= rows[row].sortKey {
                    throw damaged("rows of group \(index) are out of order")
                }
                last = (shard, rows[row].sortKey)
                guard rows[row].view.isVisual == (kind == .images) else {
                    throw damaged("group \(index) holds a row of another kind")
                }
                guard segment.header.identifiers == .identity else { continue }
                let sample = SampleIdentity(dataset: shard.dataset, shard: shard.shard, ordinal: rows[row].ordinal)
                guard VectorIdentity(sample: sample, view: rows[row].view).id == ids[row] else {
                    throw damaged("the id of a row of group \(index) is not its own")
                }
            }
        }
        try checkVectors(index, of: segment, codec: codec, scratch: &scratch)
        rowCount += rows.count
    }

    /// Means and spreads of partitions are those of their rows, and every shard has as many rows as the table says.
    private func checkPartitions(of segment: IndexSegment) throws {
        guard let partitions = segment.partitions else { return }
        var reader = CodeReader()
        var scratch = SegmentScratch()
        var entries: [PartitionTable.Entry] = []
        var counts = [[Int]](repeating: [0, 0], count: segment.table.shards.count)
        for partition in 0..<partitions.count {
            let groups = partitions.groupStarts[partition]..<partitions.groupStarts[partition + 1]
            var moments = PartitionMoments(width: partitions.width)
            for group in groups {
                let codes = try reader.codes(of: segment, group: group, need: .all)
                moments.add(codes.copy(0..<codes.rowCount))
                let kind = segment.table.groups[group].kind == .images ? 0 : 1
                for shard in try segment.readShards(group: group, scratch: &scratch) { counts[Int(shard)][kind] += 1 }
            }
            entries.append(moments.entry(groupCount: groups.count))
        }
        guard PartitionTable.encoded(entries, width: partitions.width) == partitions.encoded,
            zip(counts, segment.table.shards).allSatisfy({ $0 == [$1.imageRowCount, $1.captionRowCount] })
        else {
            throw VectorIndexError(
                .damaged, "the partitions are not those of the rows: build the index again", path: segment.path)
        }
    }

    /// Vectors have unit length, and codes are those of their vectors where these are kept.
    private func checkVectors(
        _ index: Int, of segment: IndexSegment, codec: VectorCodec?, scratch: inout SegmentScratch
    ) throws {
        let profile = segment.header.profile
        if profile.hasVectors {
            try segment.readVectors(group: index, scratch: &scratch)
            let vectors = HalfPrecision.widen(scratch.halves)
            for squared in UnitVectors.squaredLengths(vectors, dimension: segment.header.dimension) {
                // F16 rounding adds up to 2^-11 relative to the tolerance at writing.
                guard squared.isFinite, abs(squared.squareRoot() - 1) <= 2 * UnitVectors.lengthTolerance else {
                    throw VectorIndexError(
                        .damaged, "group \(index) holds a vector that is not of unit length", path: segment.path,
                        byteOffset: segment.table.groups[index].frame(.vectors).byteOffset)
                }
            }
        }
        guard profile.isCoded, let codec, segment.belongs(to: codec) else { return }
        var reader = CodeReader()
        let stored = try reader.codes(of: segment, group: index, need: .all)
        try segment.readStored(.checks, group: index, into: &scratch.stored)
        guard stored.copy(0..<stored.rowCount).encodedChecks(profile: profile) == scratch.stored else {
            throw segment.damaged(.checks, group: index)
        }
        guard profile == .full else {
            for row in 0..<stored.rowCount {
                guard stored.scale4(row).isFinite, profile == .lite || stored.scale8(row).isFinite else {
                    throw segment.damaged(.factors, group: index)
                }
            }
            return
        }
        let codes = RowCodes(HalfPrecision.widen(scratch.halves), codec: codec, profile: profile)
        guard stored.isEqual(to: codes) else { throw segment.damaged(.high, group: index) }
    }
}
