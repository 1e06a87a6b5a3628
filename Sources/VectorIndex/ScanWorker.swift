import CKernels
import Samples

/// Queries in both forms: as they came, and prepared for codes where the index has some.
struct QueryBatch: Sendable {
    let vectors: [Float]
    let prepared: PreparedQueries?
    let count: Int

    /// One of them as a batch of its own.
    func one(_ query: Int, dimension: Int) -> QueryBatch {
        QueryBatch(
            vectors: Array(vectors[query * dimension..<(query + 1) * dimension]), prepared: prepared?.one(query),
            count: 1)
    }
}

/// One thread's part of a search, with buffers it uses again for each group.
struct ScanWorker: ~Copyable {
    let reader: IndexReader
    let queries: QueryBatch
    /// The best rows with final scores.
    var best: [TopCandidates]
    /// Rows of segments that have their vectors, with bounds.
    var pending: [PendingRows]
    /// Rows with estimates; only for approximate searches.
    var pools: [RowPools]
    /// Whether partitions are scanned only where a query is sent, and then more than their signs.
    let scansUpperCodes: Bool
    /// Rows per query of segments stored by partition that were looked at and may match; counted in approximate searches alone.
    var matchCounts: [Int]
    var scratch = SegmentScratch()
    var codeReader = CodeReader()
    var buffers: ScanBuffers
    /// Rows whose lower codes are still to be read.
    var candidates = CodeCandidates()
    /// The numbers of all queries.
    let everyQuery: [Int32]
    private var scores: [Float]
    static let prefetchedRowCount = 16
    private var positions = [UInt32](repeating: 0, count: SegmentFormat.groupRowCount)

    /// - Parameter effort: of an approximate search.
    init(reader: IndexReader, queries: QueryBatch, neighborCount: Int, effort: SearchEffort? = nil) {
        self.reader = reader
        self.queries = queries
        best = [TopCandidates](repeating: TopCandidates(capacity: neighborCount), count: queries.count)
        pending = [PendingRows](repeating: PendingRows(capacity: neighborCount), count: queries.count)
        matchCounts = [Int](repeating: 0, count: queries.count)
        everyQuery = (0..<queries.count).map(Int32.init)
        pools = effort.map { [RowPools](repeating: RowPools($0), count: queries.count) } ?? []
        scansUpperCodes = effort.map(reader.scansUpperCodes) ?? false
        buffers = ScanBuffers(level: reader.scanLevel, queryCount: queries.count)
        scores = [Float](
            repeating: 0, count: min(queries.count, ScanBuffers.queryCount) * SegmentFormat.groupRowCount)
    }

    /// Looks at all rows of a group.
    ///
    /// - Parameters:
    ///   - number: of the item in the plan.
    ///   - wanted: the queries that look at it, in an approximate search; by default all.
    mutating func score(_ number: Int, of plan: SearchPlan, for wanted: ArraySlice<Int32>? = nil) throws {
        let item = plan.items[number]
        let segment = reader.segments[item.segment]
        let allowed = try item.mask < 0 ? nil : allowedRows(plan.masks[item.mask], item, plan, segment: segment)
        if let allowed, !allowed.contains(true) { return }
        if !segment.header.profile.isCoded {
            try scoreVectors(item, segment, allowed)
        } else if pools.isEmpty {
            try scoreCodes(item, segment, allowed)
        } else {
            try estimate(item, number, segment, allowed, wanted)
        }
    }

    // MARK: Vectors

    private mutating func scoreVectors(_ item: SearchPlan.Item, _ segment: IndexSegment, _ allowed: [Bool]?) throws {
        let rowCount = segment.table.groups[item.group].rowCount
        let key = DecodedGroupCache.Key(segment: item.segment, group: item.group)
        let halves: [UInt16]
        if let cached = reader.cache[key] {
            halves = cached
        } else {
            try segment.readVectors(group: item.group, scratch: &scratch)
            reader.cache.insert(scratch.halves, for: key)
            halves = scratch.halves
        }
        var first = 0
        while first < best.count {
            let count = min(ScanBuffers.queryCount, best.count - first)
            multiply(halves, rowCount: rowCount, firstQuery: first, queryCount: count)
            for query in 0..<count {
                let candidates = candidatePositions(query, rowCount: rowCount, threshold(first + query))
                for index in 0..<candidates {
                    let row = Int(positions[index])
                    if let allowed, !allowed[row] { continue }
                    try insert(
                        scores[query * SegmentFormat.groupRowCount + row], query: first + query, row: row, item,
                        segment)
                }
            }
            first += count
        }
    }

