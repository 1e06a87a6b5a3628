import CKernels

/// A row whose bound from its upper codes reached the threshold.
struct CodeCandidate {
    let query: Int
    let item: SearchPlan.Item
    let row: Int
    /// The sum of its upper codes with the upper byte of the query.
    let highDot: Int32
    let scale: Float
    let error: Float
    /// The largest length of an 8-bit reading in its group.
    let longest: Float
}

/// Candidates of one thread's scan, until their lower codes are read.
///
/// Those lie anywhere in memory. To wait for each of them would stop the scan at every group, so they are read many at once.
@safe
struct CodeCandidates: ~Copyable {
    /// Enough to hide the way to memory; few, for the threshold rises only when they are looked at.
    static let capacity = 128

    private(set) var rows: [CodeCandidate] = []
    private let lows: UnsafeMutablePointer<UnsafePointer<UInt8>?>
    private var queryNumbers: [UInt32] = []
    private var dots = [Int32](repeating: 0, count: capacity)

    init() {
        unsafe lows = .allocate(capacity: Self.capacity)
    }

    deinit {
        unsafe lows.deallocate()
    }

    var isFull: Bool { rows.count == Self.capacity }

    /// Adds a row; traps if there is no room.
    ///
    /// - Parameter low: its lower codes, which must stay where they are until `removeAll`.
    @unsafe mutating func append(_ row: CodeCandidate, low: UnsafePointer<UInt8>) {
        precondition(!isFull, "candidates are looked at before there are more")
        unsafe lows[rows.count] = low
        rows.append(row)
        queryNumbers.append(UInt32(row.query))
    }

    mutating func removeAll() {
        rows.removeAll(keepingCapacity: true)
        queryNumbers.removeAll(keepingCapacity: true)
    }

    /// Reads the lower codes of all, and returns their sums with the upper bytes of their queries.
    mutating func lowDots(_ queries: PreparedQueries, level: Int32) -> [Int32] {
        precondition(rows.allSatisfy { $0.query >= 0 && $0.query < queries.count }, "candidates of other queries")
        // Each row has width / 2 bytes, as `append` asks for.
        unsafe queries.coarse.withUnsafeBufferPointer { coarse in
            guard let from = coarse.baseAddress else { return }
            unsafe vlm_scattered_dots(level, from, queryNumbers, lows, rows.count, queries.width, &dots)
        }
        return dots
    }
}

extension CodeCandidate {
    /// What `RowEstimate` can give at most: score and, where vectors are read later, error.
    ///
    /// The upper byte of the query alone is `coarseError` from the query, whose 16 bits are `error` from it.
    func bound(lowDot: Int32, _ terms: PreparedQueries.Terms, profile: IndexProfile) -> Float {
        var rest = (terms.coarseError + terms.error) * longest + terms.slack
        if profile == .full {
            rest += terms.length * (error + FineBits.distance) + terms.error * longest + terms.slack
        }
        let product = 16 * Int64(highDot) + Int64(lowDot)
        let centred = Double(2 * product - 255 * terms.coarseSum)
        return Float(terms.base + Double(scale) * 128 * terms.step * centred) + rest
    }
}
