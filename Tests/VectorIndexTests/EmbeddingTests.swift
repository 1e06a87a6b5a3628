import ByteFormats
import Samples
import TestSupport
import Testing

@testable import VectorIndex

@Suite struct EmbeddingTests {
    /// Two full chunks and a short one with few rows, so that every byte can be tried.
    private static let dimension = 3
    private static let smallHeader = TestVectors.header(dimension: dimension)
    private static let smallChunks = TestVectors.chunks(
        sampleCount: 600, dimension: dimension, seed: 5, failEvery: 211, keepEvery: 200)

    private func finishedBytes(_ folder: String) throws -> [UInt8] {
        let segment = try TestVectors.write(Self.smallChunks, header: Self.smallHeader, folder: folder)
        return try Files.read(segment.path)
    }

    @Test(arguments: [(0, 7), (1, 1), (255, 2), (256, 3), (257, 64), (700, 17)])
    func roundTrip(sampleCount: Int, dimension: Int) throws {
        let folder = try TemporaryFolder()
        let chunks = TestVectors.chunks(
            sampleCount: sampleCount, captionCount: 2, dimension: dimension, seed: 3, failEvery: 13)
        let header = TestVectors.header(dataset: "data \u{732b}", dimension: dimension)
        let segment = try TestVectors.write(chunks, header: header, folder: folder.path)
        #expect(segment.header == header)
        #expect(segment.sampleCount == sampleCount && segment.chunkCount == chunks.count)
        #expect(segment.rowCount == chunks.reduce(0) { $0 + $1.rows.count })
        #expect(try segment.failedOrdinals() == chunks.flatMap(\.failedOrdinals))
        #expect(segment.failedCount == chunks.reduce(0) { $0 + $1.failedOrdinals.count })
        try segment.verify()
        for (index, chunk) in chunks.enumerated() {
            let read = try segment.chunk(at: index)
            #expect(read.rows == chunk.rows && read.firstOrdinal == chunk.firstOrdinal)
            #expect(read.vectors == HalfPrecision.widen(HalfPrecision.narrow(chunk.vectors)))
            for (row, id) in zip(read.rows, read.ids) {
                let sample = SampleIdentity(dataset: header.dataset, shard: header.shard, ordinal: row.ordinal)
                #expect(VectorIdentity(sample: sample, view: row.view).id == id)
            }
        }
        #expect(try Folder.names(in: folder.path) == [header.fileName])
    }

    @Test func tilesKeepBoxAndLevel() throws {
        let folder = try TemporaryFolder()
        let rows = [
            EmbeddingRow(ordinal: 0, view: .image, key: ""),
            EmbeddingRow(ordinal: 0, view: .caption(4), key: "k"),
            EmbeddingRow(
                ordinal: 0, view: .tile(level: 1, number: 0), key: "k", box: PixelBox(x: 0, y: 5, width: 7, height: 9)),
            EmbeddingRow(
                ordinal: 0, view: .tile(level: 2, number: 300), key: "k",
                box: PixelBox(x: 1, y: 2, width: .max, height: 1)),
        ]
        let chunk = EmbeddingChunk(
            firstOrdinal: 0, sampleCount: 1, rows: rows, vectors: TestVectors.unit(4, dimension: 8, seed: 1))
        let segment = try TestVectors.write([chunk], header: TestVectors.header(dimension: 8), folder: folder.path)
        #expect(try segment.chunk(at: 0).rows == rows)
    }

