/// Reads from a file in memory that answer `nil` or `false` instead of trapping when they reach outside it.
extension Span<UInt8> {
    func byte(at offset: Int) -> Int? {
        offset >= 0 && offset < count ? Int(self[offset]) : nil
    }

    /// An unsigned number of `byteCount` (1 to 4) bytes.
    func number(at offset: Int, byteCount: Int, littleEndian: Bool = false) -> Int? {
        guard contains(offset, byteCount: byteCount) else { return nil }
        var value = 0
        for index in 0..<byteCount {
            value |= Int(self[offset + index]) << (8 * (littleEndian ? index : byteCount - 1 - index))
        }
        return value
    }

    /// Whether the bytes at `offset` are the UTF-8 of `text`.
    func matches(_ text: String, at offset: Int) -> Bool {
        matches(Array(text.utf8), at: offset)
    }

    func matches(_ pattern: [UInt8], at offset: Int) -> Bool {
        guard contains(offset, byteCount: pattern.count) else { return false }
        for index in pattern.indices where self[offset + index] != pattern[index] { return false }
        return true
    }

    /// Whether that run of bytes lies wholly inside.
    func contains(_ offset: Int, byteCount: Int) -> Bool {
        offset >= 0 && byteCount >= 0 && byteCount <= count && offset <= count - byteCount
    }
}
