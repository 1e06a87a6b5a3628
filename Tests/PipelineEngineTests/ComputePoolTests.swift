import PipelineEngine
import Synchronization
import Testing

@Suite struct ComputePoolTests {
    @Test(arguments: [1, 2, 3, 8], [0, 1, 7, 1009])
    func `map keeps input order`(threadCount: Int, itemCount: Int) async throws {
        let pool = ComputePool(threadCount: threadCount)
        defer { pool.shutdown() }
        let results = try await pool.map(Array(0..<itemCount)) { $0 * 3 }
        #expect(results == (0..<itemCount).map { $0 * 3 })
        #expect(pool.threadCount == threadCount)
    }

    @Test(arguments: [1, 2, 5])
    func `map throws the earliest failure in input order`(threadCount: Int) async throws {
        let pool = ComputePool(threadCount: threadCount)
        defer { pool.shutdown() }
        for _ in 0..<50 {
            let error = await #expect(throws: Mishap.self) {
                _ = try await pool.map(Array(0..<100)) { item -> Int in
                    if item % 10 == 3 { throw Mishap(index: item) }
                    return item
                }
            }
            #expect(error == Mishap(index: 3))
        }
    }

    @Test func `map runs no item after a cancellation`() async throws {
        let pool = ComputePool(threadCount: 1)
        defer { pool.shutdown() }
        let done = Counter()
        let task = Task {
            try await pool.map(Array(0..<10)) { item in
                if item == 2 { unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }
                done.add()
            }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(done.value == 3)
        let cancelled = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            return try await pool.map([Int]()) { $0 }
        }
        await #expect(throws: CancellationError.self) { try await cancelled.value }
    }

    @Test func `map may be nested`() async throws {
        let pool = ComputePool(threadCount: 1)
        defer { pool.shutdown() }
        let sum = try await withTaskExecutorPreference(pool) {
            try await pool.map([1, 2, 3]) { $0 }.reduce(0, +) + pool.run { 10 }
        }
        #expect(sum == 16)
    }

    @Test func `work runs on the pool's own threads`() async throws {
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        // Two items that wait for each other need two threads at the same time.
        let arrivals = Atomic<Int>(0)
        _ = try await pool.map([0, 1]) { _ in
            arrivals.add(1, ordering: .sequentiallyConsistent)
            while arrivals.load(ordering: .sequentiallyConsistent) < 2 {}
        }
        #expect(arrivals.load(ordering: .relaxed) == 2)
    }

    @Test func `a released pool ends its threads`() async throws {
        for _ in 0..<20 {
            let pool = ComputePool(threadCount: 3)
            _ = try await pool.map([1]) { $0 }
        }
        let pool = ComputePool(threadCount: 3)
        pool.shutdown()
        pool.shutdown()
    }
}
