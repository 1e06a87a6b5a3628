import Synchronization

/// Decoded vectors of groups, kept until a budget of bytes is full.
///
/// Nothing is evicted: scans read all groups in the same order, so replacing the oldest would always throw out what is
/// needed next, whereas keeping the first ones saves their share of each scan.
final class DecodedGroupCache: Sendable {
    private struct State {
        var groups: [Key: [UInt16]] = [:]
        var byteCount = 0
    }

    struct Key: Hashable {
        let segment: Int
        let group: Int
    }

    private let limit: Int
    private let state = Mutex(State())

    init(byteCountLimit: Int) {
        limit = byteCountLimit
    }

    subscript(key: Key) -> [UInt16]? {
        limit == 0 ? nil : state.withLock { $0.groups[key] }
    }

    /// Keeps a copy if there is room.
    func insert(_ halves: [UInt16], for key: Key) {
        let byteCount = halves.count * 2
        guard limit >= byteCount else { return }
        state.withLock { state in
            guard state.byteCount + byteCount <= limit, state.groups[key] == nil else { return }
            state.groups[key] = halves
            state.byteCount += byteCount
        }
    }
}
