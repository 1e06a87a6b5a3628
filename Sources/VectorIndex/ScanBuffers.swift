import CKernels

/// Buffers of one thread's scan, and the kernel calls over them.
@safe
struct ScanBuffers: ~Copyable {
    static let rowCount = SegmentFormat.groupRowCount
    /// Queries scored together against one group: their codes stay in the second-level cache.
    static let queryCount = 64

    /// Queries there is room for.
    private let capacity: Int
    /// [capacity, 256] sums of one section.
    private let dots: UnsafeMutablePointer<Int32>
    private let foundPositions: UnsafeMutablePointer<UInt32>
    private let foundValues: UnsafeMutablePointer<Float>
    let level: Int32

    /// - Parameter queryCount: of the search; of more than 64 so many are scored together.
    init(level: Int32, queryCount: Int) {
        self.level = level
        capacity = min(queryCount, Self.queryCount)
        unsafe dots = .allocate(capacity: max(1, capacity) * Self.rowCount)
        // The kernel writes 16 at a time.
        unsafe foundPositions = .allocate(capacity: Self.rowCount + 16)
        unsafe foundValues = .allocate(capacity: Self.rowCount + 16)
    }

    deinit {
        unsafe dots.deallocate()
        unsafe foundPositions.deallocate()
        unsafe foundValues.deallocate()
    }

    func position(_ index: Int) -> Int { Int(unsafe foundPositions[index]) }
    func value(_ index: Int) -> Float { unsafe foundValues[index] }

    /// The sum of the upper halves of a row of the group scanned last with the query scanned as `slot`.
    func dot(_ row: Int, slot: Int) -> Int32 {
        precondition(
            row >= 0 && row < Self.rowCount && slot >= 0 && slot < capacity, "dot of row \(row), slot \(slot)")
        return unsafe dots[slot * Self.rowCount + row]
    }

    /// Sums of the upper halves of the codes with `queries` [count, D] from `first` on.
    func scanHigh(_ codes: GroupCodes, queries: PreparedQueries, first: Int, count: Int) {
        precondition(
            count <= capacity && first + count <= queries.count && codes.rowCount <= Self.rowCount
                && codes.width == queries.width, "scanHigh: \(count) queries from \(first), width \(codes.width)")
        guard let high = unsafe codes.high else { preconditionFailure("scanHigh needs codes") }
        // rows: rowCount * width / 2 bytes by the table; queries and dots have the sizes just checked.
        unsafe queries.coarse.withUnsafeBufferPointer { coarse in
            guard let from = coarse.baseAddress else { return }
            unsafe vlm_nibble_dots(
                level, from + first * codes.width, count, high, codes.rowCount, codes.width, dots, Self.rowCount)
        }
    }

    /// Rows whose bound from 4 bits reaches `threshold`; their number.
    func positions4(_ codes: GroupCodes, _ terms: PreparedQueries.Terms, slot: Int, threshold: Float) -> Int {
        let step = 256 * terms.step
        let rounding = (terms.coarseError + terms.error) * codes.longest4 + terms.error * codes.longest8
        var base = Float(terms.base) + rounding + terms.slack
        // Errors are those against binary16 vectors.
        if codes.profile == .full { base += terms.length * FineBits.distance }
        var columns = unsafe codes.columns4
        return unsafe vlm_bounded_positions(
            level, dots + slot * Self.rowCount, &columns, codes.rowCount, base,
            Float(step), Float(7.5 * step * Double(terms.coarseSum)), terms.length, threshold, .min,
            foundPositions, foundValues)
    }

    /// Rows whose estimate from the upper halves just scanned with one query reaches `threshold`; their number.
    func estimates4(_ codes: GroupCodes, _ terms: PreparedQueries.Terms, threshold: Float) -> Int {
        let step = 256 * terms.step
        var columns = unsafe codes.estimateColumns4
        return unsafe vlm_bounded_positions(
            level, dots, &columns, codes.rowCount, Float(terms.base), Float(step),
            Float(7.5 * step * Double(terms.coarseSum)), 0, threshold, .min, foundPositions, foundValues)
    }

    /// Sums of the signs with one query.
    func scanSigns(_ codes: GroupCodes, queries: PreparedQueries, query: Int) {
        precondition(
            query < queries.count && codes.width == queries.width && codes.rowCount <= Self.rowCount,
            "scanSigns: query \(query), width \(codes.width)")
        guard let signs = unsafe codes.signs else { preconditionFailure("scanSigns needs signs") }
        // rows: rowCount * width / 8 bytes by the table; planes and dots have the sizes just checked.
        unsafe queries.planes.withUnsafeBufferPointer { planes in
            guard let from = planes.baseAddress else { return }
            unsafe vlm_sign_dots(
                level, from + query * queries.planeByteCount, signs, codes.rowCount, codes.width, dots)
        }
    }

    /// Rows whose estimate from the signs just scanned reaches `threshold`; their number.
    ///
    /// - Parameter largestScale: no scale of the group's signs is larger or negative; `nil` if that is not known.
    func positions1(
        _ codes: GroupCodes, _ terms: PreparedQueries.Terms, threshold: Float, largestScale: Float?
    ) -> Int {
        var columns = unsafe codes.columns1
        let leastDot = largestScale.map { terms.leastDot(reaching: threshold, scale: $0) } ?? .min
        return unsafe vlm_bounded_positions(
            level, dots, &columns, codes.rowCount, Float(terms.base), terms.planeStep, 0, 0, threshold, leastDot,
            foundPositions, foundValues)
    }
}

/// The score of one row from its code, and how far it can be from that of its vector.
struct RowEstimate {
    let score: Float
    let error: Float

    private init(score: Float, error: Float) {
        self.score = score
        self.error = error
    }

    /// The same with an error that is hardly ever exceeded, for searches that are approximate anyway: an error vector has no
    /// reason to point along the query, so <q, e> has a standard deviation of |q| |e| / sqrt(D), and six are allowed for.
    func likely(width: Int) -> RowEstimate {
        RowEstimate(score: score, error: error * min(1, 6 / Float(width).squareRoot()))
    }

    /// - Parameter bits: the row's codes.
    @unsafe init(
        _ codes: GroupCodes, row: Int, bits: CodeReader.Row, queries: PreparedQueries, query: Int, level: Int32
    ) {
        precondition(
            row < codes.rowCount && query < queries.count && codes.width == queries.width,
            "RowEstimate: row \(row) of \(codes.rowCount), query \(query)")
        let terms = queries.terms[query]
        // pairs: two times width numbers for each query; bits: width / 2 bytes each.
        let dot = unsafe queries.pairs.withUnsafeBufferPointer { pairs -> Int64 in
            guard let from = pairs.baseAddress else { return 0 }
            return unsafe vlm_code_dot(level, from + query * 2 * codes.width, bits.high, bits.low, codes.width)
        }
        if codes.profile == .lite {
            let product = Double(dot / 16) - 7.5 * Double(terms.sum)
            score = Float(terms.base + Double(codes.scale4(row)) * terms.step * product)
            error = 0
        } else {
            let product = Double(dot) - 127.5 * Double(terms.sum)
            score = Float(terms.base + Double(codes.scale8(row)) * terms.step * product)
            error =
                codes.profile == .full
                ? terms.length * (codes.error8(row) + FineBits.distance) + terms.error * codes.longest8 + terms.slack
                : 0
        }
    }
}
