import Foundation
import Samples
import TestSupport
import Testing

@testable import VectorIndex

/// The byte tables and the JSON schema in `Schemas` say what the code does.
@Suite struct SchemaTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Schemas")

    private func text(_ name: String) throws -> String {
        try String(contentsOf: Self.folder.appendingPathComponent(name), encoding: .utf8)
    }

    /// Offset, size and text of each row of the byte table under a heading; traps the reader if rows leave gaps.
    private func table(_ document: String, under heading: String) throws -> [(offset: Int, size: Int, field: String)] {
        let section = try #require(document.components(separatedBy: "\n## ").first { $0.hasPrefix(heading) })
        let rows = section.components(separatedBy: "\n").compactMap {
            line -> (offset: Int, size: Int, field: String)? in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 3, let offset = Int(cells[0]), let size = Int(cells[1]) else { return nil }
            return (offset, size, cells[2])
        }
        for (row, next) in zip(rows, rows.dropFirst()) {
            #expect(row.offset + row.size == next.offset, "\(heading): \(row.field)")
        }
        return rows
    }

    private func end(_ rows: [(offset: Int, size: Int, field: String)]) -> Int {
        rows.last.map { $0.offset + $0.size } ?? 0
    }

    private func number(_ bytes: [UInt8], _ row: (offset: Int, size: Int, field: String)) -> Int {
        bytes[row.offset..<row.offset + row.size].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    @Test func embeddingSegmentTables() throws {
        let document = try text("embedding-segment.md")
        #expect(
            document.hasPrefix(
                "# Embedding segment, version \(EmbeddingFormat.majorVersion).\(EmbeddingFormat.minorVersion)"))
        let header = try table(document, under: "Header")
        #expect(end(header) == EmbeddingFormat.fixedHeaderByteCount)
        let bytes = TestVectors.header(dimension: 300).encoded
        let values = [
            "major version": 0, "minor version": 1, "header byte count": bytes.count, "feature bits": 0,
            "dimension": 300, "samples of a full chunk": 256,
        ]
        for (field, value) in values {
            let row = try #require(header.first { $0.field.hasPrefix(field) })
            #expect(number(bytes, row) == value, "\(field)")
        }
        #expect(end(try table(document, under: "Chunk")) == EmbeddingFormat.frameHeaderByteCount)
        let trailer = try table(document, under: "End")
        #expect(end(trailer) == EmbeddingFormat.trailerByteCount)
        let encoded = EmbeddingTrailer(
            chunkCount: 3, sampleCount: 700, failedCount: 5, rowCount: 1300, digest: Digest(hashing: "x")
        ).encoded
        for (field, value) in ["chunks": 3, "samples": 700, "failed": 5, "rows": 1300, "byte count": 68] {
            let row = try #require(trailer.first { $0.field.hasPrefix(field) })
            #expect(number(encoded, row) == value, "\(field)")
        }
        #expect(document.contains("Row table, \(EmbeddingFormat.rowByteCount) bytes per row"))
        for magic in [EmbeddingFormat.magic, EmbeddingFormat.frameMagic, EmbeddingFormat.trailerMagic] {
            let name = String(decoding: magic, as: UTF8.self).replacingOccurrences(of: "\n", with: "\\n")
            #expect(document.contains("magic `\(name)`"))
        }
    }

    @Test func indexSegmentTables() throws {
        let document = try text("index-segment.md")
        #expect(
            document.hasPrefix(
                "# Index segment, version \(SegmentFormat.majorVersion).\(SegmentFormat.minorVersion)"))
        let header = try table(document, under: "Header")
        #expect(end(header) == SegmentFormat.headerByteCount)
        let bytes = SegmentHeader(space: TestVectors.space, dimension: 300, identifiers: .assigned).encoded
        #expect(bytes.count == SegmentFormat.headerByteCount)
        let values = [
            "major": 0, "minor": 4, "header byte count": 128, "dimension": 300, "rows of a full group": 256,
            "metric": 1, "ids": 1,
        ]
        for (field, value) in values {
            let row = try #require(header.first { $0.field.hasPrefix(field) })
            #expect(number(bytes, row) == value, "\(field)")
        }
        let footer = try table(document, under: "Footer")
        #expect(end(footer) == SegmentFormat.footerByteCount)
        let encoded = SegmentFooter(
            tableByteOffset: 1234, table: [1, 2, 3], rowCount: 99, partitions: [4, 5]
        ).encoded
        for (field, value) in [
            "byte offset": 1234, "byte count of the table": 3, "byte count of the file": 1301, "rows": 99,
            "byte count of the partitions": 2,
        ] {
            let row = try #require(footer.first { $0.field.hasPrefix(field) })
            #expect(number(encoded, row) == value, "\(field)")
        }
        #expect(end(try table(document, under: "Table")) == SegmentFrame.entryByteCount)
        for section in SegmentSection.allCases {
            #expect(document.contains("| \(section.rawValue) | \(section.name) |"))
        }
        #expect(document.contains("\(SegmentFormat.identityByteCount) bytes, column by column"))
        #expect(document.contains("by partition \(SegmentFormat.partitionedIdentityByteCount)"))
        #expect(PartitionTable.maximumGroupCount == 4096 && document.contains("1 to 4,096"))
        #expect(
            SegmentHeader.partitionedFeature == 1 && document.contains("Bit 0: rows are stored by partition"))
        #expect(document.contains("raw below 10,000 rows") && SegmentFormat.rawRowCountLimit == 10_000)
        #expect(document.contains("runs of \(SegmentCodec.byteSplitRuns.runRowCount) rows"))
        #expect(document.contains("of \(SegmentCodec.stepRuns.runRowCount) rows"))
        #expect(SegmentCodec.stepRuns.runRowCount == SegmentCodec.fineStepRuns.runRowCount)
        #expect(document.contains("\(SegmentFormat.blockGroupCount) groups in the order of rows are a block"))
        #expect(document.contains("multiple of \(SegmentFormat.alignment)"))
        let order = SegmentSection.fileOrder.map { "\($0.rawValue)" }.joined(separator: ", ")
        #expect(document.contains("order \(order)"))
        for profile in IndexProfile.allCases { #expect(document.contains("\(profile.number) \(profile)")) }
        for profile in IndexProfile.allCases where profile.isCoded {
            #expect(document.contains("\(RowFactors.byteCount(of: profile))"))
        }
    }

    @Test func indexCodecTable() throws {
        let document = try text("index-codec.md")
        let rows = try table(document, under: "Codec")
        #expect(end(rows) == VectorCodec.headByteCount)
        let reach = QueryDirections.Reach(sign: 3, upper: 0.25)
        let bytes = VectorCodec(
            mean: [Float](repeating: 0, count: 70), directions: [Float](repeating: 0, count: 70 * 32), reach: reach
        ).encoded
        for (field, value) in [
            "major": 0, "minor": 2, "header": 64, "dimension E": 70, "dimension D": 128, "directions": 32,
            "f32 reach of signs": Int(Float(3).bitPattern), "f32 reach of upper": Int(Float(0.25).bitPattern),
        ] {
            let row = try #require(rows.first { $0.field.hasPrefix(field) })
            #expect(number(bytes, row) == value, "\(field)")
        }
        #expect(bytes.count == 64 + 128 / 16 * 8 + 70 * 4 + 128 * 32 * 2 + 4)
        #expect(document.hasPrefix("# Index codec, version 0.2"))
        #expect(document.contains("`\(VectorCodec.filePrefix)DIGEST\(VectorCodec.fileExtension)`".dropFirst()))
    }

    @Test func deletedRowsTable() throws {
        let document = try text("index-deletions.md")
        #expect(
            document.hasPrefix(
                "# Deleted rows of an index segment, version \(DeletedRows.majorVersion).\(DeletedRows.minorVersion)"))
        let rows = try table(document, under: "File")
        #expect(end(rows) == DeletedRows.headerByteCount)
        let deleted = DeletedRows(segment: Digest(hashing: "s"), segmentRowCount: 900, rows: [0, 3, 899])
        let bytes = deleted.encoded
        for (field, value) in [
            "major": 0, "minor": 1, "header": 64, "rows of the segment": 900, "deleted rows": 3,
            "stored bytes": bytes.count - 68,
        ] {
            let row = try #require(rows.first { $0.field.hasPrefix(field) })
            #expect(number(bytes, row) == value, "\(field)")
        }
        #expect(Array(bytes[16..<48]) == Digest(hashing: "s").bytes)
        #expect(try DeletedRows(bytes, path: "x") == deleted)
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x10
            #expect(throws: (any Error).self, "byte \(index)") { _ = try DeletedRows(damaged, path: "x") }
            #expect(throws: (any Error).self, "cut at \(index)") {
                _ = try DeletedRows(Array(bytes[..<index]), path: "x")
            }
        }
        #expect(document.contains("`index.vlx/\(DeletedRows.filePrefix)DIGEST\(DeletedRows.fileExtension)`"))
    }

    @Test func manifestSchemaNamesExactlyTheFieldsThatAreWritten() throws {
        let folder = try TemporaryFolder()
        let embedding = try TestVectors.shard("s", sampleCount: 3, dimension: 2, seed: 1, folder: folder.file("e"))
        var writer = try IndexWriter.open(folder: folder.file("i"), space: TestVectors.space, dimension: 2)
        try writer.seal([embedding])
        let codec = VectorCodec(mean: [0, 0])
        try writer.store(codec)
        // Every field that may be missing is there.
        var filter = RowFilter()
        filter.insert(ShardIdentity(dataset: "data", shard: "s"), samples: .ordinals([1]))
        try writer.delete(.samples(filter))
        try writer.publish(
            writer.manifest.segments, codec: codec.digest, nextID: 7,
            calibration: IndexCalibration(
                neighborCount: 10, queryCount: 3, points: [.init(poolSize: 64, rowBudget: 5, recall: 0.5)],
                kappa: 1.5, truth: .vectors, estimation: 1))
        let lines = String(
            decoding: try Files.read(
                folder.file("i/" + IndexManifest.fileName(generation: writer.manifest.generation))), as: UTF8.self
        ).split(separator: "\n")
        #expect(lines.count == 2 && lines[1].hasPrefix("crc32c "))
        let schema = try #require(
            try JSONSerialization.jsonObject(with: Data(try text("index-manifest.schema.json").utf8)) as? [String: Any])
        let value = try JSONSerialization.jsonObject(with: Data(lines[0].utf8))
        try check(value, schema, root: schema, place: "manifest")
    }

    /// The part of JSON Schema that the file uses: const, $ref, type, required, properties, items, pattern, minimum.
    private func check(_ value: Any, _ schema: [String: Any], root: [String: Any], place: String) throws {
        if let reference = schema["$ref"] as? String {
            let name = try #require(reference.split(separator: "/").last.map(String.init))
            let definitions = try #require(root["$defs"] as? [String: [String: Any]])
            try check(value, try #require(definitions[name]), root: root, place: place)
            return
        }
        if let constant = schema["const"] as? String { #expect(value as? String == constant, "\(place)") }
        switch schema["type"] as? String {
        case "object":
            let object = try #require(value as? [String: Any], "\(place)")
            let properties = try #require(schema["properties"] as? [String: [String: Any]], "\(place)")
            let required = try #require(schema["required"] as? [String], "\(place)")
            #expect(
                Set(required).isSubset(of: object.keys) && Set(object.keys).isSubset(of: properties.keys), "\(place)")
            for (name, part) in object {
                try check(part, try #require(properties[name]), root: root, place: place + "." + name)
            }
        case "array":
            let items = try #require(schema["items"] as? [String: Any], "\(place)")
            let array = try #require(value as? [Any], "\(place)")
            #expect(!array.isEmpty, "\(place)")
            for part in array { try check(part, items, root: root, place: place + "[]") }
        case "string":
            let string = try #require(value as? String, "\(place)")
            if let pattern = schema["pattern"] as? String {
                #expect(string.range(of: pattern, options: .regularExpression) != nil, "\(place): \(string)")
            }
        case "integer":
            let number = try #require(value as? NSNumber, "\(place)")
            #expect(number.intValue >= (schema["minimum"] as? Int ?? .min), "\(place)")
        default: break
        }
    }
}
