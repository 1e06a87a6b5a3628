/// A run of bytes in a file: for plain tars and files, offsets in the file itself.
public struct ByteRange: Hashable, Sendable, Codable {
    /// Offset of the first byte, from 0.
    public let offset: Int64
    /// Number of bytes.
    public let byteCount: Int64

    /// A run of bytes. Traps if either number is negative or their sum overflows: check what a file says first with
    /// `init(checkedOffset:byteCount:)`.
    public init(offset: Int64, byteCount: Int64) {
        precondition(
            offset >= 0 && byteCount >= 0 && !offset.addingReportingOverflow(byteCount).overflow,
            "ByteRange(offset: \(offset), byteCount: \(byteCount)) is not a range of a file")
        self.offset = offset
        self.byteCount = byteCount
    }

    /// A run of bytes as named by untrusted data; `nil` if either number is negative or their sum overflows.
    public init?(checkedOffset offset: Int64, byteCount: Int64) {
        guard offset >= 0, byteCount >= 0, !offset.addingReportingOverflow(byteCount).overflow else { return nil }
        self.offset = offset
        self.byteCount = byteCount
    }

    /// Offset of the byte after the last one.
    public var end: Int64 { offset + byteCount }
}
