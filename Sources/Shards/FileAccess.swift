import Glibc

/// Size and time of last change of a file, by which a changed file is noticed without reading it.
public struct FileFacts: Hashable, Sendable {
    /// Number of bytes.
    public let byteCount: Int64
    /// Time of last modification in nanoseconds since 1970.
    public let modifiedNanoseconds: Int64

    /// Facts recorded earlier.
    public init(byteCount: Int64, modifiedNanoseconds: Int64) {
        self.byteCount = byteCount
        self.modifiedNanoseconds = modifiedNanoseconds
    }

    init(_ status: stat) {
        byteCount = Int64(status.st_size)
        modifiedNanoseconds = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    }

    /// The facts of a regular file (symbolic links followed) whose path is given as text (see `TextFromBytes`); `nil`
    /// if there is none.
    public static func ofFile(atPath path: String) -> FileFacts? {
        let terminated = (TextFromBytes.bytes(ofText: path) + [0]).map { CChar(bitPattern: $0) }
        var status = stat()
        guard unsafe stat(terminated, &status) == 0, FileKind(status) == .regular else { return nil }
        return FileFacts(status)
    }
}

/// Which file or folder it is, whatever its name: device and number.
struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let number: UInt64

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
    }

    /// What a path leads to, links followed; `nil` if nothing is there.
    init?(pathBytes: [UInt8]) {
        let terminated = (pathBytes + [0]).map { CChar(bitPattern: $0) }
        var status = stat()
        guard unsafe stat(terminated, &status) == 0 else { return nil }
        self.init(status)
    }
}

/// What a path leads to, symbolic links followed.
public enum FileKind: Hashable, Sendable {
    /// An ordinary file.
    case regular
    /// A folder.
    case folder
    /// A pipe, device or socket.
    case special

    init(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: self = .regular
        case S_IFDIR: self = .folder
        default: self = .special
        }
    }

    /// What `path` leads to; `nil` if nothing is there.
    public static func ofItem(atPath path: String) -> FileKind? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return FileKind(status)
    }
}

/// The text of the current `errno`.
func systemErrorText(_ number: Int32 = errno) -> String {
    guard let text = unsafe strerror(number) else { return "error \(number)" }
    return unsafe String(cString: text)
}

/// A regular file open for reading; closed when released. Reads name their offset, so one file may be read by several
/// threads at once.
public final class ReadOnlyFile: Sendable {
    private let descriptor: Int32
    /// The path it was opened by, as text (see `TextFromBytes`).
    public let path: String
    /// Size and time at the moment of opening.
    public let facts: FileFacts

    /// Opens the file at `path`, given as text (see `TextFromBytes`). Throws `fileMissing` if nothing is there,
    /// `inputOutput` if it is not a regular file or may not be read. Pipes and devices are refused without waiting.
    public convenience init(path: String) throws(ShardError) {
        try self.init(pathBytes: TextFromBytes.bytes(ofText: path), path: path)
    }

    /// Opens a file whose path may be any bytes.
    public init(pathBytes: [UInt8], path: String) throws(ShardError) {
        self.path = path
        guard !pathBytes.contains(0) else {
            throw ShardError(.fileMissing, "A path with a NUL byte names no file.", path: path)
        }
        let terminated = (pathBytes + [0]).map { CChar(bitPattern: $0) }
        let opened = unsafe open(terminated, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard opened >= 0 else {
            let number = errno
            let isMissing = number == ENOENT || number == ENOTDIR
            throw ShardError(
                isMissing ? .fileMissing : .inputOutput,
                isMissing
                    ? "There is no file here. If its folder moved, run 'vlmpipe dataset relocate OLD NEW'."
                    : "The file cannot be opened for reading.",
                path: path, cause: systemErrorText(number))
        }
        descriptor = opened
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            let text = systemErrorText()
            _ = close(descriptor)
            throw ShardError(.inputOutput, "The file's size cannot be read.", path: path, cause: text)
        }
        facts = FileFacts(status)
        guard FileKind(status) == .regular else {
            _ = close(descriptor)
            throw ShardError(.inputOutput, "This is not a regular file; only those are read.", path: path)
        }
    }

    deinit {
        _ = close(descriptor)
    }

    /// Fills `buffer[range]` from the file at `offset`; returns the number of bytes read, less than asked only at the
    /// end of the file.
    public func read(at offset: Int64, into buffer: inout [UInt8], range: Range<Int>) throws(ShardError) -> Int {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= buffer.count && offset >= 0,
            "read(at: \(offset)) into \(range) of \(buffer.count) bytes")
        var done = 0
        while done < range.count {
            // The pointer stays inside `buffer[range]`, which is checked above, and does not leave the closure.
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe pread(
                    descriptor, bytes.baseAddress?.advanced(by: range.lowerBound + done), range.count - done,
                    off_t(offset) + off_t(done))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw ShardError(
                    .inputOutput, "The file cannot be read here; check the disk or the network mount.", path: path,
                    byteOffset: offset + Int64(done), cause: systemErrorText())
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// All bytes of `range`. Throws `fileChanged` if the file ends before.
    public func bytes(_ range: Range<Int64>) throws(ShardError) -> [UInt8] {
        guard range.lowerBound >= 0, range.upperBound <= facts.byteCount else { throw shortError(at: range.lowerBound) }
        var buffer = [UInt8](repeating: 0, count: range.count)
        guard try read(at: range.lowerBound, into: &buffer, range: 0..<buffer.count) == buffer.count else {
            throw shortError(at: range.lowerBound)
        }
        return buffer
    }

    /// Asks the system to bring `range` into memory, without waiting for it. A system that cannot be asked reads later.
    func advise(willNeed range: Range<Int64>) {
        _ = posix_fadvise(descriptor, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_WILLNEED)
    }

    private func shortError(at offset: Int64) -> ShardError {
        ShardError(
            .fileChanged, "The file is shorter than it was. Run 'vlmpipe ingest' on it again.", path: path,
            byteOffset: offset)
    }
}
