/// Bytes that can be read once, from the first to the last: a compressed file, the output of a program.
protocol ForwardBytes: AnyObject {
    /// Fills `buffer[range]` from the front and returns the number of bytes, at least 1 unless they have ended.
    ///
    /// Throws `streamStalled` and `streamFailed` for programs, `compressionDamaged` for compressed data that are wrong or
    /// end early, `inputOutput` when the system refuses.
    func read(into buffer: inout [UInt8], range: Range<Int>) throws(ShardError) -> Int
}

/// A file read from its start to its end.
final class FileBytes: ForwardBytes {
    private let file: ReadOnlyFile
    private var offset: Int64 = 0

    init(_ file: ReadOnlyFile) {
        self.file = file
    }

    func read(into buffer: inout [UInt8], range: Range<Int>) throws(ShardError) -> Int {
        let count = try file.read(at: offset, into: &buffer, range: range)
        offset += Int64(count)
        return count
    }
}

/// Bytes put back before others, after the first of them have been looked at.
final class PrefixedBytes: ForwardBytes {
    private var prefix: ArraySlice<UInt8>
    private let rest: any ForwardBytes

    init(_ prefix: [UInt8], before rest: any ForwardBytes) {
        self.prefix = prefix[...]
        self.rest = rest
    }

    func read(into buffer: inout [UInt8], range: Range<Int>) throws(ShardError) -> Int {
        guard !prefix.isEmpty else { return try rest.read(into: &buffer, range: range) }
        let part = prefix.prefix(range.count)
        buffer.replaceSubrange(range.lowerBound..<range.lowerBound + part.count, with: part)
        prefix = prefix.dropFirst(part.count)
        return part.count
    }

    /// Reads up to `count` bytes of `bytes` and puts them back.
    static func peeking(
        _ bytes: any ForwardBytes, count: Int
    ) throws(ShardError) -> (first: [UInt8], bytes: any ForwardBytes) {
        var first = [UInt8](repeating: 0, count: count)
        var filledCount = 0
        while filledCount < count {
            let read = try bytes.read(into: &first, range: filledCount..<count)
            if read == 0 { break }
            filledCount += read
        }
        first.removeLast(count - filledCount)
        return (first, PrefixedBytes(first, before: bytes))
    }
}
