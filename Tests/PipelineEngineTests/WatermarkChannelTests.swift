import PipelineEngine
import Testing

@Suite struct WatermarkChannelTests {
    @Test(arguments: [0, 1, 13, 500])
    func `elements arrive in order and the bytes stay below the high mark plus one element`(count: Int) async throws {
        let channel = WatermarkChannel<Int>(lowByteCount: 20, highByteCount: 50)
        async let sent: Void = {
            for element in 0..<count { try await channel.send(element, byteCount: element % 17) }
            channel.finish()
        }()
        var received: [Int] = []
        for try await element in channel {
            #expect(channel.bufferedByteCount < 50 + 17)
            received.append(element)
        }
        try await sent
        #expect(received == Array(0..<count))
    }

    @Test func `a full channel suspends senders until the low mark`() async throws {
        let channel = WatermarkChannel<Int>(lowByteCount: 10, highByteCount: 30)
        for element in 0..<3 { try await channel.send(element, byteCount: 10) }
        let passed = Counter()
        let sender = Task {
            try await channel.send(3, byteCount: 10)
            passed.add()
        }
        #expect(try await channel.receive() == 0)
        #expect(channel.bufferedByteCount == 20)
        #expect(passed.value == 0)
        #expect(try await channel.receive() == 1)
        await passed.reached(1)
        #expect(channel.bufferedByteCount == 20)
        try await sender.value
    }

    @Test func `an element above the high mark passes`() async throws {
        let channel = WatermarkChannel<Int>(lowByteCount: 1, highByteCount: 2)
        try await channel.send(7, byteCount: 1_000_000)
        #expect(try await channel.receive() == 7)
        #expect(channel.bufferedByteCount == 0)
    }

    @Test func `finish delivers what suspended senders hold and refuses later ones`() async throws {
        let channel = WatermarkChannel<Int>(lowByteCount: 0, highByteCount: 1)
        try await channel.send(0, byteCount: 1)
        let sender = Task { try await channel.send(1, byteCount: 1) }
        let first = Task { try await channel.receive() }
        #expect(try await first.value == 0)
        try await sender.value
        channel.finish()
        let error = await #expect(throws: PipelineError.self) { try await channel.send(2, byteCount: 1) }
        #expect(error?.code == .channelFinished)
        #expect(try await channel.receive() == 1)
        #expect(try await channel.receive() == nil)
    }

    @Test func `an error reaches the receiver after the elements`() async throws {
        let channel = WatermarkChannel<Int>(lowByteCount: 0, highByteCount: 10)
        try await channel.send(4, byteCount: 1)
        channel.finish(throwing: Mishap(index: 9))
        #expect(try await channel.receive() == 4)
        await #expect(throws: Mishap(index: 9)) { try await channel.receive() }
        #expect(try await channel.receive() == nil)
    }

    @Test func `cancellation frees who waits`() async throws {
        let channel = WatermarkChannel<Int>(lowByteCount: 0, highByteCount: 1)
        let receiver = Task { try await channel.receive() }
        receiver.cancel()
        await #expect(throws: CancellationError.self) { try await receiver.value }
        try await channel.send(0, byteCount: 1)
        let sender = Task { try await channel.send(1, byteCount: 1) }
        sender.cancel()
        await #expect(throws: CancellationError.self) { try await sender.value }
        channel.finish()
        #expect(try await channel.receive() == 0)
        #expect(try await channel.receive() == nil)
    }
}
