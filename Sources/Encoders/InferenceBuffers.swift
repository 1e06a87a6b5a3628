import Kernels
import Synchronization

/// The activations of one thread that runs towers forward; sizes come from the model, so they stop growing after a slice.
///
/// Held by one thread at a time, taken from an `InferenceBufferPool`: the invariant behind `@unchecked Sendable`.
final class InferenceBuffers: @unchecked Sendable {
    enum Slot: Int, CaseIterable {
        case input, stemOutput, stream, normed, queryKeyValue, attended, hidden
        case pooledStream, pooledNormed, query, projected, embedding, norms, scratch, bias, gateAndValue, packed, panel
    }

    private var buffers = Slot.allCases.map { _ in FloatBuffer(count: 0) }

    /// The first `count` floats of a slot, contents unspecified; invalidates earlier regions of the slot when it grows.
    func region(_ slot: Slot, _ count: Int) -> FloatRegion {
        if buffers[slot.rawValue].count < count {
            buffers[slot.rawValue] = FloatBuffer(count: count)
        }
        return FloatRegion(buffers[slot.rawValue], offset: 0, count: count)
    }
}

/// As many buffers as threads ever ran at once.
final class InferenceBufferPool: Sendable {
    private let free = Mutex<[InferenceBuffers]>([])

    func withBuffers<Result>(_ body: (InferenceBuffers) -> Result) -> Result {
        let buffers = free.withLock { $0.popLast() } ?? InferenceBuffers()
        defer { free.withLock { $0.append(buffers) } }
        return body(buffers)
    }

    /// Drops those that nobody holds.
    func release() { free.withLock { $0.removeAll() } }
}
