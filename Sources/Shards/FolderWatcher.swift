import Glibc

/// Tells that something below folders has changed (Linux: inotify(7)).
///
///     var watcher = try FolderWatcher()
///     try watcher.watch(folder: "/data/photos", excludes: [])
///     while try !watcher.wait(milliseconds: 500) {}
///
/// Files count that are made, written and closed, moved or removed under names that a walk would look at; a file still
/// open for writing does not count before it is closed. Folders that come later are watched once `watch` is called again.
public struct FolderWatcher: ~Copyable {
    private let descriptor: Int32

    private static let events = UInt32(
        IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF)

    /// A watcher of nothing. Throws `inputOutput` if the system has no more of them.
    public init() throws(ShardError) {
        descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else {
            throw ShardError(
                .inputOutput, "The system has no more watchers; raise fs.inotify.max_user_instances with sysctl.",
                path: nil, cause: systemErrorText())
        }
    }

    deinit {
        _ = close(descriptor)
    }

    /// Watches a folder and all folders in it that a walk enters. Calling it again adds those that are new.
    ///
    /// Throws `sourceMissing` if there is no such folder, `inputOutput` if more folders are watched than the system
    /// allows; the message names the setting. A folder below it that is gone or cannot be listed is passed over.
    ///
    /// Returns how many folders are watched, `path` included.
    @discardableResult
    public mutating func watch(
        folder path: String, excludes: [GlobPattern] = [], limits: ShardLimits = ShardLimits()
    ) throws(ShardError) -> Int {
        let root = TextFromBytes.bytes(ofText: path)
        // Watched before it is listed: what comes in between is then seen twice rather than never.
        guard try add(root) else { throw ShardError(.sourceMissing, "There is no such folder.", path: path) }
        var count = 1
        var walker = try FolderWalker(rootPath: path, folder: "", excludes: excludes, limits: limits)
        walker.remembersFolders = true
        while walker.next() != nil {
            for folder in walker.takeEntered() where try add(FolderListing.join(root, folder)) { count += 1 }
        }
        for folder in walker.takeEntered() where try add(FolderListing.join(root, folder)) { count += 1 }
        return count
    }

    /// Watches the folder that a file lies in, which is how the file's replacement is seen.
    public mutating func watch(fileAt path: String) throws(ShardError) {
        guard try add(TextFromBytes.bytes(ofText: SourcePath.parent(path))) else {
            throw ShardError(.sourceMissing, "The folder of this file is gone.", path: path)
        }
    }

    /// Waits until something has changed, at most so long, and forgets it. Returns whether something has.
    public mutating func wait(milliseconds: Int) throws(ShardError) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        // Interrupted by a signal: the caller sees to it.
        guard unsafe poll(&request, 1, Int32(clamping: milliseconds)) > 0 else { return false }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var hasChanged = false
        while true {
            let count = unsafe read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return hasChanged }
            guard count > 0 else {
                throw ShardError(.inputOutput, "Changes cannot be read.", path: nil, cause: systemErrorText())
            }
            if FolderWatcher.concernsWalks(buffer[..<count]) { hasChanged = true }
        }
    }

    /// Whether one of the records is of something that is not hidden.
    ///
    /// A record is `wd mask cookie length`, each 4 bytes, and the name in `length` bytes with zeros behind it.
    static func concernsWalks(_ records: ArraySlice<UInt8>) -> Bool {
        var rest = records
        while rest.count >= 16 {
            let length = rest.dropFirst(12).prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            let name = rest.dropFirst(16).prefix(length).prefix { $0 != 0 }
            // No name: the folder itself, or more changes than the system keeps.
            if name.first != UInt8(ascii: ".") { return true }
            rest = rest.dropFirst(16 + length)
        }
        return false
    }

    /// Watches one folder; false if it is not there or may not be read.
    private func add(_ path: [UInt8]) throws(ShardError) -> Bool {
        let terminated = (path + [0]).map { CChar(bitPattern: $0) }
        let mask = FolderWatcher.events | UInt32(IN_ONLYDIR) | UInt32(IN_EXCL_UNLINK)
        guard unsafe inotify_add_watch(descriptor, terminated, mask) < 0 else { return true }
        guard errno == ENOSPC || errno == ENOMEM else { return false }
        throw ShardError(
            .inputOutput,
            "More folders than the system lets a user watch; allow more with 'sysctl fs.inotify.max_user_watches=1000000'.",
            path: TextFromBytes.text(ofBytes: path), cause: systemErrorText())
    }
}
