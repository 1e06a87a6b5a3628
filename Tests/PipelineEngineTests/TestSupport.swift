import PipelineEngine
import Synchronization

struct Mishap: Error, Equatable {
    let index: Int
}

/// Doors that stay shut until they are opened; who waits suspends.
final class Gate: Sendable {
    private struct State {
        var open: Set<Int> = []
        var waiting: [Int: [CheckedContinuation<Void, Never>]] = [:]
    }

    private let state = Mutex(State())

    func open(_ door: Int) {
        let resumed = state.withLock { state in
            state.open.insert(door)
            return state.waiting.removeValue(forKey: door) ?? []
        }
        for continuation in resumed { continuation.resume() }
    }

    func pass(_ door: Int) async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if state.open.contains(door) { return true }
                state.waiting[door, default: []].append(continuation)
                return false
            }
            if isOpen { continuation.resume() }
        }
    }
}

/// Counts events and lets a test wait for the n-th.
final class Counter: Sendable {
    private struct State {
        var value = 0
        var peak = 0
        var waiting: [(Int, CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var value: Int { state.withLock { $0.value } }
    var peak: Int { state.withLock { $0.peak } }

    func add(_ amount: Int = 1) {
        let resumed = state.withLock { state in
            state.value += amount
            state.peak = max(state.peak, state.value)
            let ready = state.waiting.filter { $0.0 <= state.value }
            state.waiting.removeAll { $0.0 <= state.value }
            return ready
        }
        for (_, continuation) in resumed { continuation.resume() }
    }

    func reached(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isReached = state.withLock { state in
                if state.value >= count { return true }
                state.waiting.append((count, continuation))
                return false
            }
            if isReached { continuation.resume() }
        }
    }
}

/// 0 ..< count, noting each pull.
struct CountedSource: AsyncSequence, Sendable {
    struct Iterator: AsyncIteratorProtocol {
        let source: CountedSource
        var next = 0
        mutating func next() async throws -> Int? {
            guard next < source.count else { return nil }
            if next == source.failsAt { throw Mishap(index: next) }
            source.pulls.add()
            source.inFlight.add()
            defer { next += 1 }
            return next
        }
    }

    let count: Int
    var failsAt: Int?
    let pulls = Counter()
    let inFlight = Counter()
    func makeAsyncIterator() -> Iterator { Iterator(source: self) }
}

/// A clock that moves when told.
final class FakeClock: Sendable {
    private let seconds = Mutex(0.0)
    func advance(_ amount: Double) { seconds.withLock { $0 += amount } }
    var now: @Sendable () -> Double { { self.seconds.withLock { $0 } } }
}

/// Collects written text.
final class TextSink: Sendable {
    private let parts = Mutex<[String]>([])
    var texts: [String] { parts.withLock { $0 } }
    var write: @Sendable (String) -> Void { { text in self.parts.withLock { $0.append(text) } } }
}
