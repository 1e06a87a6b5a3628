import ByteFormats
import Kernels
import PipelineEngine
import Samples
import Testing

@testable import Encoders
@testable import Training

@Suite struct LearningRateScheduleTests {
    @Test func `the rate rises linearly and falls as a cosine to zero`() {
        let schedule = LearningRateSchedule(peakRate: 2, warmupStepCount: 4, stepCount: 12)
        #expect((0..<4).map { schedule.rate(atStep: $0) } == [0.5, 1, 1.5, 2])
        #expect(schedule.rate(atStep: 4) == 2)
        #expect(abs(schedule.rate(atStep: 8) - 1) < 1e-12)
        #expect(abs(schedule.rate(atStep: 6) - (1 + 0.5.squareRoot())) < 1e-12)
        #expect(schedule.rate(atStep: 12) < 1e-12)
        #expect(schedule.rate(atStep: 100) < 1e-12)
    }

    @Test func `no warm-up and nothing but warm-up`() {
        #expect(LearningRateSchedule(peakRate: 1, warmupStepCount: 0, stepCount: 1).rate(atStep: 0) == 1)
        #expect(LearningRateSchedule(peakRate: 1, warmupStepCount: 2, stepCount: 2).rate(atStep: 1) == 1)
    }
}

@Suite struct ParameterUpdateTests {
    @Test(arguments: [1, 3], [1, 2, 3])
    func `steps equal PyTorch's AdamW with clipping`(threadCount: Int, laneCount: Int) async throws {
        let pool = ComputePool(threadCount: threadCount)
        defer { pool.shutdown() }
        let golden = try goldenFile()
        var layout = ParameterLayout()
        layout.append("matrix", [7, 5], isDecayed: true)
        layout.append("bias", [5], isDecayed: false)
        let update = ParameterUpdate(
            layout: layout,
            parameters: FloatBuffer(try golden.floats(of: "adamw/matrix") + golden.floats(of: "adamw/bias")),
            laneCount: laneCount)
        var recipe = TrainingRecipe()
        recipe.clipNorm = 1
        for (step, rate) in [1e-3, 2e-3, 1.5e-3, 5e-4].enumerated() {
            let gradient =
                try golden.floats(of: "adamw/matrixGradient\(step)") + golden.floats(of: "adamw/biasGradient\(step)")
            // Each lane holds a share of the gradient.
            for lane in update.gradientLanes { lane.write(gradient.map { $0 / Float(laneCount) }, at: 0) }
            let norm = try await update.apply(recipe: recipe, step: step + 1, rate: rate, on: pool)
            expectEqual([Float(norm)], try golden.floats(of: "adamw/norm\(step)"), within: 1e-4, "norm \(step)")
            let expected = try golden.floats(of: "adamw/matrix\(step)") + golden.floats(of: "adamw/bias\(step)")
            expectEqual(update.parameters.array, expected, within: 2e-6, "parameters after step \(step)")
            for lane in update.gradientLanes { #expect(lane.array.allSatisfy { $0 == 0 }) }
        }
    }

    @Test func `blocks cover the layout once and never cross a change of decay`() {
        var layout = ParameterLayout()
        layout.append("a", [ParameterUpdate.blockCount + 3], isDecayed: true)
        layout.append("b", [2], isDecayed: true)
        layout.append("c", [5], isDecayed: false)
        layout.append("d", [], isDecayed: false)
        layout.append("e", [1], isDecayed: true)
        let blocks = ParameterUpdate.blocks(of: layout)
        #expect(blocks.map(\.count) == [ParameterUpdate.blockCount, 5, 6, 1])
        #expect(blocks.map(\.isDecayed) == [true, true, false, true])
        var end = 0
        for block in blocks {
            #expect(block.offset == end)
            end += block.count
        }
        #expect(end == layout.totalCount)
    }

    @Test func `a gradient that is not finite changes no parameter`() async throws {
        let pool = ComputePool(threadCount: 1)
        defer { pool.shutdown() }
        var layout = ParameterLayout()
        layout.append("a", [3], isDecayed: true)
        let update = ParameterUpdate(layout: layout, parameters: FloatBuffer([1, 2, 3]), laneCount: 2)
        update.gradientLanes[1][2] = .nan
        let norm = try await update.apply(recipe: TrainingRecipe(), step: 1, rate: 1, on: pool)
        #expect(!norm.isFinite)
        #expect(update.parameters.array == [1, 2, 3])
        #expect(update.firstMoment.array == [0, 0, 0])
    }
}

@Suite struct EpochOrderTests {
    @Test(arguments: [0, 1, 2, 3, 7, 64, 65, 1000, 4097])
    func `every epoch is a permutation of its own`(count: Int) {
        let orders = (0..<3).map { epoch in
            let order = EpochOrder(count: count, seed: 5, epoch: epoch)
            return (0..<count).map { order[$0] }
        }
        for order in orders { #expect(order.sorted() == Array(0..<count)) }
        if count >= 64 {
            #expect(Set(orders).count == 3)
            let other = EpochOrder(count: count, seed: 6, epoch: 0)
            #expect((0..<count).map { other[$0] } != orders[0])
        }
    }

    @Test func `neighbours are torn apart`() {
        // The mean distance of neighbours in a random order of n is n/3; a weak mixer keeps runs.
        let order = EpochOrder(count: 10_000, seed: 1, epoch: 0)
        let sum = (1..<10_000).reduce(0) { $0 + abs(order[$1] - order[$1 - 1]) }
        #expect(abs(Double(sum) / 9_999 - 10_000 / 3) < 100)
        // Where a sample stands says nothing about where it stands in the next epoch.
        let next = EpochOrder(count: 10_000, seed: 1, epoch: 1)
        #expect((0..<10_000).count { order[$0] == next[$0] } < 10)
    }
}

@Suite struct BatchPlanTests {
    @Test func `steps follow from samples, batch and length`() throws {
        var recipe = TrainingRecipe()
        let plan = try BatchPlan(recipe: recipe, sampleCount: 6000)
        #expect(plan.stepsPerEpoch == 23)
        #expect(plan.stepCount == 690)
        #expect(plan.epoch(ofStep: 23) == 1)
        #expect(plan.position(ofStep: 24) == 256)
        recipe.length = .samples(1000)
        #expect(try BatchPlan(recipe: recipe, sampleCount: 6000).stepCount == 4)
        let small = try BatchPlan(recipe: recipe, sampleCount: 10)
        #expect(small.batchSize == 10)
        #expect(small.stepCount == 100)
        #expect(throws: TrainingError.self) { try BatchPlan(recipe: recipe, sampleCount: 1) }
    }
}
