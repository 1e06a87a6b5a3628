/// What matrix products of this machine reach, measured: the limit that towers are held against.
///
/// ```swift
/// let peak = await MatrixProductPeak.measure(threads: 2)
/// let share = peak.seconds(for: encoder.imageOperations(count: 1000)) / secondsItTook
/// ```
public struct MatrixProductPeak: Sendable, Equatable, Codable {
    /// Operations per second of Float32 products, all threads together: the better of OpenBLAS and `PanelProduct`.
    public let float: Double
    /// Operations per second of products in 8-bit integers, all threads together; those in 16 bits are taken to run at half of it.
    public let integer: Double
    /// Threads that computed at once.
    public let threadCount: Int

    /// Measured or recorded rates, both above 0.
    public init(float: Double, integer: Double, threadCount: Int) {
        precondition(float > 0 && integer > 0 && threadCount > 0, "peak of \(float) and \(integer) operations a second")
        self.float = float
        self.integer = integer
        self.threadCount = threadCount
    }

    /// The time that these operations would take at the peak.
    public func seconds(for operations: OperationCount) -> Double {
        Double(operations.float) / float + Double(operations.integer + 2 * operations.wideInteger) / integer
    }

    /// The larger rates of two measurements of the same threads: other work on the machine lowers a rate, nothing raises it.
    public func larger(_ other: MatrixProductPeak) -> MatrixProductPeak {
        precondition(threadCount == other.threadCount, "peaks of \(threadCount) and \(other.threadCount) threads")
        return MatrixProductPeak(
            float: max(float, other.float), integer: max(integer, other.integer), threadCount: threadCount)
    }

    /// Measures `threads` threads at once, `seconds` in all (and some hundredths for making operands).
    ///
    /// Each thread's rate is that of its fastest product, so that other work on the machine lowers it as little as can be. Runs
    /// on the caller's executor; one of fewer threads computes the rates one after the other and takes longer.
    public static func measure(threads: Int, seconds: Double = 0.2) async -> MatrixProductPeak {
        precondition(threads > 0 && seconds > 0, "peak of \(threads) threads in \(seconds) s")
        let operands = Operands()
        func rate(_ kind: Kind, share: Double) async -> Double {
            await withTaskGroup(of: Double.self) { group in
                for _ in 0..<threads {
                    group.addTask { operands.rate(kind, seconds: seconds * share) }
                }
                return await group.reduce(0, +)
            }
        }
        let library = await rate(.library, share: 0.35)
        let panels = await rate(.panels, share: 0.35)
        return MatrixProductPeak(
            float: max(library, panels), integer: await rate(.integers, share: 0.3), threadCount: threads)
    }

    private enum Kind {
        case library, panels, integers
    }

    /// A product of the shapes that towers have: far more rows and columns than a tile, operands that fit in the caches.
    private struct Operands {
        let rowCount = 384
        let columnCount = 2048
        let depth = 768
        let weight: FloatRegion
        let quantized: QuantizedWeights

        init() {
            weight = FloatRegion(FloatBuffer(count: columnCount * depth))
            RowKernels.fill(weight, with: 0.5)
            quantized = QuantizedWeights(WeightRegion(weight), columnCount: columnCount, depth: depth)
        }

        /// Operations per second of the fastest product within `seconds`; at least three are computed.
        func rate(_ kind: Kind, seconds: Double) -> Double {
            let x = FloatRegion(FloatBuffer(count: rowCount * depth))
            RowKernels.fill(x, with: 0.25)
            let y = FloatRegion(FloatBuffer(count: rowCount * columnCount))
            let scratch = FloatRegion(FloatBuffer(count: scratchCount(kind)))
            if kind == .panels { PanelProduct.pack(x, into: scratch, rowCount: rowCount, depth: depth) }
            let start = ContinuousClock.now
            var (best, count) = (Double.infinity, 0)
            repeat {
                let began = ContinuousClock.now
                multiply(kind, x, scratch, into: y)
                best = min(best, (ContinuousClock.now - began) / .seconds(1))
                count += 1
            } while count < 3 || ContinuousClock.now - start < .seconds(seconds)
            return Double(2 * rowCount * columnCount * depth) / max(best, 1e-9)
        }

        private func scratchCount(_ kind: Kind) -> Int {
            switch kind {
            case .library: 0
            case .panels:
                PanelProduct.packedCount(rowCount: rowCount, depth: depth) + PanelProduct.panelCount(depth: depth)
            case .integers: QuantizedProduct.Scratch(rowCount: rowCount, weights: quantized).count
            }
        }

        private func multiply(_ kind: Kind, _ x: FloatRegion, _ scratch: FloatRegion, into y: FloatRegion) {
            switch kind {
            case .library:
                MatrixProduct.multiply(
                    x, by: weight, isRightTransposed: true, into: y, rowCount: rowCount, columnCount: columnCount,
                    depth: depth)
            case .panels:
                PanelProduct.multiply(
                    packed: scratch, by: WeightRegion(weight), into: y, rowCount: rowCount, columnCount: columnCount,
                    depth: depth,
                    panel: scratch.suffix(from: PanelProduct.packedCount(rowCount: rowCount, depth: depth)))
            case .integers:
                QuantizedProduct.multiply(x, by: quantized, into: y, rowCount: rowCount, scratch: scratch)
            }
        }
    }
}
