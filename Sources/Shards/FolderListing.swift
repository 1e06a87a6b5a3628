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
        signature(of: candidate) { $0 }
    }

    /// The signature it would have if everything lay in another folder, relative to the root, under the same names: by
    /// it a folder that was renamed is known without reading anything in it.
    public func signature(of candidate: FolderFile, ifIn folder: String) -> Digest {
        signature(of: candidate) { SourcePath.join(folder, SourcePath.lastComponents($0, count: 1)) }
    }

    private func signature(of candidate: FolderFile, path: (String) -> String) -> Digest {
        var hasher = DigestHasher()
        for file in [candidate] + texts {
            hasher.update(field: path(file.path))
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
        case folder([UInt8], FileIdentity)
        /// A link to a folder.
        case link([UInt8], FileIdentity)
    }

    let entries: [Entry]
    let tally: FolderTally

    /// Lists `root/folder`; both as bytes, `folder` empty for the root itself. Names that start with a dot and those
    /// that match one of `excludes`, below `base`, are left out and counted. Links to files are followed.
    init(
        root: [UInt8], folder: [UInt8], base: [UInt8] = [], excludes: [GlobPattern] = []
    ) throws(ShardError) {
        let path = FolderListing.join(root, folder)
        var groups: [[UInt8]: (candidates: [FolderFile], texts: [FolderFile])] = [:]
        var sortable: [(order: [UInt8], name: [UInt8], folder: Entry?)] = []
        var tally = FolderTally()
        let baseCount = base.isEmpty ? 0 : base.count + 1
        for name in try FolderListing.names(path) {
            if name.first == UInt8(ascii: ".") {
                if name.count > 2, name[1] == UInt8(ascii: "_") {
                    tally.appleDoubleCount += 1
                } else if name != [UInt8(ascii: ".")], name != [UInt8(ascii: "."), UInt8(ascii: ".")] {
                    tally.hiddenCount += 1
                }
                continue
            }
            let relative = FolderListing.join(folder, name)
            if excludes.contains(where: { $0.matches(relative.dropFirst(baseCount)) }) {
                tally.excludedCount += 1
                continue
            }
            switch FolderListing.status(FolderListing.join(path, name)) {
            case .folder(let identity):
                sortable.append((name + [UInt8(ascii: "/")], relative, .folder(relative, identity)))
            case .linkedFolder(let identity):
                sortable.append((name + [UInt8(ascii: "/")], relative, .link(relative, identity)))
            case .file(let facts):
                let parts = SampleKey.inFolder(relative)
                let file = FolderFile(
                    path: TextFromBytes.text(ofBytes: relative), suffix: parts.suffix, facts: facts)
                if groups[parts.key] == nil {
                    sortable.append((SampleKey.inFolder(name).key, parts.key, nil))
                }
                if file.role == .other {
                    groups[parts.key, default: ([], [])].candidates.append(file)
                } else {
                    groups[parts.key, default: ([], [])].texts.append(file)
                }
            case .skipped:
                tally.specialCount += 1
            }
        }
        sortable.sort { $0.order.lexicographicallyPrecedes($1.order) }
        entries = sortable.compactMap { item in
            if let folder = item.folder { return folder }
            guard let group = groups[item.name] else { return nil }
            let byPath = { (left: FolderFile, right: FolderFile) in
                left.path.utf8.lexicographicallyPrecedes(right.path.utf8)
            }
            return .group(
                FolderGroup(
                    key: TextFromBytes.text(ofBytes: item.name), candidates: group.candidates.sorted(by: byPath),
                    texts: group.texts.sorted(by: byPath)))
        }
        self.tally = tally
    }

    static func join(_ folder: [UInt8], _ name: [UInt8]) -> [UInt8] {
        if folder.isEmpty { return name }
        if name.isEmpty { return folder }
        return folder.last == UInt8(ascii: "/") ? folder + name : folder + [UInt8(ascii: "/")] + name
    }

    private enum Status {
        case folder(FileIdentity)
        case linkedFolder(FileIdentity)
        case file(FileFacts)
        case skipped
    }

    private static func status(_ path: [UInt8]) -> Status {
        let terminated = (path + [0]).map { CChar(bitPattern: $0) }
        var status = stat()
        guard unsafe lstat(terminated, &status) == 0 else { return .skipped }
        switch FileKind(status) {
        case .folder: return .folder(FileIdentity(status))
        case .regular: return .file(FileFacts(status))
        case .special:
            guard unsafe stat(terminated, &status) == 0 else { return .skipped }
            switch FileKind(status) {
            case .folder: return .linkedFolder(FileIdentity(status))
            case .regular: return .file(FileFacts(status))
            case .special: return .skipped
            }
        }
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
