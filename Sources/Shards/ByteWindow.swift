/// A window that moves forward over a file or a stream in blocks, so that many small reads cost few system calls.
///
/// On a file what lies between two reads is passed over unread, and a read may go back. On a stream everything is read,
/// and only what was kept can be read again: the last `historyByteCount` bytes and what was not asked for yet.
struct ByteWindow: ~Copyable {
    private enum Source {
        case file(ReadOnlyFile)
        case stream(any ForwardBytes)
    }

    /// Path or address, for messages.
    let path: String
    /// Size of a file when it was opened; what is appended later is not seen. `nil` for a stream.
    let byteCount: Int64?
    /// Offset of the first byte that is held.
    private(set) var start: Int64 = 0
    private let source: Source
    private let blockByteCount: Int
    private let historyByteCount: Int
    private var buffer: [UInt8]
    private var filledCount = 0
    private var hasEnded = false

    init(file: ReadOnlyFile, blockByteCount: Int = 256 << 10) {
        path = file.path
        byteCount = file.facts.byteCount
        source = .file(file)
        self.blockByteCount = blockByteCount
        historyByteCount = 0
        buffer = [UInt8](repeating: 0, count: blockByteCount)
    }

    init(stream: any ForwardBytes, path: String, historyByteCount: Int = 0, blockByteCount: Int = 256 << 10) {
        self.path = path
        byteCount = nil
        source = .stream(stream)
        self.blockByteCount = blockByteCount
        self.historyByteCount = historyByteCount
        buffer = []
    }

    /// The bytes from `offset`, at most `count` of them (fewer only at the end). The caller bounds `count`. On a stream
    /// `offset` must not be before `start`.
    mutating func bytes(at offset: Int64, count: Int) throws(ShardError) -> ArraySlice<UInt8> {
        switch source {
        case .file(let file): return try bytes(of: file, at: offset, count: count)
        case .stream(let stream):
            precondition(offset >= start, "byte \(offset) of a stream was passed already; it is at \(start)")
            try fill(stream, keeping: offset, to: offset + Int64(count))
            let first = min(filledCount, Int(min(offset - start, Int64(Int.max))))
            return buffer[first..<min(first + count, filledCount)]
        }
    }

    /// Whether there are bytes up to `end`, the part before it starting at `offset`. A stream is read up to there if that
    /// is at most `maximumByteCount` bytes; if it is more, yes is assumed.
    mutating func reaches(
        _ end: Int64, from offset: Int64, maximumByteCount: Int64
    ) throws(ShardError) -> Bool {
        switch source {
        case .file(let file): return end <= file.facts.byteCount
        case .stream(let stream):
            guard end - offset <= maximumByteCount else { return true }
            try fill(stream, keeping: offset, to: end)
            return start + Int64(filledCount) >= end
        }
    }

    /// Reads what little may follow the end of a tar in a stream, so that a failure of its source is noticed.
    mutating func drain(maximumByteCount: Int = 1 << 20) throws(ShardError) {
        guard case .stream(let stream) = source else { return }
        var block = [UInt8](repeating: 0, count: 64 << 10)
        var count = 0
        while !hasEnded, count < maximumByteCount {
            let read = try stream.read(into: &block, range: 0..<block.count)
            if read == 0 { hasEnded = true }
            count += read
        }
    }

    private mutating func bytes(
        of file: ReadOnlyFile, at offset: Int64, count: Int
    ) throws(ShardError) -> ArraySlice<UInt8> {
        let wanted = Int(max(0, min(Int64(count), file.facts.byteCount - offset)))
        if wanted > buffer.count {
            var large = [UInt8](repeating: 0, count: wanted)
            let read = try file.read(at: offset, into: &large, range: 0..<wanted)
            return large[0..<read]
        }
        if offset < start || offset + Int64(wanted) > start + Int64(filledCount) {
            filledCount = 0
            let block = Int(min(Int64(buffer.count), file.facts.byteCount - offset))
            filledCount = try file.read(at: offset, into: &buffer, range: 0..<max(0, block))
            start = offset
        }
        let first = Int(offset - start)
        return buffer[first..<min(first + wanted, filledCount)]
    }

    /// Reads the stream until `end` or its own, letting go of what lies before `offset`.
    private mutating func fill(
        _ stream: any ForwardBytes, keeping offset: Int64, to end: Int64
    ) throws(ShardError) {
        while !hasEnded, start + Int64(filledCount) < end {
            discard(before: offset)
            let wanted = Int(min(end - start, Int64(Int.max / 2)))
            // Room grows with what arrives, so that a header cannot ask for memory that is never filled.
            let room = max(filledCount + blockByteCount, min(wanted, filledCount * 2))
            if buffer.count < room { buffer += repeatElement(0, count: room - buffer.count) }
            let read = try stream.read(into: &buffer, range: filledCount..<buffer.count)
            if read == 0 { hasEnded = true }
            filledCount += read
        }
    }

    private mutating func discard(before offset: Int64) {
        let unneeded = Int(min(Int64(filledCount), offset - start - Int64(historyByteCount)))
        // Moving the rest to the front is worth it only now and then.
        guard unneeded >= max(blockByteCount, historyByteCount / 4) || unneeded == filledCount, unneeded > 0
        else { return }
        buffer.removeSubrange(0..<unneeded)
        start += Int64(unneeded)
        filledCount -= unneeded
    }
}
