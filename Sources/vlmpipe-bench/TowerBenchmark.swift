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
    /// Slices of texts, taken in turn.
    private let texts: [[[Int32]]]
    private let products: TowerProducts
    /// Of one item in the mean.
    private let operationCount: Int
    private let itemCount: Int

    /// - Parameters:
    ///   - hasOutliers: Whether six gains of each norm are 30 times larger than the rest.
    ///   - texts: Token ids of the texts to encode; nil for made-up ones.
    init(
        _ model: TowerModel, _ precision: Precision, threadCount: Int, seconds: Double, hasOutliers: Bool,
        texts given: [[Int32]]? = nil
    ) throws {
        self.model = model
        self.precision = precision
        self.threadCount = threadCount
        self.seconds = seconds
        let configuration = try model.configuration()
        let architecture = try DualEncoderArchitecture(configuration)
        let parameters = model.parameters(architecture, hasOutliers: hasOutliers)
        let exact = try DualEncoder(configuration: configuration, parameters: parameters)
        let encoder = precision == .fp32 ? exact : exact.computing(in: precision)
        reference = exact
        self.encoder = encoder
        itemCount = model.isText ? min(128, given?.count ?? 128) : encoder.imageSliceRowCount
        let byteCount = model.isText ? 0 : itemCount * configuration.vision.imageByteCount
        pixels = (0..<byteCount).map { place -> UInt8 in UInt8(truncatingIfNeeded: (place &* 2_654_435_761) >> 13) }
        // Captions of Flickr8k have 5 to 40 tokens, 14 in the mean.
        let all =
            given
            ?? (0..<itemCount).map { index -> [Int32] in
                let words = (0..<4 + index * 7 % 20).map { place -> Int32 in Int32(1 + (place * 31 + index) % 60) }
                return words + [Int32(configuration.text.endTokenID)]
            }
        let slice = itemCount
        texts = stride(from: 0, through: all.count - slice, by: slice).map { Array(all[$0..<$0 + slice]) }
        let tokenCount = model.isText ? all.map(\.count).reduce(0, +) / all.count : configuration.vision.tokenCount
        products = TowerProducts(model, tokenCount: tokenCount, configuration: configuration)
        operationCount =
            model.isText
            ? all.map { encoder.textOperations(tokenCount: $0.count).total }.reduce(0, +) / all.count
            : encoder.imageOperations(count: 1).total
    }

    /// Measures the towers and the products alternately; medians of three.
    func run() async -> Result {
        var (wall, processor, sgemm, panels) = ([Double](), [Double](), [Double](), [Double]())
        _ = vectors(encoder, part: 0)
        for _ in 0..<3 {
            let tower = await rate(setup: {}) { _, part in _ = vectors(encoder, part: part) }
            wall.append(tower.perSecond * Double(itemCount))
            processor.append(tower.perCPUSecond * Double(itemCount))
            sgemm.append(await productRate(usesPanels: false))
            panels.append(await productRate(usesPanels: true))
        }
        let gflops = Self.median(processor) * Double(operationCount * threadCount) * 1e-9
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

    private func vectors(_ encoder: DualEncoder, part: Int) -> [Float] {
        model.isText
            ? encoder.encodeTexts(texts[part % texts.count]) : encoder.encodeImages(pixels, count: itemCount)
    }

    /// Cosines of each item's vectors in Float32 and in this precision, ascending.
    private func cosines() -> [Double] {
        let (exact, ours) = (vectors(reference, part: 0), vectors(encoder, part: 0))
        let dimension = encoder.embeddingDimension
        return stride(from: 0, to: exact.count, by: dimension).map { row -> Double in
            (row..<row + dimension).reduce(0) { $0 + Double(exact[$1]) * Double(ours[$1]) }
        }.sorted()
    }

    private func queryMilliseconds() -> (wall: Double, processor: Double) {
        let query = [Array(texts[0][4 % itemCount].prefix(7)) + [Int32(encoder.configuration.text.endTokenID)]]
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
        let shapes = products.shapes
        let rows = shapes.map { $0.rowCount * itemCount }
        let widest =
            zip(shapes, rows).map { max($0.depth, $0.columnCount) * ($1 + PanelProduct.panelRowCount) }.max() ?? 0
        let heaviest = shapes.map { $0.depth * $0.columnCount }.max() ?? 0
        let weight = FloatRegion(FloatBuffer(count: heaviest))
        RowKernels.fill(weight, with: 0.5)
        let flops = zip(shapes, rows).reduce(0) { $0 + 2 * $1.0.depth * $1.0.columnCount * $1.1 }
        let rate = await rate(setup: { (0..<4).map { _ in FloatRegion(FloatBuffer(count: widest)) } }) { buffers, _ in
            for (shape, rowCount) in zip(shapes, rows) {
                let used = weight.region(at: 0, count: shape.depth * shape.columnCount)
                if usesPanels {
                    PanelProduct.pack(buffers[0], into: buffers[1], rowCount: rowCount, depth: shape.depth)
                    PanelProduct.multiply(
                        packed: buffers[1], by: WeightRegion(used), into: buffers[2], rowCount: rowCount,
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

    /// How often `body`, told how often it ran before on its thread, runs in a second on all threads together, and in a second of
    /// processor time.
    private func rate<State>(
        setup: @Sendable @escaping () -> State, _ body: @Sendable @escaping (State, _ part: Int) -> Void
    ) async -> (perSecond: Double, perCPUSecond: Double) {
        let (start, processorStart) = (ContinuousClock.now, clock())
        let duration = Duration.seconds(seconds)
        let count = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<threadCount {
                group.addTask {
                    let state = setup()
                    var count = 0
                    repeat {
                        body(state, count)
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
