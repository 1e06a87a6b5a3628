import Glibc
import Samples

/// A file in a folder with what the sample grammar needs to know about it.
public struct FolderFile: Hashable, Sendable {
    /// Path relative to the root the walk started from, as text (see `TextFromBytes`).
    public let path: String
    /// Last extension in lower-case bytes.
    let suffix: [UInt8]
    /// Size and time of last change.
    public let facts: FileFacts

    var role: MemberRole { MemberRole(suffix: suffix) }
}

/// The files of one folder that share their name up to the last extension, sorted by name.
public struct FolderGroup: Hashable, Sendable {
    /// The shared part, relative to the root, as text.
    public let key: String
    /// Files that are not captions or JSON by their name: images, tars, anything.
    public let candidates: [FolderFile]
    /// `txt`, `caption` and `json` files.
    public let texts: [FolderFile]

    /// A digest over names, sizes and times of a candidate and the texts beside it: if it is the same, nothing changed.
    public func signature(of candidate: FolderFile) -> Digest {
        var hasher = DigestHasher()
        for file in [candidate] + texts {
            hasher.update(field: file.path)
            hasher.update(number: UInt64(bitPattern: file.facts.byteCount))
            hasher.update(number: UInt64(bitPattern: file.facts.modifiedNanoseconds))
        }
        return hasher.finalize()
    }
}

/// The content of one folder, sorted: groups of files and subfolders in the byte order of their names.
struct FolderListing: Sendable {
    enum Entry: Sendable {
        case group(FolderGroup)
        case folder([UInt8])
    }

    let entries: [Entry]
    /// Pipes, devices, sockets, broken links and links to folders, which are not read.
    let skippedCount: Int

    /// Lists `root/folder`; both as bytes, `folder` empty for the root itself. Names that start with a dot are left
    /// out. Links to files are followed, links to folders are not, so that no loop can form.
    init(root: [UInt8], folder: [UInt8]) throws(ShardError) {
        let path = FolderListing.join(root, folder)
        var groups: [[UInt8]: (candidates: [FolderFile], texts: [FolderFile])] = [:]
        var sortable: [(order: [UInt8], name: [UInt8], isFolder: Bool)] = []
        var skipped = 0
        for name in try FolderListing.names(path) where name.first != UInt8(ascii: ".") {
            let relative = FolderListing.join(folder, name)
            switch FolderListing.status(FolderListing.join(path, name)) {
            case .folder:
                sortable.append((name + [UInt8(ascii: "/")], relative, true))
            case .file(let facts):
                let parts = SampleKey.inFolder(relative)
                let file = FolderFile(
                    path: TextFromBytes.text(ofBytes: relative), suffix: parts.suffix, facts: facts)
                if groups[parts.key] == nil {
                    sortable.append((SampleKey.inFolder(name).key, parts.key, false))
                }
                if file.role == .other {
                    groups[parts.key, default: ([], [])].candidates.append(file)
                } else {
                    groups[parts.key, default: ([], [])].texts.append(file)
                }
            case .skipped:
                skipped += 1
            }
        }
        sortable.sort { $0.order.lexicographicallyPrecedes($1.order) }
        entries = sortable.map { item in
            guard !item.isFolder, let group = groups[item.name] else { return .folder(item.name) }
            let byPath = { (left: FolderFile, right: FolderFile) in
                left.path.utf8.lexicographicallyPrecedes(right.path.utf8)
            }
            return .group(
                FolderGroup(
                    key: TextFromBytes.text(ofBytes: item.name), candidates: group.candidates.sorted(by: byPath),
                    texts: group.texts.sorted(by: byPath)))
        }
        skippedCount = skipped
    }

    static func join(_ folder: [UInt8], _ name: [UInt8]) -> [UInt8] {
        if folder.isEmpty { return name }
        if name.isEmpty { return folder }
        return folder.last == UInt8(ascii: "/") ? folder + name : folder + [UInt8(ascii: "/")] + name
    }

    private enum Status {
        case folder
        case file(FileFacts)
        case skipped
    }

    private static func status(_ path: [UInt8]) -> Status {
        let terminated = (path + [0]).map { CChar(bitPattern: $0) }
        var status = stat()
        guard unsafe lstat(terminated, &status) == 0 else { return .skipped }
        if FileKind(status) == .folder { return .folder }
        guard unsafe stat(terminated, &status) == 0, FileKind(status) == .regular else { return .skipped }
        return .file(FileFacts(status))
    }

    private static func names(_ path: [UInt8]) throws(ShardError) -> [[UInt8]] {
        let terminated = (path + [0]).map { CChar(bitPattern: $0) }
        guard let folder = unsafe opendir(terminated) else {
            throw ShardError(
                .inputOutput, "The folder cannot be listed; check its permissions.",
                path: TextFromBytes.text(ofBytes: path), cause: systemErrorText())
        }
        defer { unsafe _ = closedir(folder) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(folder) else { break }
            // `d_name` ends with NUL inside its fixed field; the entry lives until the next call of readdir.
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { field in
                unsafe Array(field.prefix { $0 != 0 })
            }
            names.append(name)
        }
        guard errno == 0 else {
            throw ShardError(
                .inputOutput, "The folder cannot be listed to its end; check the disk or the network mount.",
                path: TextFromBytes.text(ofBytes: path), cause: systemErrorText())
        }
        return names
    }
}

/// Walks a folder and all folders in it, in the byte order of paths; memory is that of the largest listings on the way
/// down.
///
/// Names that start with a dot are left out, and with them workspaces. A subfolder that cannot be listed is reported
/// and passed over.
public struct FolderWalker: ~Copyable {
    /// What a step of the walk found.
    public enum Step: Sendable {
        /// Files that share a key.
        case group(FolderGroup)
        /// A folder that could not be listed or is too deep.
        case failure(ShardError)
    }

    private let root: [UInt8]
    private let limits: ShardLimits
    private var stack: [ArraySlice<FolderListing.Entry>]
    /// Pipes, devices, broken links and links to folders passed over so far.
    public private(set) var skippedCount: Int

    /// Starts a walk of `folder`, a path relative to `rootPath` as text; empty for the root itself. Throws if it cannot
    /// be listed.
    public init(rootPath: String, folder: String, limits: ShardLimits = ShardLimits()) throws(ShardError) {
        root = TextFromBytes.bytes(ofText: rootPath)
        self.limits = limits
        let listing = try FolderListing(root: root, folder: TextFromBytes.bytes(ofText: folder))
        stack = [listing.entries[...]]
        skippedCount = listing.skippedCount
    }

    /// The next group or failure; `nil` at the end.
    public mutating func next() -> Step? {
        while let entry = nextEntry() {
            switch entry {
            case .group(let group):
                return .group(group)
            case .folder(let folder):
                guard stack.count < limits.maximumFolderDepth else {
                    return .failure(
                        ShardError(
                            .folderTooDeep,
                            "Folders nested deeper than \(limits.maximumFolderDepth) are not entered; name it as a source.",
                            path: TextFromBytes.text(ofBytes: folder)))
                }
                do throws(ShardError) {
                    let listing = try FolderListing(root: root, folder: folder)
                    stack.append(listing.entries[...])
                    skippedCount += listing.skippedCount
                } catch {
                    return .failure(error)
                }
            }
        }
        return nil
    }

    private mutating func nextEntry() -> FolderListing.Entry? {
        while let last = stack.indices.last {
            if let entry = stack[last].popFirst() { return entry }
            stack.removeLast()
        }
        return nil
    }
}
