import Encoders
import Foundation
import Kernels

/// The speed of one tower, and of matrix products of its own shapes in the same run.
struct TowerBenchmark {
    /// One line of the result.
    struct Result: Encodable {
        let model: String
        let precision: Precision
        /// Images or texts of one slice.
        let rowsPerSlice: Int
        let threads: Int
        /// By the wall clock.
        let itemsPerSecond: Double
        /// By the processor time of all threads.
        let itemsPerCPUSecond: Double
        /// Operations really done, by processor time, times the threads.
        let gflops: Double
        /// Float32 products of the tower's shapes by OpenBLAS, likewise.
        let sgemmGflops: Double
        /// The same by the tower's own kernel, without bias and activation.
        let panelGflops: Double
        /// `gflops` over the better of the two.
        let share: Double
        /// Mean and first percentile of the cosines between the vectors of Float32 and these.
        let cosineMean: Double
        let cosineFirstPercentile: Double
        /// One short text in a warm process, by the wall clock.
        var millisecondsPerQuery: Double?
        /// The same by processor time.
        var cpuMillisecondsPerQuery: Double?
    }

    let model: TowerModel
    let threadCount: Int
    /// Of each of the three alternating measurements.
    let seconds: Double

    private let precision: Precision
    private let encoder: DualEncoder
    private let reference: DualEncoder
    private let pixels: [UInt8]
    private let texts: [[Int32]]
    private let operations: TowerOperations
    private let itemCount: Int

    /// - Parameter hasOutliers: Whether six gains of each norm are 30 times larger than the rest.
    init(
        _ model: TowerModel, _ precision: Precision, threadCount: Int, seconds: Double, hasOutliers: Bool
    ) throws {
        self.model = model
        self.precision = precision
        self.threadCount = threadCount
        self.seconds = seconds
        let configuration = try model.configuration()
        let architecture = try DualEncoderArchitecture(configuration)
        let parameters = architecture.initialParameters(seed: 1)
        for entry in architecture.layout.entries where hasOutliers && entry.name.hasSuffix("Norm.weight") {
            for index in 0..<6 { parameters[entry.offset + index * 37 % entry.count] *= 30 }
        }
        encoder = try DualEncoder(configuration: configuration, parameters: parameters, precision: precision)
        reference =
            precision == .fp32 ? encoder : try DualEncoder(configuration: configuration, parameters: parameters)
        itemCount = model.isText ? 128 : encoder.imageSliceRowCount
        let byteCount = model.isText ? 0 : itemCount * configuration.vision.imageByteCount
        pixels = (0..<byteCount).map { place -> UInt8 in UInt8(truncatingIfNeeded: (place &* 2_654_435_761) >> 13) }
        // Captions of Flickr8k have 5 to 40 tokens, 14 in the mean.
        texts = (0..<itemCount).map { index -> [Int32] in
            let words = (0..<4 + index * 7 % 20).map { place -> Int32 in Int32(1 + (place * 31 + index) % 60) }
            return words + [Int32(configuration.text.endTokenID)]
        }
        let tokenCount = model.isText ? texts.map(\.count).reduce(0, +) / itemCount : configuration.vision.tokenCount
        operations = TowerOperations(model, tokenCount: tokenCount, configuration: configuration)
    }

    /// Measures the towers and the products alternately; medians of three.
    func run() async -> Result {
        var (wall, processor, sgemm, panels) = ([Double](), [Double](), [Double](), [Double]())
        encode()
        for _ in 0..<3 {
            let tower = await rate { encode() }
            wall.append(tower.perSecond * Double(itemCount))
            processor.append(tower.perCPUSecond * Double(itemCount))
            sgemm.append(await productRate(usesPanels: false))
            panels.append(await productRate(usesPanels: true))
        }
        let gflops = Self.median(processor) * Double(operations.count * threadCount) * 1e-9
        let cosines = cosines()
        let peak = (sgemm: Self.median(sgemm), panels: Self.median(panels))
        let query = model.isText ? queryMilliseconds() : nil
        return Result(
            model: model.rawValue, precision: precision, rowsPerSlice: itemCount, threads: threadCount,
            itemsPerSecond: Self.median(wall), itemsPerCPUSecond: Self.median(processor), gflops: gflops,
            sgemmGflops: peak.sgemm, panelGflops: peak.panels, share: gflops / max(peak.sgemm, peak.panels),
            cosineMean: cosines.reduce(0, +) / Double(cosines.count),
            cosineFirstPercentile: cosines[cosines.count / 100],
            millisecondsPerQuery: query?.wall, cpuMillisecondsPerQuery: query?.processor)
    }

