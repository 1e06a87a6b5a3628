import Kernels

/// Memory that is handed out in order and taken back all at once.
///
/// The first round may need several chunks; when it is reset they become one that holds everything, so later rounds of the same
/// size allocate nothing. Regions stay valid until the next `reset`.
final class Arena {
    private var chunks: [FloatBuffer] = []
    private var usedInLastChunk = 0
    private var usedBefore = 0

    /// Regions start on 64-byte borders.
    private static let alignment = 16
    private static let firstChunkCount = 1 << 16

    /// Floats that all chunks hold.
    var capacity: Int { chunks.reduce(0) { $0 + $1.count } }

    /// A region of `count` floats with unspecified contents.
    func allocate(_ count: Int) -> FloatRegion {
        let rounded = (count + Self.alignment - 1) / Self.alignment * Self.alignment
        if let chunk = chunks.last, chunk.count - usedInLastChunk >= rounded {
            let region = FloatRegion(chunk, offset: usedInLastChunk, count: count)
            usedInLastChunk += rounded
            return region
        }
        // Doubling bounds the number of chunks of the first round.
        let chunk = FloatBuffer(count: max(rounded, capacity, Self.firstChunkCount))
        usedBefore += usedInLastChunk
        chunks.append(chunk)
        usedInLastChunk = rounded
        return FloatRegion(chunk, offset: 0, count: count)
    }

    /// Takes everything back. An eighth is added when chunks are joined, for rounds whose size varies a little.
    func reset() {
        if chunks.count > 1 {
            let used = usedBefore + usedInLastChunk
            chunks = [FloatBuffer(count: used + used / 8)]
        }
        usedBefore = 0
        usedInLastChunk = 0
    }
}
