import Glibc

/// An open file read at any offset with `pread`: any number of threads may read at once, and a file that is cut short
/// or a disk that fails gives an error rather than a crash.
public struct RandomAccessFile: ~Copyable, Sendable {
    private let descriptor: FileDescriptor
    /// Size of the file when it was opened.
    public let byteCount: Int

    /// Opens the regular file at `path`.
    public init(path: String) throws(ByteFormatError) {
        let opened = try FileDescriptor(reading: path)
        byteCount = try opened.regularFileByteCount()
        descriptor = opened
    }

    /// The file.
    public var path: String { descriptor.path }

    /// Reads exactly `byteCount` bytes from `byteOffset`; allocates only after checking against the file's size.
    public func read(byteOffset: UInt64, byteCount: Int) throws(ByteFormatError) -> [UInt8] {
        var bytes: [UInt8] = []
        try read(byteOffset: byteOffset, byteCount: byteCount, into: &bytes)
        return bytes
    }

    /// Like `read(byteOffset:byteCount:)`, reusing the storage of `bytes`, whose content is replaced.
    public func read(byteOffset: UInt64, byteCount: Int, into bytes: inout [UInt8]) throws(ByteFormatError) {
        guard byteCount >= 0, byteOffset <= UInt64(self.byteCount),
            UInt64(byteCount) <= UInt64(self.byteCount) - byteOffset
        else {
            throw ByteFormatError(
                .truncated,
                "\(byteCount) bytes are needed here, the file has \(self.byteCount); make the file again",
                path: path, byteOffset: byteOffset)
        }
        if bytes.count > byteCount {
            bytes.removeLast(bytes.count - byteCount)
        } else if bytes.count < byteCount {
            bytes.append(contentsOf: repeatElement(0, count: byteCount - bytes.count))
        }
        let result = unsafe bytes.withUnsafeMutableBytes { buffer -> Result<Void, ByteFormatError> in
            do throws(ByteFormatError) {
                unsafe try descriptor.read(into: buffer, byteOffset: byteOffset)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }
}
