/// Walks a folder and all folders in it, in the byte order of paths; memory is that of the largest listings on the way
/// down, and sixteen bytes for each folder.
///
/// Names that start with a dot are left out, and with them workspaces. Links to folders are entered after everything
/// else, in the order of their paths, unless what they lead to was walked already: so every folder is walked once, under
/// its own name if it has one below the root, and no loop can form. A subfolder that cannot be listed is reported and
/// passed over.
public struct FolderWalker: ~Copyable {
    /// What a step of the walk found.
    public enum Step: Sendable {
        /// Files that share a key.
        case group(FolderGroup)
        /// A folder, relative to the root, that could not be listed or is too deep, and why.
        case failure(folder: String, ShardError)
    }

    private let root: [UInt8]
    private let base: [UInt8]
    private let limits: ShardLimits
    private let excludes: [GlobPattern]
    private var stack: [ArraySlice<FolderListing.Entry>]
    private var walked: Set<FileIdentity> = []
    /// Whether `takeEntered` is used.
    var remembersFolders = false
    private var entered: [[UInt8]] = []
    private var links: [(path: [UInt8], identity: FileIdentity)] = []
    /// What was passed over so far.
    public private(set) var tally: FolderTally

    /// Starts a walk of `folder`, a path relative to `rootPath` as text; empty for the root itself. Throws if it cannot
    /// be listed.
    ///
    /// - Parameter excludes: patterns of paths relative to `folder`; a folder that matches one is not entered.
    public init(
        rootPath: String, folder: String, excludes: [GlobPattern] = [], limits: ShardLimits = ShardLimits()
    ) throws(ShardError) {
        root = TextFromBytes.bytes(ofText: rootPath)
        base = TextFromBytes.bytes(ofText: folder)
        self.limits = limits
        self.excludes = excludes
        let listing = try FolderListing(root: root, folder: base, base: base, excludes: excludes)
        stack = [listing.entries[...]]
        tally = listing.tally
        if let identity = FileIdentity(pathBytes: FolderListing.join(root, base)) { walked.insert(identity) }
    }

    /// The next group or failure; `nil` at the end.
    public mutating func next() -> Step? {
        while let entry = nextEntry() {
            switch entry {
            case .group(let group):
                return .group(group)
            case .link(let path, let identity):
                links.append((path, identity))
            case .folder(let folder, let identity):
                // A folder may be mounted in two places.
                guard walked.insert(identity).inserted else {
                    tally.repeatedLinkCount += 1
                    continue
                }
                if let failure = enter(folder) { return failure }
            }
        }
        return nil
    }

    /// The folders entered since the last call, relative to the root; the first folder is not among them.
    mutating func takeEntered() -> [[UInt8]] {
        defer { entered = [] }
        return entered
    }

    private mutating func enter(_ folder: [UInt8]) -> Step? {
        let text = TextFromBytes.text(ofBytes: folder)
        guard stack.count < limits.maximumFolderDepth else {
            return .failure(
                folder: text,
                ShardError(
                    .folderTooDeep,
                    "Folders nested deeper than \(limits.maximumFolderDepth) are not entered; name it as a source.",
                    path: text))
        }
        do throws(ShardError) {
            let listing = try FolderListing(root: root, folder: folder, base: base, excludes: excludes)
            stack.append(listing.entries[...])
            tally += listing.tally
            if remembersFolders { entered.append(folder) }
            return nil
        } catch {
            return .failure(folder: text, error)
        }
    }

    private mutating func nextEntry() -> FolderListing.Entry? {
        while true {
            while let last = stack.indices.last {
                if let entry = stack[last].popFirst() { return entry }
                stack.removeLast()
            }
            guard let link = nextLink() else { return nil }
            return .folder(link.path, link.identity)
        }
    }

    /// The first link, by its path, to a folder that was not walked.
    private mutating func nextLink() -> (path: [UInt8], identity: FileIdentity)? {
        links.sort { $1.path.lexicographicallyPrecedes($0.path) }
        while let link = links.popLast() {
            guard walked.contains(link.identity) || isAbove(link) else { return link }
            if isAbove(link) {
                tally.addLoop(TextFromBytes.text(ofBytes: link.path))
            } else {
                tally.repeatedLinkCount += 1
            }
        }
        return nil
    }

    /// Whether a link leads to a folder that it lies in, or to one above the root.
    private func isAbove(_ link: (path: [UInt8], identity: FileIdentity)) -> Bool {
        var path = FolderListing.join(root, link.path)
        while let slash = path.lastIndex(of: UInt8(ascii: "/")) {
            path.removeSubrange(slash...)
            if FileIdentity(pathBytes: path.isEmpty ? [UInt8(ascii: "/")] : path) == link.identity { return true }
        }
        return false
    }
}
