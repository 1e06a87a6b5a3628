import Glibc
import Testing

@testable import PipelineEngine

@Suite struct AccountingTests {
    @Test func `found is always samples plus quarantined`() throws {
        var accounting = Accounting()
        #expect(accounting.quarantinedShare == 0)
        accounting.recordSamples(3)
        accounting.recordQuarantined()
        #expect(accounting.foundCount == 4)
        #expect(accounting.quarantinedShare == 0.25)
        accounting += accounting
        #expect(try accounting == Accounting(found: 8, samples: 6, quarantined: 2))
    }

    @Test(arguments: [(8, 6, 1), (8, 9, -1), (-1, -1, 0), (0, .max, 1)])
    func `stored counts that do not add up are refused`(found: Int, samples: Int, quarantined: Int) {
        let error = #expect(throws: PipelineError.self) {
            try Accounting(found: found, samples: samples, quarantined: quarantined)
        }
        #expect(error?.code == .brokenAccounting)
    }

    @Test func `policies stop where they say`() throws {
        var few = Accounting()
        few.recordQuarantined(3)
        few.recordSamples(2)
        #expect(throws: PipelineError.self) { try FailurePolicy.stop.check(few) }
        try FailurePolicy.skipAndRecord.checkFinal(few)
        try FailurePolicy.default.check(few)
        #expect(throws: PipelineError.self) { try FailurePolicy.default.checkFinal(few) }
        var many = Accounting()
        many.recordSamples(100)
        many.recordQuarantined(100)
        try FailurePolicy.default.check(many)
        many.recordQuarantined()
        #expect(throws: PipelineError.self) { try FailurePolicy.default.check(many) }
        try FailurePolicy.stopPast(0).checkFinal(Accounting())
    }
}

@Suite struct StopSignalTests {
    @Test func `the first request is acknowledged and the second leaves`() {
        let acknowledged = Counter()
        let left = Counter()
        let stop = StopSignal(acknowledge: { acknowledged.add() }, leave: { left.add() })
        #expect(!stop.isStopRequested)
        stop.request()
        #expect(stop.isStopRequested)
        #expect(acknowledged.value == 1)
        #expect(left.value == 0)
        stop.request()
        #expect(acknowledged.value == 1)
        #expect(left.value == 1)
    }

    @Test func `signals of the process are heard`() async {
        let acknowledged = Counter()
        let left = Counter()
        let stop = StopSignal(acknowledge: { acknowledged.add() }, leave: { left.add() })
        stop.listen(to: [SIGUSR1])
        kill(getpid(), SIGUSR1)
        await acknowledged.reached(1)
        #expect(stop.isStopRequested)
        kill(getpid(), SIGUSR1)
        await left.reached(1)
        #expect(acknowledged.value == 1)
    }
}

@Suite struct ProgressTests {
    @Test func `the terminal line renews itself at most ten times a second`() {
        let clock = FakeClock()
        let sink = TextSink()
        let progress = ProgressReporter(
            title: "embed", unit: "images", totalCount: 20_000, style: .terminal(columnCount: 60, usesColor: false),
            nowSeconds: clock.now, write: sink.write)
        progress.update(completedCount: 0)
        clock.advance(0.05)
        progress.update(completedCount: 50)
        #expect(sink.texts.count == 1)
        clock.advance(9.95)
        progress.update(completedCount: 10_000, detail: "a detail that is much too long to fit")
        #expect(sink.texts.count == 2)
        let line = sink.texts[1]
        #expect(line.hasPrefix("\r\u{1B}[Kembed: 10,000 of 20,000 images (50 %), 1,000/s, 10 s left"))
        #expect(line.count == "\r\u{1B}[K".count + 59)
        progress.message("note")
        progress.finish()
        #expect(sink.texts[2] == "\r\u{1B}[Knote\n")
        #expect(sink.texts[3].hasPrefix("embed: 10,000 images in 10 s, 1,000/s"))
        progress.update(completedCount: 20_000)
        progress.finish()
        #expect(sink.texts.count == 4)
    }

