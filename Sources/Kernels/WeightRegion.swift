import CKernels

/// Row-major weights as they are stored: Float32, or 16 bits that are widened, exactly, where they are used.
///
/// What a kernel makes of 16-bit weights is, in every bit, what it makes of the same weights as floats.
public struct WeightRegion: Sendable {
    private enum Storage: Sendable {
        case floats(FloatRegion)
        case halves(HalfBuffer, offset: Int)
    }

    private let storage: Storage
    /// The number of weights.
    public let count: Int

    /// Weights in Float32.
    public init(_ floats: FloatRegion) {
        storage = .floats(floats)
        count = floats.count
    }

    /// Weights of 16 bits.
    public init(_ halves: HalfBuffer) {
        storage = .halves(halves, offset: 0)
        count = halves.count
    }

    private init(_ halves: HalfBuffer, offset: Int, count: Int) {
        storage = .halves(halves, offset: offset)
        self.count = count
    }

    /// A part of these weights; traps when it leaves them.
    public func region(at start: Int, count partCount: Int) -> WeightRegion {
        precondition(
            start >= 0 && partCount >= 0 && partCount <= count - start,
            "region of \(partCount) weights at \(start) leaves a region of \(count)")
        switch storage {
        case .floats(let region): return WeightRegion(region.region(at: start, count: partCount))
        case .halves(let buffer, let offset):
            return WeightRegion(buffer, offset: offset + start, count: partCount)
        }
    }

    /// The weights where they are, when they are in Float32.
    public var floats: FloatRegion? {
        if case .floats(let region) = storage { region } else { nil }
    }

    /// The weights as an array of floats.
    public var array: [Float] {
        let floats = FloatBuffer(count: count)
        widen(into: FloatRegion(floats))
        return floats.array
    }

    /// Writes all of them as floats; traps when there is less room.
    public func widen(into output: FloatRegion) {
        output.require(count, "widen", "output")
        unsafe vlm_widen_weights(value, output.pointer, count)
    }

    /// Whether none is infinite or NaN.
    public var isFinite: Bool { unsafe vlm_all_weights_finite(value, count) != 0 }

    /// The weights for C; in bounds for `count` of them while the region lives.
    var value: vlm_weights {
        switch storage {
        case .floats(let region):
            return unsafe vlm_weights(base: region.pointer, element: Int32(VLM_WEIGHT_F32))
        case .halves(let buffer, let offset):
            return unsafe vlm_weights(base: buffer.storage + offset, element: buffer.format.code)
        }
    }

    /// Traps when there are fewer weights than a kernel is about to read.
    func require(_ needed: Int, _ operation: StaticString) {
        precondition(needed >= 0 && needed <= count, "\(operation): \(count) weights, needs \(needed)")
    }
}
