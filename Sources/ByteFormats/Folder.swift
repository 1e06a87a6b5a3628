import Glibc

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
        if unsafe !FileFault.prevents(.makeFolder, path) && mkdir(path, 0o777) == 0 {
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
        while FileFault.prevents(.flush, path) || fsync(folder.number) != 0 {
            if errno == EINTR { continue }
            // Some file systems cannot flush folders and say so; there is nothing more to do on them.
            if errno == EINVAL || errno == ENOTSUP { return }
            throw FileDescriptor.systemError("cannot flush the folder", path: path)
        }
    }

    /// The names in a folder, sorted by their bytes, without `.` and `..`.
    public static func names(in path: String) throws(ByteFormatError) -> [String] {
        guard !FileFault.prevents(.list, path), let handle = unsafe opendir(path) else {
            throw FileDescriptor.systemError("cannot list", path: path)
        }
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
        if unsafe FileFault.prevents(.remove, path) || unlink(path) != 0, errno != ENOENT {
            throw FileDescriptor.systemError("cannot remove", path: path)
        }
    }

    /// Renames a file, replacing what has the new name, and flushes the folder.
    public static func rename(_ path: String, to newPath: String) throws(ByteFormatError) {
        FileStep.announce(.rename, newPath)
        guard unsafe !FileFault.prevents(.rename, newPath) && Glibc.rename(path, newPath) == 0 else {
            throw FileDescriptor.systemError("cannot rename to \(newPath)", path: path)
        }
        try synchronize(parent(of: newPath))
    }

    /// Gives a file a second name that must not exist yet (code `busy` if it does), and flushes the folder.
    public static func link(_ path: String, to newPath: String) throws(ByteFormatError) {
        FileStep.announce(.link, newPath)
        guard unsafe !FileFault.prevents(.link, newPath) && Glibc.link(path, newPath) == 0 else {
            if errno == EEXIST {
                throw ByteFormatError(.busy, "another writer made this file first; run again", path: newPath)
            }
            throw FileDescriptor.systemError("cannot link to \(newPath)", path: path)
        }
        try synchronize(parent(of: newPath))
    }

    /// Error numbers of `link` that say that it cannot be done here, so that a copy must do: the other name is on another
    /// file system, or the file system knows no links.
    public static let linkRefusals: Set<Int32> = [EXDEV, EPERM, EMLINK, EOPNOTSUPP, ENOSYS]

    /// Whether a file or folder has this name.
    public static func exists(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0
    }

    /// When a file was last written, in seconds since 1970.
    public static func modificationTime(ofFile path: String) throws(ByteFormatError) -> Double {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw FileDescriptor.systemError("cannot stat", path: path) }
        return Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) * 1e-9
    }

    /// Size in bytes of the regular file at `path`.
    public static func byteCount(ofFile path: String) throws(ByteFormatError) -> Int {
        try FileDescriptor(reading: path).regularFileByteCount()
    }
}