    @Test func `colour marks the title only`() {
        let sink = TextSink()
        let progress = ProgressReporter(
            title: "train", unit: "steps", style: .terminal(columnCount: 80, usesColor: true),
            nowSeconds: FakeClock().now, write: sink.write)
        progress.update(completedCount: 3)
        #expect(sink.texts == ["\r\u{1B}[K\u{1B}[1mtrain\u{1B}[0m: 3 steps"])
    }

    @Test func `plain lines come every five seconds`() {
        let clock = FakeClock()
        let sink = TextSink()
        let progress = ProgressReporter(
            title: "ingest", unit: "samples", totalCount: 1000, style: .plain, nowSeconds: clock.now, write: sink.write)
        for second in 0..<16 {
            progress.update(completedCount: second * 10)
            clock.advance(1)
        }
        #expect(sink.texts.count == 3)
        #expect(sink.texts[0] == "ingest: 50 of 1,000 samples (5 %), 10.0/s, 1 min 35 s left\n")
    }

    @Test func `quiet writes errors only`() {
        let clock = FakeClock()
        let sink = TextSink()
        let progress = ProgressReporter(
            title: "x", unit: "y", style: .quiet, nowSeconds: clock.now, write: sink.write)
        clock.advance(100)
        progress.update(completedCount: 3)
        progress.message("hidden")
        progress.message("shown", isError: true)
        progress.finish()
        #expect(sink.texts == ["shown\n"])
    }

    @Test func `a resumed stage does not count what was done before`() {
        let clock = FakeClock()
        let sink = TextSink()
        let progress = ProgressReporter(
            title: "x", unit: "items", style: .plain, nowSeconds: clock.now, write: sink.write)
        progress.update(completedCount: 1000)
        clock.advance(10)
        progress.update(completedCount: 1100)
        progress.finish()
        #expect(sink.texts.last == "x: 1,100 items in 10 s, 10.0/s\n")
    }

    @Test func `the rate follows a change of pace`() throws {
        var rate = RateEstimator()
        #expect(rate.itemsPerSecond == nil)
        for second in 0...60 { rate.observe(completedCount: Double(second) * 5, atSeconds: Double(second)) }
        #expect(abs(try #require(rate.itemsPerSecond) - 5) < 1e-9)
        for second in 61...120 { rate.observe(completedCount: 300, atSeconds: Double(second)) }
        #expect(try #require(rate.itemsPerSecond) < 0.1)
        #expect(rate.secondsLeft(totalCount: 300) == 0)
    }

    @Test(arguments: [
        (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "-12,345"),
    ])
    func `counts are grouped`(count: Int, text: String) {
        #expect(ProgressReporter.grouped(count) == text)
    }

    @Test(arguments: [
        (0.44, "0.4 s"), (42.4, "42 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7620, "2 h 07 min"),
        (.infinity, "a long time"),
    ])
    func `durations read well`(seconds: Double, text: String) {
        #expect(ProgressReporter.duration(seconds) == text)
    }
}

@Suite struct MemoryReadingTests {
    @Test func `the kernel's report is read`() throws {
        let status = "Name:\tx\nVmHWM:\t  400 kB\nRssAnon:\t 100 kB\nRssFile:\t 200 kB\nRssShmem:\t 10 kB\n"
        let reading = try MemoryReading.parse(status, place: "here")
        #expect(reading.anonymousAndSharedByteCount == 110 * 1024)
        #expect(reading.mappedFileByteCount == 200 * 1024)
        #expect(reading.peakResidentByteCount == 400 * 1024)
        #expect(throws: PipelineError.self) { try MemoryReading.parse("VmHWM: 3 kB", place: "here") }
    }

    @Test func `a peak does not fall`() throws {
        let meter = PeakMemoryMeter()
        let before = try #require(meter.peakByteCount)
        #expect(before > 1 << 20)
        let block = [UInt8](repeating: 1, count: 64 << 20)
        let during = try #require(meter.peakByteCount)
        #expect(during >= before + 32 << 20)
        #expect(block[block.count - 1] == 1)
        #expect(try #require(meter.peakByteCount) >= during)
    }
}