    private func encode() {
        _ = vectors(encoder)
    }

    private func vectors(_ encoder: DualEncoder) -> [Float] {
        model.isText ? encoder.encodeTexts(texts) : encoder.encodeImages(pixels, count: itemCount)
    }

    /// Cosines of each item's vectors in Float32 and in this precision, ascending.
    private func cosines() -> [Double] {
        let (exact, ours) = (vectors(reference), vectors(encoder))
        let dimension = encoder.embeddingDimension
        return stride(from: 0, to: exact.count, by: dimension).map { row -> Double in
            (row..<row + dimension).reduce(0) { $0 + Double(exact[$1]) * Double(ours[$1]) }
        }.sorted()
    }

    private func queryMilliseconds() -> (wall: Double, processor: Double) {
        let query = [Array(texts[4].prefix(7)) + [Int32(encoder.configuration.text.endTokenID)]]
        var (wall, processor) = ([Double](), [Double]())
        for _ in 0..<31 {
            let (start, processorStart) = (ContinuousClock.now, clock())
            _ = encoder.encodeTexts(query)
            wall.append((ContinuousClock.now - start) / .milliseconds(1))
            processor.append(Double(clock() - processorStart) * 1000 / Double(CLOCKS_PER_SEC))
        }
        return (Self.median(wall), Self.median(processor))
    }

    /// Gflop/s of the products of one slice, at the same number of threads.
    private func productRate(usesPanels: Bool) async -> Double {
        let shapes = operations.products
        let rows = shapes.map { $0.rowCount * itemCount }
        let widest =
            zip(shapes, rows).map { max($0.depth, $0.columnCount) * ($1 + PanelProduct.panelRowCount) }.max() ?? 0
        let heaviest = shapes.map { $0.depth * $0.columnCount }.max() ?? 0
        let weight = FloatRegion(FloatBuffer(count: heaviest))
        RowKernels.fill(weight, with: 0.5)
        let flops = zip(shapes, rows).reduce(0) { $0 + 2 * $1.0.depth * $1.0.columnCount * $1.1 }
        let rate = await rate(setup: { (0..<4).map { _ in FloatRegion(FloatBuffer(count: widest)) } }) { buffers in
            for (shape, rowCount) in zip(shapes, rows) {
                let used = weight.region(at: 0, count: shape.depth * shape.columnCount)
                if usesPanels {
                    PanelProduct.pack(buffers[0], into: buffers[1], rowCount: rowCount, depth: shape.depth)
                    PanelProduct.multiply(
                        packed: buffers[1], by: used, into: buffers[2], rowCount: rowCount,
                        columnCount: shape.columnCount, depth: shape.depth, panel: buffers[3])
                } else {
                    MatrixProduct.multiply(
                        buffers[0], by: used, isRightTransposed: true, into: buffers[2], rowCount: rowCount,
                        columnCount: shape.columnCount, depth: shape.depth)
                }
            }
        }
        return rate.perCPUSecond * Double(flops * threadCount) * 1e-9
    }

    private func rate(_ body: @Sendable @escaping () -> Void) async -> (perSecond: Double, perCPUSecond: Double) {
        await rate(setup: {}) { _ in body() }
    }

    /// How often `body` runs in a second on all threads together, and in a second of processor time.
    private func rate<State>(
        setup: @Sendable @escaping () -> State, _ body: @Sendable @escaping (State) -> Void
    ) async -> (perSecond: Double, perCPUSecond: Double) {
        let (start, processorStart) = (ContinuousClock.now, clock())
        let duration = Duration.seconds(seconds)
        let count = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<threadCount {
                group.addTask {
                    let state = setup()
                    var count = 0
                    repeat {
                        body(state)
                        count += 1
                    } while ContinuousClock.now - start < duration
                    return count
                }
            }
            return await group.reduce(0, +)
        }
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        return (Double(count) / elapsed, Double(count) * Double(CLOCKS_PER_SEC) / Double(clock() - processorStart))
    }

    private static func median(_ values: [Double]) -> Double {
        values.sorted()[values.count / 2]
    }
}
