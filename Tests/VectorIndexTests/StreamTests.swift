import ByteFormats
import Foundation
import PipelineEngine
import Samples
import TestSupport
import Testing

@testable import VectorIndex

@Suite struct StreamTests {
    private static let dimension = 20
    private static let identity = ShardIdentity(dataset: "stream", shard: "")

    private func records(_ vectors: [Float], dimension: Int) -> [UInt8] {
        stride(from: 0, to: vectors.count, by: dimension).flatMap { start in
            var writer = ByteWriter(capacity: 4 + dimension * 4)
            writer.write(UInt32(dimension))
            for value in vectors[start..<start + dimension] { writer.write(value.bitPattern) }
            return writer.bytes
        }
    }

    private func write(_ bytes: [UInt8], _ name: String, in folder: TemporaryFolder) throws -> String {
        let path = folder.path + "/" + name
        try AtomicFile.write(path: path, bytes: bytes)
        return path
    }

    /// A stream gives what a file of the same vectors gives, in every format and in pieces of any size.
    @Test func streamsAreReadLikeFiles() throws {
        let folder = try TemporaryFolder()
        let vectors = TestVectors.unit(41, dimension: Self.dimension, seed: 1)
        let records = try write(records(vectors, dimension: Self.dimension), "a.fvecs", in: folder)
        let arrays = folder.path + "/a.npy"
        try NumpyFile.write(path: arrays, shape: [41, Self.dimension], floats: vectors)
        let halves = folder.path + "/h.npy"
        try NumpyFile.write(path: halves, element: .float16, shape: [41, Self.dimension]) {
            unsafe try $0.write(HalfPrecision.narrow(vectors).span.bytes)
        }
        var small: [UInt8] = []
        for row in 0..<41 {
            small += [UInt8(Self.dimension), 0, 0, 0]
            for index in 0..<Self.dimension { small.append(UInt8((row * 7 + index) % 256)) }
        }
        let bytes = try write(small, "a.bvecs", in: folder)
        for path in [records, arrays, halves, bytes] {
            let expected = try VectorFile(path: path).floats(rows: 0..<41)
            for limit in [1, 7, 41, 100] {
                let stream = try VectorStream(path: path)
                #expect(stream.dimension == Self.dimension)
                var read: [Float] = []
                while let rows = try stream.next(limit) { read += rows }
                #expect(read == expected, "\(path) by \(limit)")
            }
        }
    }

    /// Wherever a stream ends early, there is an error or the rows before, never others.
    @Test func cutStreamsAreErrors() throws {
        let folder = try TemporaryFolder()
        let vectors = TestVectors.unit(3, dimension: 5, seed: 2)
        let fvecs = records(vectors, dimension: 5)
        let array = folder.path + "/a.npy"
        try NumpyFile.write(path: array, shape: [3, 5], floats: vectors)
        let npy = [UInt8](try Data(contentsOf: URL(fileURLWithPath: array)))
        var errorCount = 0
        for (name, whole) in [("cut.fvecs", fvecs), ("cut.npy", npy)] {
            for count in 0..<whole.count {
                let path = try write(Array(whole[..<count]), name, in: folder)
                do {
                    let stream = try VectorStream(path: path)
                    var read: [Float] = []
                    while let rows = try stream.next(2) { read += rows }
                    #expect(name == "cut.fvecs" && count % 24 == 0 && read == Array(vectors.prefix(count / 24 * 5)))
                } catch is VectorIndexError {
                    errorCount += 1
                } catch is ByteFormatError {
                    errorCount += 1
                }
            }
            let longer = try write(whole + [1, 2, 3], name, in: folder)
            #expect(throws: VectorIndexError.self) {
                let stream = try VectorStream(path: longer)
                while try stream.next(2) != nil {}
            }
        }
        #expect(errorCount == fvecs.count + npy.count - 2)
    }

    /// An index from a stream answers as one from a file with the same codec; its bytes do not depend on threads.
    @Test(arguments: [IndexProfile.plain, .std, .full])
    func indexesFromStreams(profile: IndexProfile) async throws {
        let folder = try TemporaryFolder()
        let rowCount = 1000
        let vectors = TestVectors.unit(rowCount, dimension: Self.dimension, seed: 3)
        let path = try write(records(vectors, dimension: Self.dimension), "a.fvecs", in: folder)
        let keys = try LineFile(
            path: write((0..<rowCount).flatMap { Array("key \($0)\n".utf8) }, "keys", in: folder))
        var digests: Set<Digest> = []
        for threads in [1, 3] {
            let pool = ComputePool(threadCount: threads)
            defer { pool.shutdown() }
            let index = folder.path + "/\(threads).vlx"
            var writer = try IndexWriter.open(folder: index, space: VectorMatrix.space, dimension: Self.dimension)
            let count = try await writer.build(
                VectorStream(path: path), identity: Self.identity, firstID: 50, keys: keys, normalizing: false,
                profile: profile, on: pool)
            #expect(count == rowCount && writer.manifest.nextID == 1050)
            digests.insert(writer.manifest.segments[0].digest)
            let reader = try IndexReader(folder: index)
            let query = Array(vectors[300 * Self.dimension..<301 * Self.dimension])
            let hit = try await reader.search(
                SearchRequest(
                    space: VectorMatrix.space, dimension: Self.dimension, queries: query, neighborCount: 1,
                    kinds: .all), on: pool)[0][0]
            #expect(hit.id == 350 && hit.key == "key 300" && abs(hit.score - 1) < 0.01)
            #expect(try IndexVerification.run(folder: index).isSound)
            await #expect(throws: VectorIndexError.self, "the name is taken") {
                try await writer.build(
                    VectorStream(path: path), identity: Self.identity, firstID: 2000, normalizing: false,
                    profile: profile, on: pool)
            }
        }
        #expect(digests.count == 1)
        let short = try LineFile(path: write(Array("one\ntwo\n".utf8), "short", in: folder))
        let pool = ComputePool(threadCount: 1)
        defer { pool.shutdown() }
        var writer = try IndexWriter.open(
            folder: folder.path + "/x.vlx", space: VectorMatrix.space, dimension: Self.dimension)
        await #expect(throws: VectorIndexError.self, "too few keys") {
            try await writer.build(
                VectorStream(path: path), identity: Self.identity, firstID: 0, keys: short, normalizing: false,
                profile: profile, on: pool)
        }
        #expect(writer.manifest.segments.isEmpty)
    }
}
