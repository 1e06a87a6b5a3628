import Glibc

/// An open file, closed when it goes away. The system calls every other type of this module is made of.
struct FileDescriptor: ~Copyable, Sendable {
    let number: Int32
    let path: String

    init(opening path: String, flags: Int32, mode: mode_t = 0o666) throws(ByteFormatError) {
        var number: Int32
        repeat {
            number = FileFault.prevents(.open, path) ? -1 : unsafe Glibc.open(path, flags | O_CLOEXEC, mode)
        } while number < 0 && errno == EINTR
        guard number >= 0 else { throw FileDescriptor.systemError("cannot open", path: path) }
        self.number = number
        self.path = path
    }

    /// Opens a file for reading. What is no regular file is opened without waiting (for the writer of a pipe), so that
    /// `regularFileByteCount` can refuse it.
    init(reading path: String) throws(ByteFormatError) {
        try self.init(opening: path, flags: O_RDONLY | O_NONBLOCK)
    }

    /// Another descriptor of an open file, such as the standard input.
    init(duplicating other: Int32, path: String) throws(ByteFormatError) {
        number = fcntl(other, F_DUPFD_CLOEXEC, 0)
        self.path = path
        guard number >= 0 else { throw FileDescriptor.systemError("cannot open", path: path) }
    }

    deinit { Glibc.close(number) }

    static func systemError(_ action: String, path: String, byteOffset: UInt64? = nil) -> ByteFormatError {
        let number = errno
        let reason = unsafe String(cString: strerror(number))
        let remedy =
            switch number {
            case ENOENT: "check the path"
            case EACCES, EPERM, EROFS: "check the permissions of the file and its folder"
            case ENOSPC, EDQUOT: "free some space and run again"
            case EMFILE, ENFILE: "raise the limit of open files (ulimit -n)"
            case EIO: "the disk reported a fault: check it, or copy the file elsewhere"
            default: "check that the file and its folder can be used and run again"
            }
        return ByteFormatError(
            number == ENOENT ? .notFound : .inputOutput, "\(action): \(reason); \(remedy)", path: path,
            byteOffset: byteOffset, systemErrorNumber: number)
    }

    /// Size and kind; refuses everything but regular files.
    func regularFileByteCount() throws(ByteFormatError) -> Int {
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else {
            throw FileDescriptor.systemError("cannot stat", path: path)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ByteFormatError(.unsupported, "this is not a regular file; name a file", path: path)
        }
        return Int(status.st_size)
    }

    /// Writes all bytes at the current position.
    func write(_ bytes: UnsafeRawBufferPointer) throws(ByteFormatError) {
        var done = 0
        while done < bytes.count {
            let limit = FileFault.allowedByteCount(.write, path, bytes.count - done)
            let count =
                limit.map {
                    unsafe Glibc.write(number, UnsafeRawBufferPointer(rebasing: bytes[done...]).baseAddress, $0)
                } ?? -1
            if count < 0 {
                if errno == EINTR { continue }
                throw FileDescriptor.systemError("cannot write", path: path)
            }
            done += count
        }
    }

    /// Fills `destination` from `byteOffset`; a file that ends earlier is an error.
    func read(into destination: UnsafeMutableRawBufferPointer, byteOffset: UInt64) throws(ByteFormatError) {
        var done = 0
        while done < destination.count {
            let limit = FileFault.allowedByteCount(.read, path, destination.count - done)
            let count =
                limit.map {
                    unsafe pread(
                        number, UnsafeMutableRawBufferPointer(rebasing: destination[done...]).baseAddress, $0,
                        off_t(byteOffset) + off_t(done))
                } ?? -1
            if count < 0 {
                if errno == EINTR { continue }
                throw FileDescriptor.systemError("cannot read", path: path, byteOffset: byteOffset)
            }
            guard count > 0 else {
                throw ByteFormatError(
                    .truncated, "the file ends \(destination.count - done) bytes early; make it again", path: path,
                    byteOffset: byteOffset + UInt64(done))
            }
            done += count
        }
    }

    func synchronize() throws(ByteFormatError) {
        FileStep.announce(.flush, path)
        while FileFault.prevents(.flush, path) || fsync(number) != 0 {
            if errno == EINTR { continue }
            throw FileDescriptor.systemError("cannot flush to disk", path: path)
        }
    }

    func truncate(to byteCount: Int) throws(ByteFormatError) {
        FileStep.announce(.truncate, path)
        while FileFault.prevents(.truncate, path) || ftruncate(number, off_t(byteCount)) != 0 {
            if errno == EINTR { continue }
            throw FileDescriptor.systemError("cannot cut", path: path)
        }
    }
}
