import Glibc

/// A file that only grows at its end, with an explicit durable flush, locked against a second writer.
///
/// Bytes appended are visible to readers at once and survive a crash of this process; `synchronize` makes them survive
/// a power loss. The lock (`flock`) lasts as long as the value.
public struct AppendFile: ~Copyable, Sendable {
    private let descriptor: FileDescriptor
    /// Size of the file.
    public private(set) var byteCount: Int

    /// Opens the file at `path`, or makes it. Code `busy` if another process has it open for appending.
    public init(path: String) throws(ByteFormatError) {
        FileStep.announce(.create, path)
        let opened = try FileDescriptor(opening: path, flags: O_RDWR | O_CREAT)
        try FileLock.take(opened.number, path: path)
        let byteCount = try opened.regularFileByteCount()
        guard lseek(opened.number, 0, SEEK_END) >= 0 else {
            throw FileDescriptor.systemError("cannot seek", path: path)
        }
        self.byteCount = byteCount
        descriptor = opened
    }

    /// The file.
    public var path: String { descriptor.path }

    /// Appends bytes. After an error the file may hold a part of them: cut it back before going on.
    public mutating func append(_ bytes: RawSpan) throws(ByteFormatError) {
        FileStep.announce(.write, path)
        try descriptor.write(span: bytes)
        byteCount += bytes.byteCount
    }

    /// Appends bytes.
    public mutating func append(_ bytes: [UInt8]) throws(ByteFormatError) {
        unsafe try append(bytes.span.bytes)
    }

    /// Cuts the file back to `byteCount` bytes, at most what it has.
    public mutating func truncate(to byteCount: Int) throws(ByteFormatError) {
        precondition(byteCount >= 0 && byteCount <= self.byteCount, "truncate(to: \(byteCount)) of \(self.byteCount)")
        try descriptor.truncate(to: byteCount)
        guard lseek(descriptor.number, off_t(byteCount), SEEK_SET) >= 0 else {
            throw FileDescriptor.systemError("cannot seek", path: path)
        }
        self.byteCount = byteCount
    }

    /// Reads a run of bytes already in the file.
    public func read(byteOffset: Int, byteCount: Int) throws(ByteFormatError) -> [UInt8] {
        guard byteOffset >= 0, byteCount >= 0, byteCount <= self.byteCount - byteOffset else {
            throw ByteFormatError(
                .truncated, "\(byteCount) bytes are needed here, the file has \(self.byteCount)", path: path,
                byteOffset: UInt64(max(0, byteOffset)))
        }
        var bytes = [UInt8](repeating: 0, count: byteCount)
        let result = unsafe bytes.withUnsafeMutableBytes { buffer -> Result<Void, ByteFormatError> in
            do throws(ByteFormatError) {
                unsafe try descriptor.read(into: buffer, byteOffset: UInt64(byteOffset))
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
        return bytes
    }

    /// Returns when everything appended is on the disk.
    public func synchronize() throws(ByteFormatError) {
        try descriptor.synchronize()
    }
}

extension FileDescriptor {
    /// Writes all bytes of a span at the current position.
    func write(span: RawSpan) throws(ByteFormatError) {
        let result = unsafe span.withUnsafeBytes { buffer -> Result<Void, ByteFormatError> in
            do throws(ByteFormatError) {
                unsafe try write(buffer)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }
}
