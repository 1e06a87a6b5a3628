import Foundation
import PipelineEngine
import Samples
import TestSupport
import Testing

@testable import Workflows

@Suite struct HashedCopyTests {
    /// Bytes that differ everywhere, so that a piece in the wrong place shows.
    private func bytes(_ count: Int) -> [UInt8] {
        var state: UInt64 = 88_172_645_463_325_252
        return (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state >> 32)
        }
    }

    @Test(arguments: [0, 1, 4_194_303, 4_194_304, 4_194_305, 9_000_001], [1, 2])
    func copiesAndHashes(count: Int, threadCount: Int) async throws {
        let folder = try TemporaryFolder()
        let bytes = bytes(count)
        let source = try folder.write(bytes, to: "source")
        let pool = ComputePool(threadCount: threadCount)
        defer { pool.shutdown() }
        let digest = try await HashedCopy.copy(source, to: folder.file("copy"), pool: pool)
        #expect(digest == Digest(hashing: bytes))
        #expect(try folder.read("copy") == bytes)
        #expect(try folder.names() == ["copy", "source"])
    }

    /// What a killed copy left behind does not end up in the next one.
    @Test func aLeftOverPartIsOverwritten() async throws {
        let folder = try TemporaryFolder()
        let source = try folder.write([1, 2, 3], to: "source")
        _ = try folder.write(bytes(1000), to: "copy.tmp")
        let pool = ComputePool(threadCount: 1)
        defer { pool.shutdown() }
        _ = try await HashedCopy.copy(source, to: folder.file("copy"), pool: pool)
        #expect(try folder.read("copy") == [1, 2, 3])
    }

    @Test func aMissingSourceMakesNoFile() async throws {
        let folder = try TemporaryFolder()
        let pool = ComputePool(threadCount: 1)
        defer { pool.shutdown() }
        await #expect(throws: (any Error).self) {
            try await HashedCopy.copy(folder.file("absent"), to: folder.file("copy"), pool: pool)
        }
        #expect(try !folder.names().contains("copy"))
    }
}
