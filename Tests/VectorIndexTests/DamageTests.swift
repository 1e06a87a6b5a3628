import ByteFormats
import Foundation
import PipelineEngine
import Samples
import TestSupport
import Testing

@testable import VectorIndex

/// A small index whose every byte is cut and flipped.
@Suite struct DamageTests {
    private struct Small {
        let path: String
        let state: FolderState
        let segment: String
        let manifest: String
        let request: SearchRequest
        let expected: [[SearchHit]]
    }

    private func makeSmall(_ folder: TemporaryFolder, pool: ComputePool, isCompressed: Bool) async throws -> Small {
        let path = folder.file("index.vlx")
        let embedding = try TestVectors.shard(
            "s", sampleCount: isCompressed ? 5100 : 7, dimension: 2, seed: 1, folder: folder.file("embeddings"))
        do {
            var writer = try IndexWriter.open(folder: path, space: TestVectors.space, dimension: 2)
            try writer.seal([embedding])
        }
        let reader = try IndexReader(folder: path)
        let request = SearchRequest(
            space: TestVectors.space, dimension: 2, queries: [0.6, 0.8], neighborCount: 3, kinds: .all)
        return Small(
            path: path, state: try Files.state(of: path), segment: reader.manifest.segments[0].name,
            manifest: IndexManifest.fileName(generation: 1), request: request,
            expected: try await reader.search(request, on: pool))
    }

    private func searchIsRightOrAnError(_ small: Small, pool: ComputePool, label: String) async {
        do {
            let hits = try await IndexReader(folder: small.path).search(small.request, on: pool)
            #expect(hits == small.expected, "\(label): a wrong answer")
        } catch let error as VectorIndexError {
            #expect(!error.message.isEmpty)
        } catch {
            Issue.record("\(label): \(error)")
        }
    }

    @Test func everyFlippedByteIsFoundAndNeverGivesAWrongAnswer() async throws {
        let folder = try TemporaryFolder()
        let pool = ComputePool(threadCount: 2)
        let small = try await makeSmall(folder, pool: pool, isCompressed: false)
        #expect(try IndexVerification.run(folder: small.path).isSound)
        for name in [small.segment, small.manifest] {
            let bytes = try #require(small.state[name])
            for index in bytes.indices {
                var damaged = bytes
                damaged[index] ^= UInt8(1 << (index % 8))
                try Files.write(damaged, to: small.path + "/" + name)
                let findings = try IndexVerification.run(folder: small.path).findings
                #expect(findings.contains { $0.path.hasSuffix(name) }, "\(name): flip at \(index) was not found")
                await searchIsRightOrAnError(small, pool: pool, label: "\(name): flip at \(index)")
            }
            try Files.write(bytes, to: small.path + "/" + name)
        }
        pool.shutdown()
    }