    @Test func headerBytesAreTheDocumentedOnes() {
        let header = TestVectors.header(dataset: "d", shard: "s", dimension: 258)
        let bytes = header.encoded
        #expect(
            Array(bytes[..<32]) == Array("VLMEMB0\n".utf8) + [0, 0, 1, 0, 142, 0, 0, 0] + [
                0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 1, 0, 0,
            ])
        #expect(Array(bytes[32..<64]) == TestVectors.space.digest.bytes)
        #expect(Array(bytes[128..<138]) == [1, 0, 0, 0, 0x64, 1, 0, 0, 0, 0x73])
        #expect(bytes.count == 142)
    }

    /// Golden bytes of what does not go through zstd: the head of each chunk and the end.
    @Test func chunkHeadsAndEndAreTheDocumentedOnes() throws {
        let folder = try TemporaryFolder()
        let bytes = try finishedBytes(folder.path)
        let start = Self.smallHeader.encoded.count
        #expect(Array(bytes[start..<start + 4]) == Array("CHNK".utf8))
        #expect(
            Array(bytes[start + 8..<start + 28]) == [
                0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0,
            ])
        #expect(Array(bytes[start + 40..<start + 44]) == [210, 0, 0, 0], "the failed sample")
        let end = Array(bytes.suffix(68))
        #expect(
            Array(end[..<32]) == Array("DONE".utf8) + [
                68, 0, 0, 0, 3, 0, 0, 0, 88, 2, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,
            ])
    }

    @Test func cutAtEveryByteResumesToTheSameBytes() throws {
        let folder = try TemporaryFolder()
        let whole = try finishedBytes(folder.path)
        let part = folder.file(Self.smallHeader.fileName + ".part")
        for count in 0...whole.count {
            try Files.write(Array(whole[..<count]), to: part)
            var writer = try EmbeddingPartWriter.open(folder: folder.path, header: Self.smallHeader)
            #expect(writer.isComplete == (count == whole.count))
            #expect(Int(writer.nextOrdinal) == min(600, writer.nextChunk * 256))
            for chunk in Self.smallChunks[writer.nextChunk...] { try writer.append(chunk) }
            let path = try writer.finish()
            #expect(try Files.read(path) == whole, "cut at \(count)")
        }
    }

    @Test func everyFlippedByteOfAPartResumesToTheSameBytes() throws {
        let folder = try TemporaryFolder()
        let whole = try finishedBytes(folder.path)
        let part = folder.file(Self.smallHeader.fileName + ".part")
        for index in whole.indices {
            var damaged = whole
            damaged[index] ^= 0x41
            try Files.write(damaged, to: part)
            var writer = try EmbeddingPartWriter.open(folder: folder.path, header: Self.smallHeader)
            for chunk in Self.smallChunks[writer.nextChunk...] { try writer.append(chunk) }
            #expect(try Files.read(try writer.finish()) == whole, "flip at \(index)")
        }
    }

    @Test func killedBetweenAnyTwoStepsResumesToTheSameBytes() throws {
        let folder = try TemporaryFolder()
        let work = folder.file("work")
        let states = try Files.states(of: work) { _ = try finishedBytes(work) }
        let name = Self.smallHeader.fileName
        let whole = try #require(states.last?[name])
        #expect(states.count >= 6)
        for (index, state) in states.enumerated() {
            try Files.restore(state, to: work)
            if state[name] == nil {
                #expect(try finishedBytes(work) == whole, "state \(index)")
            } else {
                #expect(state[name] == whole, "a final name always means a whole file")
            }
        }
    }

    @Test func everyCutAndFlipOfAFinishedFileIsNoticed() throws {
        let folder = try TemporaryFolder()
        let whole = try finishedBytes(folder.path)
        let path = folder.file("copy.vle")
        for count in 0..<whole.count {
            try Files.write(Array(whole[..<count]), to: path)
            #expect(throws: VectorIndexError.self, "cut at \(count)") { try EmbeddingSegment(path: path).verify() }
        }
        for index in whole.indices {
            var damaged = whole
            damaged[index] ^= 0x04
            try Files.write(damaged, to: path)
            let error = #expect(throws: VectorIndexError.self, "flip at \(index)") {
                try EmbeddingSegment(path: path).verify()
            }
            #expect(error?.path == path)
        }
        try Files.write(whole + [0], to: path)
        #expect(throws: VectorIndexError.self) { try EmbeddingSegment(path: path).verify() }
    }

    @Test func anotherRecipeSpaceOrContentStartsAnew() throws {
        let headers = [
            TestVectors.header(dimension: 3, recipe: "new"), TestVectors.header(dimension: 3, content: "new"),
            TestVectors.header(dimension: 3, space: TestVectors.otherSpace),
        ]
        for header in headers {
            let folder = try TemporaryFolder()
            var writer = try EmbeddingPartWriter.open(folder: folder.path, header: Self.smallHeader)
            try writer.append(Self.smallChunks[0])
            _ = consume writer
            let again = try EmbeddingPartWriter.open(folder: folder.path, header: header)
            #expect(again.nextOrdinal == 0 && again.restart == .stale && again.discardedByteCount > 0)
        }
    }

    @Test func secondWriterIsBusy() throws {
        let folder = try TemporaryFolder()
        let writer = try EmbeddingPartWriter.open(folder: folder.path, header: Self.smallHeader)
        let error = #expect(throws: VectorIndexError.self) {
            _ = try EmbeddingPartWriter.open(folder: folder.path, header: Self.smallHeader).nextChunk
        }
        #expect(error?.code == .busy)
        try writer.discard()
        #expect(try Folder.names(in: folder.path).isEmpty)
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let chunk: EmbeddingChunk
        let code: VectorIndexError.Code
    }

    private static func chunk(
        _ vectors: [Float], ordinals: [UInt32] = [0], sampleCount: Int = 2, failed: [UInt32] = [], first: UInt32 = 0,
        key: String = "k"
    ) -> EmbeddingChunk {
        EmbeddingChunk(
            firstOrdinal: first, sampleCount: sampleCount, failedOrdinals: failed,
            rows: ordinals.map { EmbeddingRow(ordinal: $0, view: .image, key: key) }, vectors: vectors)
    }

    static let refused: [Refused] = [
        Refused(testDescription: "NaN", chunk: chunk([.nan, 0]), code: .invalidVector),
        Refused(testDescription: "infinite", chunk: chunk([.infinity, 0]), code: .invalidVector),
        Refused(testDescription: "zero", chunk: chunk([0, 0]), code: .invalidVector),
        Refused(testDescription: "too long", chunk: chunk([1, 0.1]), code: .invalidVector),
        Refused(testDescription: "too short", chunk: chunk([0.99, 0]), code: .invalidVector),
        Refused(testDescription: "missing number", chunk: chunk([1]), code: .invalidVector),
        Refused(
            testDescription: "second is NaN", chunk: chunk([1, 0, .nan, 0], ordinals: [0, 1]), code: .invalidVector),
        Refused(testDescription: "twice", chunk: chunk([1, 0, 1, 0], ordinals: [0, 0]), code: .invalidRows),
        Refused(testDescription: "descending", chunk: chunk([1, 0, 1, 0], ordinals: [1, 0]), code: .invalidRows),
        Refused(testDescription: "outside", chunk: chunk([1, 0], ordinals: [2]), code: .invalidRows),
        Refused(testDescription: "failed with a vector", chunk: chunk([1, 0], failed: [0]), code: .invalidRows),
        Refused(testDescription: "failed outside", chunk: chunk([1, 0], failed: [2]), code: .invalidRows),
        Refused(testDescription: "failed twice", chunk: chunk([1, 0], failed: [1, 1]), code: .invalidRows),
        Refused(testDescription: "no samples", chunk: chunk([], ordinals: [], sampleCount: 0), code: .invalidRows),
        Refused(testDescription: "257 samples", chunk: chunk([1, 0], sampleCount: 257), code: .invalidRows),
        Refused(testDescription: "does not follow", chunk: chunk([1, 0], ordinals: [1], first: 1), code: .invalidRows),
        Refused(
            testDescription: "long key", chunk: chunk([1, 0], key: String(repeating: "x", count: 65_536)),
            code: .invalidRows),
    ]

    @Test(arguments: refused)
    func refuses(_ sample: Refused) throws {
        let folder = try TemporaryFolder()
        let header = TestVectors.header(dimension: 2)
        var writer = try EmbeddingPartWriter.open(folder: folder.path, header: header)
        let before = try Files.read(writer.partPath)
        do {
            try writer.append(sample.chunk)
            Issue.record("accepted")
        } catch let error as VectorIndexError {
            #expect(error.code == sample.code, "\(error)")
        }
        #expect(try Files.read(writer.partPath) == before)
        try writer.append(Self.chunk([0.6, -0.8]))
        // The chunk above was not full: nothing can follow it.
        do {
            try writer.append(Self.chunk([1, 0], ordinals: [2], first: 2))
            Issue.record("accepted")
        } catch let error as VectorIndexError {
            #expect(error.code == .invalidRows)
        }
    }

    @Test func otherVersionsAreRefusedWithTheRemedy() throws {
        let folder = try TemporaryFolder()
        var bytes = try finishedBytes(folder.path)
        bytes[10] = 2
        try Files.write(bytes, to: folder.file("new.vle"))
        let error = #expect(throws: VectorIndexError.self) { _ = try EmbeddingSegment(path: folder.file("new.vle")) }
        #expect(error?.code == .unsupportedVersion)
        #expect(error?.message.contains("0.2") == true && error?.message.contains("vlmpipe embed") == true)
    }
}
