import Encoders
import Foundation
import Kernels
import PipelineEngine
import Synchronization
import Testing

@testable import Training

/// Runs of the tiny model in a folder.
struct TinyRun {
    let folder: String
    var recipe = tinyRecipe()
    var source = DrawnSource(sampleCount: 19)
    var threadCount = 2
    var initialLogitScale: Float = 2.6593

    @discardableResult
    func run(
        stop: StopSignal? = nil, progress: (TrainingProgress) -> Void = { _ in }
    ) async throws -> TrainingOutcome {
        let pool = ComputePool(threadCount: threadCount)
        defer { pool.shutdown() }
        let trainer = try Trainer(
            architecture: tinyArchitecture(initialLogitScale: initialLogitScale), recipe: recipe, source: source,
            runDirectory: folder, pool: pool)
        return try await trainer.run(progress: progress, stop: stop) { snapshot in
            // Any number that depends on the parameters will do.
            let value = Double(snapshot.parameters[0])
            return TrainingEvaluation(metrics: ["first": value], score: value)
        }
    }

    /// The names and bytes of the checkpoints.
    func checkpoints() throws -> [String: Data] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/checkpoints")
        return try Dictionary(uniqueKeysWithValues: names.map { ($0, try fileBytes(folder + "/checkpoints/" + $0)) })
    }

    /// The log without the one value that may differ.
    func metrics() throws -> [MetricsRecord] {
        try MetricsLog.records(path: folder + "/" + MetricsLog.fileName).map { record in
            var record = record
            record.samplesPerSecond = nil
            return record
        }
    }
}

@Suite struct TrainerTests {
    @Test func `one batch over-fits`() async throws {
        try await withTemporaryFolder { folder in
            var run = TinyRun(folder: folder, source: DrawnSource(sampleCount: 8, isJittered: false))
            run.recipe.length = .epochs(200)
            run.recipe.learningRate = 1e-2
            run.recipe.checkpointInterval = 100
            let losses = Mutex<[Double]>([])
            let outcome = try await run.run(progress: { value in losses.withLock { $0.append(value.loss) } })
            #expect(outcome.isComplete && outcome.step == 200)
            let all = losses.withLock { $0 }
            #expect(all.count == 200)
            #expect(abs(all[0] - log(8)) < 1)
            #expect(try #require(outcome.lastLoss) < 0.05)
            let scale = outcome.parameters[try tinyArchitecture().logitScaleOffset]
            #expect((0...log(100) + 1e-6).contains(Double(scale)))
        }
    }

    @Test func `the bits do not depend on threads or prefetching`() async throws {
        try await withTemporaryFolder { folder in
            var results: [[Float]] = []
            for threadCount in [1, 2, 5] {
                var run = TinyRun(folder: folder + "/\(threadCount)")
                run.threadCount = threadCount
                run.recipe.prefetchBatchCount = threadCount - 1
                results.append(try await run.run().parameters.array)
            }
            #expect(results[0] == results[1])
            #expect(results[0] == results[2])
            var other = TinyRun(folder: folder + "/other")
            other.recipe.seed = 2
            #expect(try await other.run().parameters.array != results[0])
        }
    }

