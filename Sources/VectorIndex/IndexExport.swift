import ByteFormats
import Foundation
import Samples

/// Writes the vectors of an index to files that other programs read: the originals with their keys and the fingerprint of
/// the space, never codes.
///
/// Rows come in the order of the index's segments and shards. The same index gives the same bytes. Memory does not depend
/// on the number of rows (apart from 16 bytes each for ids and key lengths).
public enum IndexExport {
    /// What is written.
    public enum Format: String, Sendable, CaseIterable {
        /// `OUT.npy`: Float32 [N, E]; beside it `OUT.npy.ids.npy`, `OUT.npy.keys` and `OUT.npy.json`.
        case npy
        /// `OUT.fvecs`, with the same files beside it.
        case fvecs
        /// One object per row with id, sample, key, box and vector; `OUT.jsonl.json` beside it.
        case jsonl
        /// Tensors `vectors` F16 [N, E], `ids` U64 [N], `keys` U8, `keyOffsets` I64 [N + 1]; the fingerprint is metadata.
        case safetensors
    }

    /// What `OUT.json` says.
    struct Description: Codable, Equatable {
        var format = "vlmpipe vectors"
        var version = "0.1"
        var rows: Int
        var dimensions: Int
        var space: String
        var precision = "as kept: binary16, and six bits more in full indexes of matrices; safetensors: binary16"
    }

    /// Writes the rows of these kinds.
    ///
    /// - Returns: How many.
    /// - Throws: `invalidRows` where only codes are kept, and for keys with line feeds in formats with lines of keys.
    @discardableResult
    public static func write(
        _ reader: IndexReader, kinds: VectorKinds = .all, to path: String, as format: Format
    ) throws -> Int {
        if let segment = reader.segments.first(where: { !$0.header.profile.hasVectors && $0.rowCount > 0 }) {
            throw VectorIndexError(
                .invalidRows,
                "the index keeps codes of its vectors and not the vectors (profile \(segment.header.profile)); export "
                    + "them from where they came", path: segment.path)
        }
        let rows = ExportRows(reader: reader, kinds: kinds)
        switch format {
        case .npy:
            try NumpyFile.write(path: path, element: .float32, shape: [rows.count, reader.dimension]) { file in
                try rows.forEach { unsafe try file.write($0.vectors(reader.dimension).span.bytes) }
            }
            try writeColumns(rows, beside: path)
        case .fvecs:
            try AtomicFile.write(path: path) { file in
                try rows.forEach { part in
                    let vectors = part.vectors(reader.dimension)
                    var records = ByteWriter(capacity: vectors.count * 4 + part.rows.count * 4)
                    for row in part.rows.indices {
                        records.write(UInt32(reader.dimension))
                        for value in vectors[row * reader.dimension..<(row + 1) * reader.dimension] {
                            records.write(value.bitPattern)
                        }
                    }
                    try file.write(records.bytes)
                }
            }
            try writeColumns(rows, beside: path)
        case .jsonl:
            try AtomicFile.write(path: path) { file in
                try rows.forEach { part in
                    let vectors = part.vectors(reader.dimension)
                    for row in part.rows.indices {
                        let elements = row * reader.dimension..<(row + 1) * reader.dimension
                        try file.write(try part.line(row, vector: Array(vectors[elements])))
                    }
                }
            }
            try writeDescription(rows, beside: path)
        case .safetensors: try writeTensors(rows, to: path)
        }
        return rows.count
    }

    private static func description(_ rows: ExportRows) -> Description {
        Description(
            rows: rows.count, dimensions: rows.reader.dimension, space: rows.reader.space.digest.hexadecimal)
    }

    private static func writeDescription(_ rows: ExportRows, beside path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        try AtomicFile.write(
            path: path + ".json", bytes: Array(try encoder.encode(description(rows))) + [UInt8(ascii: "\n")])
    }

    /// Ids, keys and description of the rows of a file that has only vectors.
    private static func writeColumns(_ rows: ExportRows, beside path: String) throws {
        try NumpyFile.write(path: path + ".ids.npy", element: .uint64, shape: [rows.count]) { file in
            try rows.forEach { part in unsafe try file.write(part.ids.span.bytes) }
        }
        try AtomicFile.write(path: path + ".keys") { file in
            try rows.forEach { part in
                for row in part.rows {
                    guard !row.key.utf8.contains(UInt8(ascii: "\n")) else {
                        throw VectorIndexError(
                            .invalidRows,
                            "a key holds a line feed, so keys cannot be lines; export jsonl or safetensors",
                            path: path)
                    }
                    try file.write(Array(row.key.utf8) + [UInt8(ascii: "\n")])
                }
            }
        }
        try writeDescription(rows, beside: path)
    }

