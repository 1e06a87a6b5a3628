import Glibc

/// Replaces a file in one step: readers see the old file or the whole new one, also after a crash or power loss.
///
/// The bytes go to `NAME.tmp` in the same folder, which is locked while it is written, flushed, renamed to `NAME`, and
/// the folder is flushed. A `NAME.tmp` left by a killed process is overwritten by the next write.
///
///     try AtomicFile.write(path: "model.json") { file in
///         try file.write(json.utf8)
///     }
public enum AtomicFile {
    /// Takes the bytes of the new file in order. They are written in whole blocks of 2 MiB: the system then keeps them in
    /// memory as large pages, and a mapped file is read from there at the speed of memory (decision 025).
    public struct Writer: ~Copyable {
        private let descriptor: FileDescriptor
        private var pending = WriteBlock()
        /// Number of bytes written so far.
        public private(set) var byteCount = 0

        fileprivate init(temporaryPath path: String) throws(ByteFormatError) {
            FileStep.announce(.create, path)
            while true {
                let candidate = try FileDescriptor(opening: path, flags: O_RDWR | O_CREAT)
                try FileLock.take(candidate.number, path: path)
                // Between open and lock the previous owner may have renamed the file away: then lock the new one.
                var opened = stat()
                var named = stat()
                guard unsafe fstat(candidate.number, &opened) == 0 else {
                    throw FileDescriptor.systemError("cannot stat", path: path)
                }
                guard unsafe stat(path, &named) == 0, opened.st_ino == named.st_ino, opened.st_dev == named.st_dev
                else { continue }
                try candidate.truncate(to: 0)
                descriptor = candidate
                return
            }
        }

        /// Appends bytes.
        public mutating func write(_ bytes: RawSpan) throws(ByteFormatError) {
            byteCount += bytes.byteCount
            var rest = bytes
            if !pending.isEmpty {
                rest = rest.extracting(droppingFirst: pending.append(rest))
                if pending.isFull { try pending.write(to: descriptor) }
            }
            let whole = rest.byteCount / WriteBlock.byteCount * WriteBlock.byteCount
            if whole > 0 {
                FileStep.announce(.write, descriptor.path)
                try descriptor.write(span: rest.extracting(first: whole))
            }
            _ = pending.append(rest.extracting(droppingFirst: whole))
        }

        /// Appends bytes.
        public mutating func write(_ bytes: some Sequence<UInt8>) throws(ByteFormatError) {
            let bytes = Array(bytes)
            unsafe try write(bytes.span.bytes)
        }

        fileprivate mutating func finish() throws(ByteFormatError) {
            try pending.write(to: descriptor)
            try descriptor.synchronize()
        }
    }

    /// Replaces the file at `path` by what `body` writes. If `body` throws, the old file stays and the new is removed.
    public static func write(path: String, _ body: (inout Writer) throws -> Void) throws {
        try writeThenPublish(path: path) { writer throws in
            try body(&writer)
        } publish: { temporaryPath throws(ByteFormatError) in
            try Folder.rename(temporaryPath, to: path)
        }
    }

    /// Replaces the file at `path` by `bytes`.
    public static func write(path: String, bytes: [UInt8]) throws {
        try write(path: path) { unsafe try $0.write(bytes.span.bytes) }
    }

    /// Writes a file that must not exist yet: code `busy` if another writer made it first.
    public static func writeNew(path: String, _ body: (inout Writer) throws -> Void) throws {
        try writeThenPublish(path: path) { writer throws in
            try body(&writer)
        } publish: { temporaryPath throws(ByteFormatError) in
            try Folder.link(temporaryPath, to: path)
            try Folder.removeFile(temporaryPath)
        }
    }

    /// Writes a file whose name depends on its bytes: `body` writes them and returns the name, in the same folder.
    ///
    /// - Parameter scratchPath: Names the folder and the temporary file (`scratchPath` + `.tmp`).
    public static func writeNamed(
        scratchPath: String, _ body: (inout Writer) throws -> String
    ) throws -> String {
        var finalPath = scratchPath
        try writeThenPublish(path: scratchPath) { writer throws in
            finalPath = Folder.parent(of: scratchPath) + "/" + (try body(&writer))
        } publish: { temporaryPath throws(ByteFormatError) in
            try Folder.rename(temporaryPath, to: finalPath)
        }
        return finalPath
    }

    /// The same for a body that waits, for instance for threads that make the bytes.
    public nonisolated(nonsending) static func writeNamed(
        scratchPath: String, _ body: (inout Writer) async throws -> String
    ) async throws -> String {
        let temporaryPath = scratchPath + ".tmp"
        // The writer, and with it the lock, must live until the new name is there.
        var writer = try Writer(temporaryPath: temporaryPath)
        let finalPath: String
        do {
            finalPath = Folder.parent(of: scratchPath) + "/" + (try await body(&writer))
            try writer.finish()
            try Folder.rename(temporaryPath, to: finalPath)
        } catch {
            // The first error is the one to report; a temporary file that stays is overwritten next time.
            unsafe unlink(temporaryPath)
            throw error
        }
        withExtendedLifetime(writer) {}
        return finalPath
    }

    private static func writeThenPublish(
        path: String, _ body: (inout Writer) throws -> Void,
        publish: (String) throws(ByteFormatError) -> Void
    ) throws {
        let temporaryPath = path + ".tmp"
        // The writer, and with it the lock, must live until the new name is there.
        var writer = try Writer(temporaryPath: temporaryPath)
        do {
            try body(&writer)
            try writer.finish()
            try publish(temporaryPath)
        } catch {
            // The first error is the one to report; a temporary file that stays is overwritten next time.
            unsafe unlink(temporaryPath)
            throw error
        }
        withExtendedLifetime(writer) {}
    }
}