    /// Scores below this cannot be among the best any more.
    func threshold(_ query: Int) -> Float { max(best[query].threshold, pending[query].threshold) }

    mutating func insert(
        _ score: Float, query: Int, row: Int, _ item: SearchPlan.Item, _ segment: IndexSegment
    ) throws {
        let id = try segment.readID(row, group: item.group, scratch: &scratch)
        best[query].insert(
            Candidate(
                score: score, id: id, segment: Int32(item.segment), group: Int32(item.group), row: Int32(row)))
    }

    private mutating func multiply(_ halves: [UInt16], rowCount: Int, firstQuery: Int, queryCount: Int) {
        let dimension = reader.dimension
        let vectors = queries.vectors
        precondition(
            halves.count >= rowCount * dimension && vectors.count >= (firstQuery + queryCount) * dimension
                && scores.count >= queryCount * SegmentFormat.groupRowCount,
            "scan of \(rowCount) rows for \(queryCount) queries of dimension \(dimension)")
        // The three buffers have the sizes just checked, and the kernel touches nothing else.
        unsafe vectors.withUnsafeBufferPointer { queries in
            unsafe halves.withUnsafeBufferPointer { halves in
                unsafe scores.withUnsafeMutableBufferPointer { scores in
                    guard let from = queries.baseAddress, let rows = halves.baseAddress, let to = scores.baseAddress
                    else { return }
                    unsafe vlm_scan_f16(
                        from + firstQuery * dimension, queryCount, rows, rowCount, dimension, to,
                        SegmentFormat.groupRowCount)
                }
            }
        }
    }

    /// Writes the rows whose score reaches the threshold to `positions`, returns how many.
    private mutating func candidatePositions(_ query: Int, rowCount: Int, _ threshold: Float) -> Int {
        unsafe scores.withUnsafeBufferPointer { scores in
            unsafe positions.withUnsafeMutableBufferPointer { positions in
                guard let from = scores.baseAddress, let to = positions.baseAddress else { return 0 }
                return unsafe vlm_positions_at_least(
                    from + query * SegmentFormat.groupRowCount, rowCount, threshold, to)
            }
        }
    }

    // MARK: Filters

    private mutating func allowedRows(
        _ mask: SearchPlan.Mask, _ item: SearchPlan.Item, _ plan: SearchPlan, segment: IndexSegment
    ) throws -> [Bool] {
        guard let shares = mask.shares else { return try allowedRows(mask, item, plan.sharesOfShards, segment) }
        var allowed = [Bool](repeating: false, count: segment.table.groups[item.group].rowCount)
        var ordinals: [UInt32]?
        for share in shares {
            guard let wanted = share.ordinals else {
                for row in share.rows { allowed[row] = true }
                continue
            }
            let known = try ordinals ?? segment.readOrdinals(group: item.group, scratch: &scratch)
            ordinals = known
            for row in share.rows { allowed[row] = RowFilter.contains(known[row], in: wanted) }
        }
        for row in mask.deleted { allowed[row] = false }
        return allowed
    }

    /// The same where each row says which shard it is of.
    private mutating func allowedRows(
        _ mask: SearchPlan.Mask, _ item: SearchPlan.Item, _ sharesOfShards: [Int: [RowFilter.Share]],
        _ segment: IndexSegment
    ) throws -> [Bool] {
        guard let shares = sharesOfShards[item.segment] else { preconditionFailure("a mask without shares") }
        let numbers = try segment.readShards(group: item.group, scratch: &scratch)
        let ordinals = try segment.readOrdinals(group: item.group, scratch: &scratch)
        var allowed = numbers.indices.map { row in
            switch shares[Int(numbers[row])] {
            case .none: false
            case .all: true
            case .some(let wanted): RowFilter.contains(ordinals[row], in: wanted)
            }
        }
        for row in mask.deleted { allowed[row] = false }
        return allowed
    }
}

extension PendingRow {
    init(_ estimate: RowEstimate, _ item: SearchPlan.Item, row: Int) {
        self.init(
            score: estimate.score, error: estimate.error, segment: Int32(item.segment), group: Int32(item.group),
            row: Int32(row))
    }
}
