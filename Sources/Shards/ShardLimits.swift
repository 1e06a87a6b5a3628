/// Caps on what a shard may ask for, checked before anything is allocated.
public struct ShardLimits: Hashable, Sendable {
    /// Largest image member in bytes, 256 MiB by default; a larger one is quarantined unread.
    public var maximumImageByteCount: Int64 = 256 << 20
    /// Largest caption or JSON member in bytes, 1 MiB by default.
    public var maximumTextByteCount: Int64 = 1 << 20
    /// Longest path of a member in bytes, 4,096 by default.
    public var maximumPathByteCount = 4096
    /// Largest body of one extended header (PAX records, GNU long name), 1 MiB by default.
    public var maximumExtendedHeaderByteCount: Int64 = 1 << 20
    /// Most extended headers before one member, 16 by default.
    public var maximumExtendedHeaderCount = 16
    /// Most members of one sample, 64 by default; further ones are counted to a new sample of the same key.
    public var maximumMemberCount = 64
    /// Deepest nesting of folders, 64 by default.
    public var maximumFolderDepth = 64

    /// The defaults.
    public init() {}
}
