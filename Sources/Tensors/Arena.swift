import Kernels

/// Memory that is handed out in order and taken back all at once.
///
/// It grows by chunks while the first round runs and keeps them: a later round of the same sizes finds the same places and allocates
/// nothing. Regions stay valid until the next `reset`.
final class Arena {
    private var chunks: [FloatBuffer] = []
    private var current = 0
    private var usedCount = 0

    /// Regions start on 64-byte borders.
    private static let alignment = 16
    private static let firstChunkCount = 1 << 16

    /// Floats that all chunks hold; what was never handed out takes no memory.
    var capacity: Int { chunks.reduce(0) { $0 + $1.count } }

    /// A region of `count` floats with unspecified contents.
    func allocate(_ count: Int) -> FloatRegion {
        let rounded = (count + Self.alignment - 1) / Self.alignment * Self.alignment
        while current < chunks.count, chunks[current].count - usedCount < rounded {
            current += 1
            usedCount = 0
        }
        if current == chunks.count {
            // Doubling bounds the number of chunks and what their ends waste.
            chunks.append(FloatBuffer(count: max(rounded, capacity, Self.firstChunkCount)))
        }
        let region = FloatRegion(chunks[current], offset: usedCount, count: count)
        usedCount += rounded
        return region
    }

    /// Takes everything back.
    func reset() {
        current = 0
        usedCount = 0
    }
}
