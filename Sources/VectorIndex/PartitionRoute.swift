import CKernels

/// The partitions of a plan in the order in which one query looks at them.
///
/// A partition's score is <q, c> + kappa * spread * |q|, where c is the mean of its rows and the spread what their inner
/// products with a unit vector deviate by, were they spread alike in every direction: queries that lie elsewhere than the rows
/// find them in wide partitions as well as in near ones ("optimistic" routing, arXiv 2405.12207).
struct PartitionRoute: Sendable {
    /// The score in an order-preserving form above, the partition's place in the plan below.
    private var keys: [UInt64]
    /// Keys that are in order, from the front.
    private var sortedCount = 0
    private var position = 0

    init(_ plan: SearchPlan, of reader: IndexReader, queries: PreparedQueries, query: Int, kappa: Float) {
        keys = []
        keys.reserveCapacity(plan.partitions.count)
        let terms = queries.terms[query]
        let width = queries.width
        var dots = [Int32](repeating: 0, count: SegmentFormat.groupRowCount)
        var next = 0
        while next < plan.partitions.count {
            let segment = plan.partitions[next].segment
            guard let table = reader.segments[segment].partitions else {
                preconditionFailure("partitions of a segment without any")
            }
            precondition(table.width == width, "partitions of \(table.width), queries of \(width)")
            let step = 256 * terms.step
            let offset = 7.5 * step * Double(terms.coarseSum)
            table.forEachChunk { codes, first in
                guard next < plan.partitions.count, plan.partitions[next].segment == segment,
                    plan.partitions[next].number < first + codes.rowCount, let high = unsafe codes.high
                else { return }
                // coarse: [Q, D]; high: D / 2 bytes a row; dots: a number for each of at most 256 rows.
                unsafe queries.coarse.withUnsafeBufferPointer { coarse in
                    guard let from = coarse.baseAddress else { return }
                    unsafe vlm_nibble_dots(
                        reader.scanLevel, from + query * width, 1, high, codes.rowCount, width, &dots,
                        SegmentFormat.groupRowCount)
                }
                while next < plan.partitions.count, plan.partitions[next].segment == segment,
                    plan.partitions[next].number < first + codes.rowCount
                {
                    let number = plan.partitions[next].number
                    let row = number - first
                    let product = Double(codes.scale4(row)) * (Double(dots[row]) * step - offset)
                    let score = Float(terms.base + product) + kappa * table.spreads[number] * terms.length
                    let bits = score.bitPattern
                    let ordered = bits ^ (bits >> 31 == 1 ? .max : 1 << 31)
                    keys.append(UInt64(ordered) << 32 | UInt64(~UInt32(truncatingIfNeeded: next)))
                    next += 1
                }
            }
        }
    }

    /// Whether every partition was taken.
    var isAtEnd: Bool { position == keys.count }

    /// Takes the best partitions until they hold this many rows.
    ///
    /// - Returns: their places in the plan, and the rows they hold.
    mutating func take(rowCount: Int, from plan: SearchPlan) -> (partitions: [Int], rowCount: Int) {
        var taken: [Int] = []
        var rows = 0
        while rows < rowCount, position < keys.count {
            if position == sortedCount { sortMore(rowCount: rowCount - rows, of: plan) }
            let place = Int(~UInt32(truncatingIfNeeded: keys[position]))
            taken.append(place)
            rows += plan.partitions[place].rowCount
            position += 1
        }
        return (taken, rows)
    }

    /// Brings as many more keys in order as this many rows will ask for.
    private mutating func sortMore(rowCount: Int, of plan: SearchPlan) {
        let mean = max(1, plan.partitionedRowCount / keys.count)
        let wanted = min(keys.count - sortedCount, (rowCount / mean * 5 / 4) + 16)
        let rest = keys.count - sortedCount
        let sorted = sortedCount
        unsafe keys.withUnsafeMutableBufferPointer { keys in
            guard let from = keys.baseAddress else { return }
            // `rest` keys are behind `sorted`.
            unsafe vlm_select_largest(from + sorted, rest, wanted)
        }
        keys[sortedCount..<sortedCount + wanted].sort(by: >)
        sortedCount += wanted
    }
}

/// What one query has looked at so far, and what it looks at next.
struct PartitionVisits: Sendable {
    private var route: PartitionRoute
    private let effort: SearchEffort
    private let budget: Int
    private var takenRowCount = 0
    /// Rows in what was taken that may match.
    var matchCount = 0
    private var hasBegun = false

    init(_ route: PartitionRoute, effort: SearchEffort, plan: SearchPlan) {
        self.route = route
        self.effort = effort
        budget = min(effort.rowBudget ?? plan.partitionedRowCount, plan.partitionedRowCount)
    }

    /// The next partitions; none when enough was looked at: as many rows as the budget has, more of them where a condition
    /// leaves out rows (the nearest that are left lie further off: with the share s that is left, budget / sqrt(s)), and
    /// enough that match to fill the pool.
    mutating func next(_ plan: SearchPlan) -> [Int] {
        guard !route.isAtEnd else { return [] }
        var wanted = budget
        if hasBegun {
            let share = max(1e-6, Double(matchCount) / Double(max(1, takenRowCount)))
            let needed = share < 0.9 ? Int(Double(budget) / share.squareRoot()) : budget
            if takenRowCount >= needed, matchCount >= min(effort.poolSize, plan.partitionedRowCount) { return [] }
            // At most doubled at a time: the share is an estimate.
            wanted = min(takenRowCount, max(needed - takenRowCount, budget / 4 + 1))
        }
        hasBegun = true
        let (partitions, rowCount) = route.take(rowCount: max(1, wanted), from: plan)
        takenRowCount += rowCount
        return partitions
    }
}
