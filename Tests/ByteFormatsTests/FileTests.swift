import Foundation
import TestSupport
import Testing

@testable import ByteFormats

@Suite struct FileTests {
    @Test func atomicWriteReplacesAndCleansUp() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.bin")
        try AtomicFile.write(path: path, bytes: [1, 2, 3])
        #expect(try folder.read("a.bin") == [1, 2, 3])
        // Pieces that end before, at and behind the ends of the writer's blocks of 2 MiB.
        let block = 1 << 21
        let sizes = [0, 1, 300_000, 5, block - 300_006, block, 7, 2 * block - 7, block - 1, 2, 3 * block, 11]
        let large = (0..<sizes.reduce(0, +)).map { (position: Int) -> UInt8 in
            let mixed = (position &* 31) ^ (position >> 8) ^ (position >> 16)
            return UInt8(truncatingIfNeeded: mixed)
        }
        try AtomicFile.write(path: path) { file in
            var start = 0
            for size in sizes {
                try file.write(large[start..<start + size])
                start += size
                #expect(file.byteCount == start)
            }
        }
        #expect(try folder.read("a.bin") == large)
        #expect(try folder.names() == ["a.bin"])
    }

    @Test func failedBodyKeepsTheOldFile() throws {
        struct Stop: Error {}
        let folder = try TemporaryFolder()
        try AtomicFile.write(path: folder.file("a"), bytes: [7])
        #expect(throws: Stop.self) {
            try AtomicFile.write(path: folder.file("a")) { file in
                try file.write([1, 2, 3])
                throw Stop()
            }
        }
        #expect(try folder.read("a") == [7])
        #expect(try folder.names() == ["a"])
    }

    @Test func leftOverTemporaryFileIsOverwritten() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write([9, 9, 9, 9], to: "a.tmp")
        try AtomicFile.write(path: folder.file("a"), bytes: [1])
        #expect(try folder.read("a") == [1])
        #expect(try folder.names() == ["a"])
    }

    @Test func secondWriterOfTheSameFileIsRefused() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write(path: folder.file("a")) { file in
            try file.write([1])
            let error = #expect(throws: ByteFormatError.self) {
                try AtomicFile.write(path: folder.file("a"), bytes: [2])
            }
            #expect(error?.code == .busy)
        }
        #expect(try folder.read("a") == [1])
    }

    @Test func newFileIsNeverReplaced() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.writeNew(path: folder.file("a")) { try $0.write([1]) }
        let error = #expect(throws: ByteFormatError.self) {
            try AtomicFile.writeNew(path: folder.file("a")) { try $0.write([2]) }
        }
        #expect(error?.code == .busy)
        #expect(try folder.read("a") == [1])
        #expect(try folder.names() == ["a"])
    }

    /// The state on disk before every step of a replacement: always the old file or the whole new one.
    @Test func everyIntermediateStateHoldsAWholeFile() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a")
        try AtomicFile.write(path: path, bytes: [1, 1])
        let seen = Locked<[[UInt8]]>([])
        let observer = FileStep.Observer { _ in
            seen.update { $0.append((FileManager.default.contents(atPath: path)).map { Array($0) } ?? []) }
        }
        try FileStep.$observer.withValue(observer) {
            try AtomicFile.write(path: path, bytes: [2, 2, 2])
        }
        let states = seen.value
        #expect(states.count >= 5)
        #expect(states.allSatisfy { $0 == [1, 1] || $0 == [2, 2, 2] })
        #expect(states.first == [1, 1] && states.last == [2, 2, 2])
    }

    @Test func appendFileGrowsCutsAndLocks() throws {
        let folder = try TemporaryFolder()
        do {
            var file = try AppendFile(path: folder.file("log"))
            try file.append([1, 2, 3, 4, 5])
            let error = #expect(throws: ByteFormatError.self) { _ = try AppendFile(path: folder.file("log")).byteCount }
            #expect(error?.code == .busy)
            try file.truncate(to: 2)
            try file.append([9])
            try file.synchronize()
            #expect(file.byteCount == 3)
            #expect(try file.read(byteOffset: 1, byteCount: 2) == [2, 9])
            #expect(throws: ByteFormatError.self) { try file.read(byteOffset: 1, byteCount: 3) }
        }
        var again = try AppendFile(path: folder.file("log"))
        try again.append([7])
        #expect(try folder.read("log") == [1, 2, 9, 7])
    }

    @Test func randomAccessChecksItsRanges() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Array(0..<100), to: "x")
        let file = try RandomAccessFile(path: path)
        #expect(try file.read(byteOffset: 90, byteCount: 10) == Array(90..<100))
        #expect(try file.read(byteOffset: 100, byteCount: 0) == [])
        for (offset, count) in [(UInt64(91), 10), (101, 0), (.max, 1), (0, .max), (0, -1)] {
            let error = #expect(throws: ByteFormatError.self) { try file.read(byteOffset: offset, byteCount: count) }
            #expect(error?.code == .truncated, "offset \(offset), count \(count)")
        }
        #expect(throws: ByteFormatError.self) { _ = try RandomAccessFile(path: folder.path).byteCount }
        let missing = #expect(throws: ByteFormatError.self) {
            _ = try RandomAccessFile(path: folder.file("no")).byteCount
        }
        #expect(missing?.code == .notFound)
    }

    /// A pipe without a writer would be waited for without end.
    @Test func aPipeIsRefusedAtOnce() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("pipe")
        try #require(unsafe mkfifo(path, 0o600) == 0)
        let refusals = [
            #expect(throws: ByteFormatError.self) { _ = try RandomAccessFile(path: path).byteCount },
            #expect(throws: ByteFormatError.self) { _ = try MappedFile(path: path).byteCount },
            #expect(throws: ByteFormatError.self) { _ = try Folder.byteCount(ofFile: path) },
        ]
        #expect(refusals.map { $0?.code } == [.unsupported, .unsupported, .unsupported])
    }

    @Test(arguments: [0, 1, 4096, 5000])
    func mappedFileLendsItsBytes(count: Int) throws {
        let folder = try TemporaryFolder()
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let file = try MappedFile(path: try folder.write(bytes, to: "m"))
        #expect(file.byteCount == count)
        #expect(file.withBytes { CRC32C.checksum(of: $0) } == CRC32C.checksum(of: bytes))
        #expect(try file.copy(0..<count) == bytes)
        #expect(throws: ByteFormatError.self) { try file.copy(0..<count + 1) }
    }

    @Test func foldersAreMadeListedAndLocked() throws {
        let folder = try TemporaryFolder()
        try Folder.create(folder.file("a/b/c"))
        try Folder.create(folder.file("a/b/c"))
        _ = try folder.write([], to: "a/z")
        _ = try folder.write([], to: "a/Y")
        #expect(try Folder.names(in: folder.file("a")) == ["Y", "b", "z"])
        #expect(throws: ByteFormatError.self) { try Folder.create(folder.file("a/z/q")) }
        #expect(throws: ByteFormatError.self) { try Folder.create(folder.file("a/z")) }
        let lock = try FileLock(path: folder.file("LOCK"), purpose: "the index")
        let error = #expect(throws: ByteFormatError.self) {
            _ = try FileLock(path: folder.file("LOCK"), purpose: "the index")
        }
        #expect(error?.code == .busy)
        #expect(error?.message.contains("the index") == true)
        _ = consume lock
        _ = try FileLock(path: folder.file("LOCK"), purpose: "the index")
    }
}