    @Test(arguments: [1, 2, 3, 5])
    func `a run stopped after every n-th step ends with the same bytes`(interval: Int) async throws {
        try await withTemporaryFolder { folder in
            let whole = TinyRun(folder: folder + "/whole")
            try await whole.run()
            let broken = TinyRun(folder: folder + "/broken")
            var callCount = 0
            while true {
                callCount += 1
                let stop = StopSignal(acknowledge: {}, leave: {})
                var stepCount = 0
                let outcome = try await broken.run(stop: stop) { _ in
                    stepCount += 1
                    if stepCount == interval { stop.request() }
                }
                if outcome.isComplete { break }
                #expect(outcome.step == callCount * interval)
            }
            #expect(callCount == (6 + interval - 1) / interval)
            #expect(try broken.checkpoints() == whole.checkpoints())
            #expect(try whole.checkpoints().count == 2)
            #expect(try broken.metrics() == whole.metrics())
            #expect(try whole.metrics().filter { $0.kind == .evaluation }.map(\.step) == [3, 6])
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5])
    func `a run killed after a step ends with the same bytes`(killedStep: Int) async throws {
        try await withTemporaryFolder { folder in
            let whole = TinyRun(folder: folder + "/whole")
            let expected = try await whole.run()
            let broken = TinyRun(folder: folder + "/broken")
            await #expect(throws: CancellationError.self) {
                try await Task {
                    try await broken.run { progress in
                        if progress.step == killedStep { unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }
                    }
                }.value
            }
            // A kill may also tear the last line of the log.
            let log = try #require(FileHandle(forWritingAtPath: broken.folder + "/" + MetricsLog.fileName))
            try log.seekToEnd()
            try log.write(contentsOf: Data(#"{"kind":"st"#.utf8))
            try log.close()
            let outcome = try await broken.run()
            #expect(outcome.parameters.array == expected.parameters.array)
            #expect(outcome.best?.step == expected.best?.step)
            #expect(try broken.checkpoints() == whole.checkpoints())
            #expect(try broken.metrics() == whole.metrics())
        }
    }

    @Test func `running again after the end changes nothing`() async throws {
        try await withTemporaryFolder { folder in
            let run = TinyRun(folder: folder)
            let first = try await run.run()
            let files = try run.checkpoints()
            let again = try await run.run { _ in Issue.record("a step was run") }
            #expect(again.isComplete)
            #expect(again.lastLoss == first.lastLoss)
            #expect(again.parameters.array == first.parameters.array)
            #expect(try run.checkpoints() == files)
        }
    }

    @Test func `another recipe, other data and a damaged file are refused with the reason`() async throws {
        try await withTemporaryFolder { folder in
            let run = TinyRun(folder: folder)
            try await run.run()
            var otherRecipe = run
            otherRecipe.recipe.learningRate = 0.5
            let recipeError = await #expect(throws: TrainingError.self) { try await otherRecipe.run() }
            #expect(recipeError?.code == .unusableCheckpoint)
            #expect(recipeError?.message.contains("learningRate: was 0.003, is 0.5") == true)
            var otherData = run
            otherData.source = DrawnSource(sampleCount: 19, fingerprint: "other")
            let dataError = await #expect(throws: TrainingError.self) { try await otherData.run() }
            #expect(dataError?.message.contains("other data") == true)
            let newest = folder + "/checkpoints/checkpoint-00000006.safetensors"
            let bytes = try fileBytes(newest)
            try bytes.prefix(bytes.count - 1).write(to: URL(fileURLWithPath: newest))
            let damage = await #expect(throws: TrainingError.self) { try await run.run() }
            #expect(damage?.code == .unusableCheckpoint)
            #expect(damage?.place == newest)
            try FileManager.default.removeItem(atPath: newest)
            #expect(try await run.run().isComplete)
            #expect(try fileBytes(newest) == bytes)
        }
    }

    @Test func `bad samples are left out, told once, and too many of them end the run`() async throws {
        try await withTemporaryFolder { folder in
            var run = TinyRun(folder: folder + "/few")
            run.source = DrawnSource(sampleCount: 16, brokenSamples: [3, 4, 9])
            let outcome = try await run.run()
            #expect(outcome.failedSampleCount == 3)
            #expect(run.source.failures.withLock { $0.sorted() } == [3, 4, 9])
            #expect(try run.metrics().compactMap(\.sampleCount).reduce(0, +) == 39)
            var many = TinyRun(folder: folder + "/many")
            many.source = DrawnSource(sampleCount: 16, brokenSamples: Set(0..<10))
            await #expect(throws: PipelineError.self) { try await many.run() }
            var all = TinyRun(folder: folder + "/all")
            all.source = DrawnSource(sampleCount: 16, brokenSamples: Set(0..<16))
            let error = await #expect(throws: TrainingError.self) { try await all.run() }
            #expect(error?.code == .unusableData)
        }
    }

    @Test func `progress tells the rate and the time left`() async throws {
        try await withTemporaryFolder { folder in
            let pool = ComputePool(threadCount: 1)
            defer { pool.shutdown() }
            let clock = Mutex(0.0)
            let trainer = try Trainer(
                architecture: tinyArchitecture(), recipe: tinyRecipe(), source: DrawnSource(sampleCount: 16),
                runDirectory: folder, pool: pool,
                nowSeconds: {
                    clock.withLock { now in
                        now += 1
                        return now
                    }
                })
            var values: [TrainingProgress] = []
            let outcome = try await trainer.run(progress: { values.append($0) })
            #expect(values.map(\.step) == Array(1...6))
            #expect(values[0].secondsLeft == nil)
            // The clock moves on by one at the end of a step and by one after it.
            #expect(abs(try #require(values[1].secondsLeft) - 8) < 1e-9)
            #expect(abs(try #require(values[5].samplesPerSecond) - 4) < 1e-9)
            #expect(outcome.samplesPerSecond == 8)
            #expect(values.allSatisfy { $0.stepCount == 6 && $0.loss.isFinite })
            #expect(values.map(\.epoch) == [0, 0, 1, 1, 2, 2])
        }
    }

    @Test func `the logit scale is held within its bounds after each step`() async throws {
        try await withTemporaryFolder { folder in
            for (start, bound) in [(Float(10), log(100.0)), (-3, 0)] {
                var run = TinyRun(folder: folder + "/\(start)")
                run.initialLogitScale = start
                run.recipe.length = .samples(8)
                var scales: [Double] = []
                try await run.run { scales.append($0.logitScale) }
                #expect(scales.count == 1)
                #expect(abs(scales[0] - bound) < 1e-6)
            }
        }
    }

    @Test func `a loss that is not finite ends the run with the reason`() async throws {
        try await withTemporaryFolder { folder in
            var run = TinyRun(folder: folder)
            run.initialLogitScale = 1000
            let error = await #expect(throws: TrainingError.self) { try await run.run() }
            #expect(error?.code == .diverged)
            #expect(error?.place == "step 0")
            #expect(!FileManager.default.fileExists(atPath: folder + "/checkpoints"))
        }
    }
}
