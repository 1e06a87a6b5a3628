/// What a walk passed over, to be counted in the summary.
public struct FolderTally: Hashable, Sendable {
    /// Files and folders whose name starts with a dot, `._*` files apart.
    public var hiddenCount = 0
    /// `._*` files, in which macOS keeps what other file systems have no place for.
    public var appleDoubleCount = 0
    /// Files and folders that match a pattern to exclude.
    public var excludedCount = 0
    /// Pipes, devices, sockets, broken links and what vanished while it was looked at.
    public var specialCount = 0
    /// Links to folders that were walked already.
    public var repeatedLinkCount = 0
    /// Links to a folder they lie in.
    public var loopCount = 0
    /// The first few of those links, relative to the root, as text.
    public var loops: [String] = []

    /// Most loops that are named.
    static let maximumNamedLoopCount = 5

    /// Nothing passed over.
    public init() {}

    mutating func addLoop(_ path: String) {
        loopCount += 1
        if loops.count < FolderTally.maximumNamedLoopCount { loops.append(path) }
    }

    /// Adds the counts of another walk.
    public static func += (left: inout FolderTally, right: FolderTally) {
        left.hiddenCount += right.hiddenCount
        left.appleDoubleCount += right.appleDoubleCount
        left.excludedCount += right.excludedCount
        left.specialCount += right.specialCount
        left.repeatedLinkCount += right.repeatedLinkCount
        left.loopCount += right.loopCount
        left.loops = Array((left.loops + right.loops).prefix(maximumNamedLoopCount))
    }
}
