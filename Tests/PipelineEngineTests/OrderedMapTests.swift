import PipelineEngine
import Testing

@Suite struct OrderedMapTests {
    @Test(arguments: [1, 2, 7, 64], [0, 1, 7, 211])
    func `results come in input order and the window is never exceeded`(window: Int, count: Int) async throws {
        let pool = ComputePool(threadCount: 3)
        defer { pool.shutdown() }
        let source = CountedSource(count: count)
        var released: [Int] = []
        try await pool.orderedMap(source, window: window) { element in
            if element % 3 == 0 { await Task.yield() }
            return element * 2
        } consume: { result in
            released.append(result)
            source.inFlight.add(-1)
        }
        #expect(released == (0..<count).map { $0 * 2 })
        #expect(source.pulls.value == count)
        #expect(source.inFlight.peak <= window)
        #expect(source.inFlight.value == 0)
    }

    @Test func `a slow first element holds the others back and the window fills`() async throws {
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        let source = CountedSource(count: 20)
        let gate = Gate()
        for door in 1..<20 { gate.open(door) }
        let transformed = Counter()
        let run = Task {
            var released: [Int] = []
            try await pool.orderedMap(source, window: 4) { element in
                await gate.pass(element)
                transformed.add()
                return element
            } consume: { result in
                released.append(result)
            }
            return released
        }
        // Elements 1, 2 and 3 are done, 0 waits: nothing more may be pulled.
        await transformed.reached(3)
        await Task.yield()
        #expect(source.pulls.value == 4)
        gate.open(0)
        #expect(try await run.value == Array(0..<20))
    }

    @Test(arguments: [1, 3, 16])
    func `a failing transform ends the map in order`(window: Int) async throws {
        let pool = ComputePool(threadCount: 4)
        defer { pool.shutdown() }
        for failing in [0, 1, 50, 99] {
            var released: [Int] = []
            let error = await #expect(throws: Mishap.self) {
                try await pool.orderedMap(0..<100, window: window) { element in
                    if element >= failing { throw Mishap(index: element) }
                    return element
                } consume: { result in
                    released.append(result)
                }
            }
            #expect(error == Mishap(index: failing))
            #expect(released == Array(0..<failing))
        }
    }

    @Test func `a failing source and a failing consumer end the map`() async throws {
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        var released = 0
        let fromSource = await #expect(throws: Mishap.self) {
            try await pool.orderedMap(CountedSource(count: 10, failsAt: 6), window: 3) {
                $0
            } consume: { _ in
                released += 1
            }
        }
        #expect(fromSource == Mishap(index: 6))
        #expect(released == 6)
        let source = CountedSource(count: 1000)
        let fromConsumer = await #expect(throws: Mishap.self) {
            try await pool.orderedMap(source, window: 3) {
                $0
            } consume: { result in
                if result == 5 { throw Mishap(index: result) }
            }
        }
        #expect(fromConsumer == Mishap(index: 5))
        #expect(source.pulls.value <= 8)
    }

    @Test func `cancellation ends a map that waits`() async throws {
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        let (channel, sender) = AsyncStream.makeStream(of: Int.self)
        let started = Counter()
        let run = Task {
            try await pool.orderedMap(channel, window: 4) { element in
                started.add()
                return element
            } consume: { _ in
            }
        }
        sender.yield(1)
        await started.reached(1)
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
    }

    @Test func `a slow source does not hold back results`() async throws {
        let pool = ComputePool(threadCount: 2)
        defer { pool.shutdown() }
        let (channel, sender) = AsyncStream.makeStream(of: Int.self)
        let consumed = Counter()
        let run = Task {
            try await pool.orderedMap(channel, window: 8) {
                $0
            } consume: { _ in
                consumed.add()
            }
        }
        for element in 1...3 {
            sender.yield(element)
            await consumed.reached(element)
        }
        sender.finish()
        try await run.value
        #expect(consumed.value == 3)
    }
}
