import ByteFormats
import Samples

extension IndexWriter {
    /// Rewrites segments so that their codes are uncompressed (larger, searched in place), or compressed; nothing is
    /// encoded again, and segments that are so already stay.
    ///
    /// - Returns: How many segments were rewritten.
    @discardableResult
    public mutating func setPacking(isUnpacked: Bool) throws -> Int {
        var segments: [IndexManifest.Segment] = []
        var changedCount = 0
        let codec = try codec()
        for record in manifest.segments {
            let segment = try folder.open(record)
            let wanted: SegmentCodec = isUnpacked ? .raw : .escaped
            guard segment.header.profile.isCoded,
                segment.table.groups.contains(where: { $0.frame(.high).codec != wanted })
            else {
                segments.append(record)
                continue
            }
            guard segment.belongs(to: codec) else {
                throw VectorIndexError(
                    .damaged, "the segment belongs to another codec: build again", path: segment.path)
            }
            let storage = SegmentStorage(
                profile: segment.header.profile, codec: codec, hasRawVectors: false, isUnpacked: isUnpacked,
                identifiers: segment.header.identifiers, isPartitioned: segment.header.isPartitioned)
            let rewritten = try segmentWriter(storage).rewrite(segment)
            // Rows stay where they are, so the same ones are deleted; the file says of which segment.
            let deletion = try segment.deleted.map { try folder.store($0.rows, of: rewritten) }
            segments.append(rewritten.with(deletion: deletion))
            changedCount += 1
        }
        if changedCount > 0 { try publish(segments, calibration: manifest.calibration) }
        return changedCount
    }
}

extension IndexSegmentWriter {
    /// Writes a segment of the same rows whose codes are stored as this writer stores them.
    fileprivate func rewrite(_ segment: IndexSegment) throws -> IndexManifest.Segment {
        var record: IndexManifest.Segment?
        let path = try translatingErrors(inFile: folder) {
            try AtomicFile.writeNamed(scratchPath: scratchPath) { file in
                var body = try SegmentBody(header: header, codec: storage.codec, file: &file)
                let encoder = GroupEncoder(dimension: header.dimension, storage: storage)
                var reader = CodeReader()
                for index in segment.table.groups.indices {
                    let group = segment.table.groups[index]
                    var frames: [EncodedGroup.Frame] = []
                    for section in header.profile.sections {
                        var stored: [UInt8] = []
                        try segment.readStored(section, group: index, into: &stored)
                        let frame = group.frame(section)
                        if section == .high {
                            let codes = try reader.codes(of: segment, group: index, need: .all)
                            frames.append(encoder.highFrame(of: codes))
                        } else {
                            frames.append(
                                EncodedGroup.Frame(
                                    section, stored, rawByteCount: frame.rawByteCount, codec: frame.codec))
                        }
                    }
                    try body.append(
                        EncodedGroup(kind: group.kind, rowCount: group.rowCount, frames: frames), to: &file)
                }
                let finished = try body.finish(
                    shards: segment.table.shards, partitions: segment.partitions?.encoded ?? [], file: &file)
                record = finished
                return finished.name
            }
        }
        guard let record else { preconditionFailure("\(path) was written without a record") }
        return record
    }
}

extension GroupEncoder {
    /// The frame of the upper codes of a group.
    fileprivate func highFrame(of codes: GroupCodes) -> EncodedGroup.Frame {
        guard let pointer = unsafe codes.high, let from = unsafe codes.signs else {
            preconditionFailure("a group without codes")
        }
        // Both have one row after the other of width elements, as the table was checked to say.
        let high = unsafe Array(UnsafeBufferPointer(start: pointer, count: codes.rowCount * codes.width / 2))
        let signs = unsafe Array(UnsafeBufferPointer(start: from, count: codes.rowCount * codes.width / 8))
        return highFrame(high, signs: signs, codeDimension: codes.width)
    }
}