    @Test func everyCutIsFound() async throws {
        let folder = try TemporaryFolder()
        let pool = ComputePool(threadCount: 2)
        let small = try await makeSmall(folder, pool: pool, isCompressed: false)
        for name in [small.segment, small.manifest] {
            let bytes = try #require(small.state[name])
            for count in 0..<bytes.count {
                try Files.write(Array(bytes[..<count]), to: small.path + "/" + name)
                #expect(throws: VectorIndexError.self, "\(name): cut at \(count)") {
                    _ = try IndexReader(folder: small.path)
                }
                #expect(!(try IndexVerification.run(folder: small.path).isSound), "\(name): cut at \(count)")
            }
            try Files.write(bytes + [0], to: small.path + "/" + name)
            #expect(!(try IndexVerification.run(folder: small.path).isSound), "\(name): longer")
            try Files.write(bytes, to: small.path + "/" + name)
        }
        pool.shutdown()
    }

    /// Compressed frames, at a sample of their bytes, with the offset of the finding.
    @Test func damageInCompressedFramesIsFoundWhereItIs() async throws {
        let folder = try TemporaryFolder()
        let pool = ComputePool(threadCount: 2)
        let small = try await makeSmall(folder, pool: pool, isCompressed: true)
        let bytes = try #require(small.state[small.segment])
        let segment = try IndexSegment(folder: small.path, name: small.segment)
        for index in stride(from: 131, to: bytes.count, by: 4999) {
            var damaged = bytes
            damaged[index] ^= 0x20
            try Files.write(damaged, to: small.path + "/" + small.segment)
            let findings = try IndexVerification.run(folder: small.path).findings
            let frame = segment.table.groups.flatMap(\.frames).first {
                $0.byteOffset <= UInt64(index) && UInt64(index) < $0.byteOffset + UInt64($0.storedByteCount)
            }
            if let frame {
                #expect(findings.contains { $0.byteOffset == frame.byteOffset }, "flip at \(index): \(findings)")
            }
            await searchIsRightOrAnError(small, pool: pool, label: "flip at \(index)")
        }
        pool.shutdown()
    }

    /// Frames whose checksums were made to fit their damage: the decoder's own checks are what is left.
    @Test func forgedChecksumsNeverCrash() async throws {
        let folder = try TemporaryFolder()
        let pool = ComputePool(threadCount: 1)
        let small = try await makeSmall(folder, pool: pool, isCompressed: true)
        let bytes = try #require(small.state[small.segment])
        let segment = try IndexSegment(folder: small.path, name: small.segment)
        let footer = try SegmentFooter(
            Array(bytes.suffix(64)), path: "", byteOffset: UInt64(bytes.count - 64))
        let lastGroup = segment.table.groups.count - 1
        for (group, section) in [0, lastGroup].flatMap({ group in IndexProfile.plain.sections.map { (group, $0) } }) {
            let frame = segment.table.groups[group].frame(section)
            for step in stride(from: 0, to: frame.storedByteCount, by: max(1, frame.storedByteCount / 9)) {
                var forged = bytes
                forged[Int(frame.byteOffset) + step] ^= 0xFF
                var table = segment.table
                let stored = forged[Int(frame.byteOffset)..<Int(frame.byteOffset) + frame.storedByteCount]
                table.groups[group].frames[Int(section.rawValue) - 1].checksum = CRC32C.checksum(of: Array(stored))
                let body = Array(forged[..<Int(footer.tableByteOffset)])
                let newFooter = SegmentFooter(
                    tableByteOffset: footer.tableByteOffset, table: table.encoded, rowCount: Int(footer.rowCount))
                try Files.write(body + table.encoded + newFooter.encoded, to: small.path + "/" + small.segment)
                #expect(!(try IndexVerification.run(folder: small.path).isSound))
                do {
                    let hits = try await IndexReader(folder: small.path).search(small.request, on: pool)
                    #expect(hits.count == 1)
                } catch let error as VectorIndexError {
                    #expect(!error.message.isEmpty)
                }
            }
        }
        pool.shutdown()
    }

    /// Every field of header, table and footer set to extremes, with all checksums made to fit.
    @Test func forgedTablesAreRefused() throws {
        let folder = try TemporaryFolder()
        let segment = try TestVectors.shard("s", sampleCount: 7, dimension: 2, seed: 1, folder: folder.file("e"))
        var writer = try IndexWriter.open(folder: folder.file("i"), space: TestVectors.space, dimension: 2)
        try writer.seal([segment])
        let name = writer.manifest.segments[0].name
        let bytes = try Files.read(folder.file("i/" + name))
        let footer = try SegmentFooter(Array(bytes.suffix(64)), path: "", byteOffset: UInt64(bytes.count - 64))
        let table = Array(bytes[Int(footer.tableByteOffset)..<bytes.count - 64])
        let shape = try IndexSegment(folder: folder.file("i"), name: name).table
        for position in stride(from: 0, to: table.count - 3, by: 1) {
            for value: UInt32 in [0, 1, 0x7FFF_FFFF, 0xFFFF_FFFF] {
                var forged = table
                for byte in 0..<4 { forged[position + byte] = UInt8(truncatingIfNeeded: value >> UInt32(byte * 8)) }
                guard forged != table else { continue }
                let newFooter = SegmentFooter(
                    tableByteOffset: footer.tableByteOffset, table: forged, rowCount: Int(footer.rowCount))
                try Files.write(
                    Array(bytes[..<Int(footer.tableByteOffset)]) + forged + newFooter.encoded, to: folder.file("x.vsx"))
                do {
                    let opened = try IndexSegment(folder: folder.path, name: "x.vsx")
                    // Only names, digests, sample counts, checksums and codecs can differ without a contradiction.
                    #expect(opened.table.groups.map(\.rowCount) == shape.groups.map(\.rowCount))
                    var scratch = SegmentScratch()
                    for group in opened.table.groups.indices {
                        try opened.readVectors(group: group, scratch: &scratch)
                        _ = try opened.readRows(group: group, scratch: &scratch)
                    }
                } catch let error as VectorIndexError {
                    #expect(error.code == .damaged, "\(error)")
                }
            }
        }
    }

    @Test func damagedNewestManifestFallsBackToTheOneBefore() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("i")
        var writer = try IndexWriter.open(folder: path, space: TestVectors.space, dimension: 2)
        for name in ["a", "b"] {
            try writer.seal([
                try TestVectors.shard(name, sampleCount: 3, dimension: 2, seed: 1, folder: folder.file("e"))
            ])
        }
        _ = consume writer
        try Files.write(Array("rubbish".utf8), to: path + "/" + IndexManifest.fileName(generation: 2))
        let older = try IndexReader(folder: path)
        #expect(older.rowCount == 6 && older.fallbackReason?.contains("older state") == true)
        #expect(!(try IndexVerification.run(folder: path).isSound))
        // Writing goes on past the damaged one.
        var again = try IndexWriter.open(folder: path, space: TestVectors.space, dimension: 2)
        try again.seal([
            try EmbeddingSegment(path: folder.file("e/" + EmbeddingHeader.fileName(dataset: "data", shard: "b")))
        ])
        #expect(again.manifest.generation == 3 && again.manifest.rowCount == 12)
        let whole = try IndexReader(folder: path)
        #expect(whole.rowCount == 12 && whole.fallbackReason == nil)
    }

    @Test func noIndexAndNewerVersionsSayWhatToDo() throws {
        let folder = try TemporaryFolder()
        let missing = #expect(throws: VectorIndexError.self) { _ = try IndexReader(folder: folder.file("no")) }
        #expect(missing?.code == .notFound)
        let empty = #expect(throws: VectorIndexError.self) { _ = try IndexReader(folder: folder.path) }
        #expect(empty?.code == .notFound && empty?.message.contains("vlmpipe embed") == true)
        let manifest = IndexManifest(generation: 1, space: TestVectors.space, dimension: 2, segments: [])
        var json = String(decoding: try manifest.encoded(), as: UTF8.self)
            .replacingOccurrences(of: "\"0.3\"", with: "\"0.9\"")
        json = String(json.prefix(json.count - 16))
        let digits = String(CRC32C.checksum(of: Array(json.utf8)), radix: 16)
        let line = "crc32c " + String(repeating: "0", count: 8 - digits.count) + digits + "\n"
        try Files.write(Array((json + line).utf8), to: folder.file(IndexManifest.fileName(generation: 1)))
        let newer = #expect(throws: VectorIndexError.self) { _ = try IndexReader(folder: folder.path) }
        #expect(newer?.code == .unsupportedVersion, "\(String(describing: newer))")
    }
}
