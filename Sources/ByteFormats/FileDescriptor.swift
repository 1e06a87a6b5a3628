import Glibc

/// An open file, closed when it goes away. The system calls every other type of this module is made of.
struct FileDescriptor: ~Copyable, Sendable {
    let number: Int32
    let path: String

    init(opening path: String, flags: Int32, mode: mode_t = 0o666) throws(ByteFormatError) {
        var number: Int32
        repeat { number = unsafe Glibc.open(path, flags | O_CLOEXEC, mode) } while number < 0 && errno == EINTR
        guard number >= 0 else { throw FileDescriptor.systemError("cannot open", path: path) }
        self.number = number
        self.path = path
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
            let count = unsafe Glibc.write(
                number, UnsafeRawBufferPointer(rebasing: bytes[done...]).baseAddress, bytes.count - done)
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
            let count = unsafe pread(
                number, UnsafeMutableRawBufferPointer(rebasing: destination[done...]).baseAddress,
                destination.count - done, off_t(byteOffset) + off_t(done))
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
        while fsync(number) != 0 {
            if errno == EINTR { continue }
            throw FileDescriptor.systemError("cannot flush to disk", path: path)
        }
    }

    func truncate(to byteCount: Int) throws(ByteFormatError) {
        FileStep.announce(.truncate, path)
        while ftruncate(number, off_t(byteCount)) != 0 {
            if errno == EINTR { continue }
            throw FileDescriptor.systemError("cannot cut", path: path)
        }
    }
}

/// Operations on names in folders that are durable when they return.
public enum Folder {
    /// The folder part of a path: everything before the last slash, `.` if there is none.
    public static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        let head = path[..<slash]
        return head.isEmpty ? "/" : String(head)
    }

    /// Makes a folder and all missing ones above it; one that exists is fine.
    public static func create(_ path: String) throws(ByteFormatError) {
        if unsafe mkdir(path, 0o777) == 0 {
            try synchronize(parent(of: path))
            return
        }
        if errno == ENOENT, parent(of: path) != path {
            try create(parent(of: path))
            if unsafe mkdir(path, 0o777) == 0 {
                try synchronize(parent(of: path))
                return
            }
        }
        let number = errno
        var status = stat()
        guard number == EEXIST, unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            errno = number
            throw FileDescriptor.systemError("cannot make the folder", path: path)
        }
    }

    /// Flushes the names in a folder, so that a rename or removal in it survives a power loss.
    public static func synchronize(_ path: String) throws(ByteFormatError) {
        let folder = try FileDescriptor(opening: path, flags: O_RDONLY | O_DIRECTORY)
        FileStep.announce(.flushFolder, path)
        while fsync(folder.number) != 0 {
            if errno == EINTR { continue }
            // Some file systems cannot flush folders and say so; there is nothing more to do on them.
            if errno == EINVAL || errno == ENOTSUP { return }
            throw FileDescriptor.systemError("cannot flush the folder", path: path)
        }
    }

    /// The names in a folder, sorted by their bytes, without `.` and `..`.
    public static func names(in path: String) throws(ByteFormatError) -> [String] {
        guard let handle = unsafe opendir(path) else { throw FileDescriptor.systemError("cannot list", path: path) }
        defer { unsafe closedir(handle) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(handle) else { break }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
                unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw FileDescriptor.systemError("cannot list", path: path) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Removes a file; one that is not there is fine. Not durable before `synchronize` of the folder.
    public static func removeFile(_ path: String) throws(ByteFormatError) {
        FileStep.announce(.remove, path)
        if unsafe unlink(path) != 0, errno != ENOENT {
            throw FileDescriptor.systemError("cannot remove", path: path)
        }
    }

    /// Renames a file, replacing what has the new name, and flushes the folder.
    public static func rename(_ path: String, to newPath: String) throws(ByteFormatError) {
        FileStep.announce(.rename, newPath)
        guard unsafe Glibc.rename(path, newPath) == 0 else {
            throw FileDescriptor.systemError("cannot rename to \(newPath)", path: path)
        }
        try synchronize(parent(of: newPath))
    }

    /// Gives a file a second name that must not exist yet (code `busy` if it does), and flushes the folder.
    public static func link(_ path: String, to newPath: String) throws(ByteFormatError) {
        FileStep.announce(.link, newPath)
        guard unsafe Glibc.link(path, newPath) == 0 else {
            if errno == EEXIST {
                throw ByteFormatError(.busy, "another writer made this file first; run again", path: newPath)
            }
            throw FileDescriptor.systemError("cannot link to \(newPath)", path: path)
        }
        try synchronize(parent(of: newPath))
    }

    /// Whether a file or folder has this name.
    public static func exists(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0
    }

    /// Size in bytes of the regular file at `path`.
    public static func byteCount(ofFile path: String) throws(ByteFormatError) -> Int {
        try FileDescriptor(opening: path, flags: O_RDONLY).regularFileByteCount()
    }
}

/// A change to the file system that is about to happen, for tests that stop a writer between any two of them.
public struct FileStep: Sendable {
    /// What is about to happen.
    public enum Action: String, Sendable {
        case create, write, flush, truncate, rename, link, remove, flushFolder
    }

    /// What is about to happen.
    public let action: Action
    /// The file or folder it happens to.
    public let path: String

    /// Called before every step made in the current task; by default nobody is. A test copies the folder here to get
    /// exactly the state a process killed at this moment leaves behind.
    @TaskLocal public static var observer: (@Sendable (FileStep) -> Void)?

    static func announce(_ action: Action, _ path: String) {
        observer?(FileStep(action: action, path: path))
    }
}
