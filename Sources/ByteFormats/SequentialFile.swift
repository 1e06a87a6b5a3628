import Glibc

/// A file that is read once from front to end: a pipe, the standard input, or a regular file.
public struct SequentialFile: ~Copyable, Sendable {
    private let descriptor: FileDescriptor
    /// Bytes read so far.
    public private(set) var byteOffset: UInt64 = 0

    /// Opens a file; `-` is the standard input. Waits for the writer of a named pipe.
    public init(path: String) throws(ByteFormatError) {
        descriptor =
            path == "-"
            ? try FileDescriptor(duplicating: STDIN_FILENO, path: "standard input")
            : try FileDescriptor(opening: path, flags: O_RDONLY)
    }

    /// The file.
    public var path: String { descriptor.path }

    /// Whether what is at a path must be read from front to end.
    public static func isNeeded(for path: String) -> Bool {
        var status = stat()
        return unsafe path == "-" || stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    }

    /// Reads the next bytes: as many as asked for, or fewer at the end.
    public mutating func read(_ byteCount: Int) throws(ByteFormatError) -> [UInt8] {
        precondition(byteCount >= 0, "SequentialFile: \(byteCount) bytes")
        var bytes = [UInt8](repeating: 0, count: byteCount)
        var done = 0
        while done < byteCount {
            let limit = FileFault.allowedByteCount(.read, path, byteCount - done)
            // The buffer has byteCount bytes, of which `done` are filled.
            let count = unsafe bytes.withUnsafeMutableBytes { bytes in
                guard let limit else { return -1 }
                return unsafe Glibc.read(descriptor.number, bytes.baseAddress.map { unsafe $0 + done }, limit)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw FileDescriptor.systemError("cannot read", path: path, byteOffset: byteOffset)
            }
            if count == 0 { break }
            done += count
            byteOffset += UInt64(count)
        }
        bytes.removeLast(byteCount - done)
        return bytes
    }
}
