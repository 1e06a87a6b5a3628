/// How an index's codes are read.
public enum FileReading: String, Sendable, CaseIterable {
    /// Mapped into memory: the fastest, and pages are shared between processes. If another program cuts a file short
    /// while it is mapped, the system ends this process.
    case mapped
    /// With `pread`: for network drives and failing disks. Checksums are checked with every read.
    case pread
}
