import Samples

/// Sizes and counts of an index: the JSON of `vlmpipe index info --json`.
public struct IndexInformation: Sendable, Equatable, Codable {
    /// Vectors.
    public let rows: Int
    /// E.
    public let dimensions: Int
    /// Size of the segments.
    public let bytes: Int
    /// Bytes per vector, keys excluded; 0 for an empty index.
    public let bytesPerVector: Double
    /// Bytes of each section: vectors, ids, identity, keys, and table for headers, tables and footers.
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
        sections["table"] = total - sections.values.reduce(0, +)
        let keys = sections[SegmentSection.keys.name] ?? 0
        let shards = manifest.segments.flatMap(\.shards)
        return IndexInformation(
            rows: rowCount, dimensions: dimension, bytes: total,
            bytesPerVector: rowCount == 0 ? 0 : Double(total - keys) / Double(rowCount), sections: sections,
            space: space.description, images: shards.reduce(0) { $0 + $1.imageRowCount },
            captions: shards.reduce(0) { $0 + $1.captionRowCount }, shards: shards.count, segments: segments.count,
            generation: manifest.generation)
    }
}
