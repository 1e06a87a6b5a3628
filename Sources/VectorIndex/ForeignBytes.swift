import ByteFormats

/// Reads the files of an index one by one and to the end, as no search would: for the fuzzer, which finds what damaged or hostile
/// ones can do.
package enum ForeignBytes {
    /// A manifest file.
    package static func readManifest(_ bytes: [UInt8]) throws {
        _ = try IndexManifest(bytes, path: "manifest")
    }

    /// A codec file.
    package static func readCodec(_ bytes: [UInt8]) throws {
        let codec = try VectorCodec(bytes, path: "codec")
        _ = codec.rotated([Float](repeating: 1, count: codec.dimension))
    }

    /// A file of deleted rows.
    package static func readDeletions(_ bytes: [UInt8]) throws {
        let deleted = try DeletedRows(bytes, path: "deletions")
        _ = deleted.rows(in: 0..<deleted.segmentRowCount)
    }

    /// A segment: every row, vector and code of it, together and one by one. Errors of one group do not end the reading.
    package static func readSegment(folder: String, name: String, reading: FileReading) throws {
        let segment = try IndexSegment(folder: folder, name: name, access: reading)
        var scratch = SegmentScratch()
        var reader = CodeReader()
        for group in segment.table.groups.indices {
            if let shards = try? segment.shards(inGroup: group, scratch: &scratch) {
                precondition(shards.allSatisfy { $0.shard < segment.table.shards.count }, "a shard that is not there")
            }
            _ = segment.partition(ofGroup: group)
            _ = try? segment.readRows(group: group, scratch: &scratch)
            _ = try? segment.readIDs(group: group, scratch: &scratch)
            if segment.header.profile.hasVectors { try? segment.readVectors(group: group, scratch: &scratch) }
            guard segment.header.profile.isCoded else { continue }
            _ = try? reader.codes(of: segment, group: group, need: .all).copy(0..<segment.places[group].rowCount)
            guard let codes = try? reader.codes(of: segment, group: group, need: .signs) else { continue }
            for row in 0..<segment.places[group].rowCount {
                _ = unsafe try? reader.row(row, of: segment, group: group, codes: codes)
            }
        }
    }
}
