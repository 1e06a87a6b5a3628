import CKernels

/// The rows with the best estimates seen so far, for a later look at more of their bits.
///
/// A row is one number: its estimate in an order-preserving form above, its place in the plan below, so that equal
/// estimates are ordered by place and what remains does not depend on the order of insertion.
struct EstimatePool: Sendable {
    /// Groups of a plan that numbers have room for.
    static let maximumItemCount = 1 << 24

    private let capacity: Int
    private var keys: [UInt64] = []
    /// Estimates below this cannot enter any more.
    private(set) var threshold: Float = -.infinity

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Adds a row of an item of the plan.
    mutating func insert(_ estimate: Float, item: Int, row: Int) {
        let bits = estimate.bitPattern
        let ordered = bits ^ (bits >> 31 == 1 ? .max : 1 << 31)
        keys.append(UInt64(ordered) << 32 | UInt64(~(UInt32(truncatingIfNeeded: item) << 8 | UInt32(row))))
        if keys.count >= 4 * capacity { clean() }
    }

    /// Adds the rows of another pool over the same plan.
    mutating func insert(_ other: EstimatePool) {
        keys += other.keys
        if keys.count >= 4 * capacity { clean() }
    }

    /// Keeps the best.
    private mutating func clean() {
        guard keys.count > capacity else { return }
        unsafe keys.withUnsafeMutableBufferPointer { keys in
            guard let from = keys.baseAddress else { return }
            unsafe vlm_select_largest(from, keys.count, capacity)
        }
        keys.removeLast(keys.count - capacity)
        guard let least = keys.min() else { return }
        let ordered = UInt32(least >> 32)
        threshold = Float(bitPattern: ordered ^ (ordered >> 31 == 1 ? 1 << 31 : .max))
    }

    /// The places of the best, in the order of the plan.
    mutating func places() -> [(item: Int, row: Int)] {
        clean()
        return keys.map { ~UInt32(truncatingIfNeeded: $0) }.sorted().map { (Int($0 >> 8), Int($0 & 255)) }
    }
}
