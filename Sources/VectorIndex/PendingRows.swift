/// A row whose score is known up to an error, until its vector is read.
struct PendingRow: Sendable {
    let score: Float
    let error: Float
    let segment: Int32
    let group: Int32
    let row: Int32

    var upper: Float { score + error }
    var lower: Float { score - error }
}

/// Rows that may be among the best K, found by certain bounds: whoever cannot be any more is dropped.
///
/// Which rows remain in the end does not depend on the order of insertion: those whose upper bound reaches the K-th
/// largest lower bound.
struct PendingRows: Sendable {
    private let capacity: Int
    private(set) var rows: [PendingRow] = []
    /// A heap of the K largest lower bounds, the smallest on top.
    private var bounds: [Float] = []
    private var sizeAfterCleaning = 0

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Rows whose upper bound is below this cannot be among the best K.
    var threshold: Float { bounds.count < capacity ? -.infinity : bounds[0] }

    mutating func insert(_ row: PendingRow) {
        guard row.upper >= threshold else { return }
        rows.append(row)
        insertBound(row.lower)
        if rows.count >= 2 * sizeAfterCleaning + 1024 { clean() }
    }

    mutating func clean() {
        let threshold = threshold
        rows.removeAll { $0.upper < threshold }
        sizeAfterCleaning = rows.count
    }

    private mutating func insertBound(_ bound: Float) {
        if bounds.count < capacity {
            bounds.append(bound)
            var child = bounds.count - 1
            while child > 0, bounds[(child - 1) / 2] > bounds[child] {
                bounds.swapAt(child, (child - 1) / 2)
                child = (child - 1) / 2
            }
        } else if capacity > 0, bound > bounds[0] {
            bounds[0] = bound
            var parent = 0
            while true {
                var least = parent
                for child in [2 * parent + 1, 2 * parent + 2]
                where child < bounds.count && bounds[child] < bounds[least] {
                    least = child
                }
                if least == parent { return }
                bounds.swapAt(parent, least)
                parent = least
            }
        }
    }
}