    private static func writeTensors(_ rows: ExportRows, to path: String) throws {
        var offsets: [Int64] = [0]
        try rows.forEach { part in
            for row in part.rows { offsets.append(offsets[offsets.count - 1] + Int64(row.key.utf8.count)) }
        }
        let byteCount = Int(offsets[offsets.count - 1])
        let description = description(rows)
        try SafetensorsFile.write(
            path: path,
            tensors: [
                SafetensorsTensor(
                    name: "vectors", element: .float16, shape: [rows.count, rows.reader.dimension]
                ) { file in try rows.forEach { unsafe try file.write($0.halves.span.bytes) } },
                SafetensorsTensor(name: "ids", element: .uint64, shape: [rows.count]) { file in
                    try rows.forEach { unsafe try file.write($0.ids.span.bytes) }
                },
                SafetensorsTensor(name: "keys", element: .uint8, shape: [byteCount]) { file in
                    try rows.forEach { part in for row in part.rows { try file.write(Array(row.key.utf8)) } }
                },
                SafetensorsTensor(name: "keyOffsets", shape: [rows.count + 1], integers: offsets),
            ],
            metadata: [
                "format": description.format, "version": description.version, "space": description.space,
                "precision": description.precision,
            ])
    }
}

/// The rows of an index one group after the other.
private struct ExportRows {
    /// Rows of a group with the names of their shards.
    struct Part {
        var rows: [EmbeddingRow] = []
        var ids: [UInt64] = []
        var halves: [UInt16] = []
        var fine: [UInt8] = []
        var shards: [ShardIdentity] = []

        /// The vectors as precisely as they are kept.
        func vectors(_ dimension: Int) -> [Float] {
            fine.isEmpty
                ? HalfPrecision.widen(halves) : FineBits.refined(halves, fine, dimension: dimension)
        }
    }

    let reader: IndexReader
    let kinds: VectorKinds
    let count: Int

    init(reader: IndexReader, kinds: VectorKinds) {
        self.reader = reader
        self.kinds = kinds
        count = reader.rowCount(of: kinds)
    }

    func forEach(_ body: (Part) throws -> Void) throws {
        for segment in reader.segments {
            var groups = GroupReader(segment: segment, copiesCodes: false)
            var scratch = SegmentScratch()
            for group in segment.table.groups.indices where kinds.contains(segment.table.groups[group].kind) {
                try Task.checkCancellation()
                var part = Part()
                for share in try segment.shards(inGroup: group, scratch: &scratch) {
                    let stored = try groups.rows(share.rows, group: group)
                    part.rows += stored.rows
                    part.ids += stored.ids
                    part.halves += stored.halves
                    part.fine += stored.fine
                    part.shards += repeatElement(segment.table.shards[share.shard].identity, count: stored.rows.count)
                }
                try body(part)
            }
        }
    }
}

extension ExportRows.Part {
    private struct Line: Encodable {
        let id: UInt64
        let key: String
        let dataset: String
        let shard: String
        let ordinal: UInt32
        let view: String
        let level: Int?
        let number: Int?
        let box: [Int32]?
        let vector: [Float]
    }

    /// A row as JSON with a line feed.
    ///
    /// - Parameter vector: [E].
    func line(_ index: Int, vector: [Float]) throws -> [UInt8] {
        let row = rows[index]
        let view: (name: String, level: Int?, number: Int?) =
            switch row.view {
            case .image: ("image", nil, nil)
            case .caption(let number): ("caption", nil, Int(number))
            case .tile(let level, let number): ("tile", Int(level), Int(number))
            }
        let line = Line(
            id: ids[index], key: row.key, dataset: shards[index].dataset, shard: shards[index].shard,
            ordinal: row.ordinal, view: view.name, level: view.level, number: view.number, box: row.box?.array,
            vector: vector)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(line)) + [UInt8(ascii: "\n")]
    }
}
