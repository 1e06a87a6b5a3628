import Kernels
import Synchronization

/// Memory that one thread needs while it runs operations forward or backward: scratch and gradients of values.
///
/// It is held by one thread at a time, taken from a `TapeWorkspacePool`; that is the invariant behind `@unchecked Sendable`.
/// Contents never outlive a pass, so it does not matter to any result which workspace a pass gets.
final class TapeWorkspace: @unchecked Sendable {
    private var scratchBuffer = FloatBuffer(count: 0)
    private var blocks: [FloatBuffer] = []
    private var isFree: [Bool] = []

    /// A region with unspecified contents, valid until the next call.
    func scratch(_ count: Int) -> FloatRegion {
        if scratchBuffer.count < count {
            scratchBuffer = FloatBuffer(count: count + count / 8)
        }
        return FloatRegion(scratchBuffer, offset: 0, count: count)
    }

    /// The number of a block of at least `count` floats: the smallest free one that fits, or a new one.
    func acquire(_ count: Int) -> Int {
        var best = -1
        for block in blocks.indices where isFree[block] && blocks[block].count >= count {
            if best < 0 || blocks[block].count < blocks[best].count { best = block }
        }
        if best < 0 {
            best = blocks.count
            blocks.append(FloatBuffer(count: count + count / 8))
            isFree.append(true)
        }
        isFree[best] = false
        return best
    }

    /// The first `count` floats of a block.
    func region(_ block: Int, _ count: Int) -> FloatRegion {
        FloatRegion(blocks[block], offset: 0, count: count)
    }

    /// Gives a block back.
    func release(_ block: Int) {
        isFree[block] = true
    }
}

/// Workspaces for all threads that run tapes of one model; holds as many as threads ever ran at once.
public final class TapeWorkspacePool: Sendable {
    private let free = Mutex<[TapeWorkspace]>([])

    /// Makes an empty pool.
    public init() {}

    /// Runs `body` with a workspace of its own; the one used last comes first, since it is still in the cache.
    func withWorkspace<Result>(_ body: (TapeWorkspace) -> Result) -> Result {
        let workspace = free.withLock { $0.popLast() } ?? TapeWorkspace()
        defer { free.withLock { $0.append(workspace) } }
        return body(workspace)
    }
}
