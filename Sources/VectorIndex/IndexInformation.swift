import Samples

/// Sizes and counts of an index: the JSON of `vlmpipe index info --json`.
public struct IndexInformation: Sendable, Equatable, Codable {
    /// Vectors, deleted ones left out.
    public let rows: Int
    /// E.
    public let dimensions: Int
    /// Rows that are deleted and still take space: `vlmpipe index compact` gives it back.
    public let deleted: Int
    /// What the segments keep of each vector: plain, lite, std, full.
    public let profiles: [String]
    /// Whether all codes are stored as they are searched; false without codes.
    public let isUnpacked: Bool
    /// What codes are rounded for: `queries` (captions, or those named when it was built) or `rows`; nil without codes.
    public let codesFor: String?
    /// Size of the segments and of the files that say what is deleted.
    public let bytes: Int
    /// Bytes per vector, keys excluded; 0 for an empty index.
    public let bytesPerVector: Double
    /// Bytes of each section: vectors, ids, identity, keys, signs, factors, high, low, checks, and table for the rest.
    public let sections: [String: Int]
    /// The space, 64 hexadecimal digits.
    public let space: String
    /// Vectors of images and tiles.
    public let images: Int
    /// Vectors of captions.
    public let captions: Int
    /// Shards.
    public let shards: Int
    /// Segments.
    public let segments: Int
    /// Partitions of the segments that are stored by partition.
    public let partitions: Int
    /// Vectors in these, deleted ones left out.
    public let partitionedRows: Int
    /// Number of the manifest.
    public let generation: UInt64
}

extension IndexReader {
    /// Sizes and counts, from the tables alone.
    public var information: IndexInformation {
        var sections: [String: Int] = [:]
        for section in segments.flatMap(\.header.profile.sections) { sections[section.name] = 0 }
        var total = 0
        for segment in segments {
            total += segment.byteCount
            for group in segment.table.groups {
                for section in segment.header.profile.sections {
                    sections[section.name, default: 0] += group.frame(section).storedByteCount
                }
            }
        }
        let deletions = manifest.segments.compactMap(\.deletion)
        total += deletions.reduce(0) { $0 + $1.byteCount }
        let coded = segments.filter(\.header.profile.isCoded)
        sections["table"] = total - sections.values.reduce(0, +)
        let keys = sections[SegmentSection.keys.name] ?? 0
        let shards = manifest.segments.flatMap(\.shards)
        return IndexInformation(
            rows: rowCount, dimensions: dimension, deleted: deletions.reduce(0) { $0 + $1.rowCount },
            profiles: Set(segments.map(\.header.profile.rawValue)).sorted(),
            isUnpacked: !coded.isEmpty && coded.allSatisfy(\.isUnpacked),
            codesFor: coded.isEmpty ? nil : codec?.knowsQueries == true ? "queries" : "rows", bytes: total,
            bytesPerVector: rowCount == 0 ? 0 : Double(total - keys) / Double(rowCount), sections: sections,
            space: space.description, images: rowCount(of: .images), captions: rowCount(of: .captions),
            shards: shards.count, segments: segments.count,
            partitions: segments.reduce(0) { $0 + ($1.partitions?.count ?? 0) },
            partitionedRows: zip(segments, manifest.segments).reduce(0) {
                $0 + ($1.0.header.isPartitioned ? $1.1.liveRowCount : 0)
            },
            generation: manifest.generation)
    }
}
