import CKernels

/// Approximate scans: estimates of rows for the pools, and a second look at those that stay in them.
extension ScanWorker {
    /// Estimates of a group's rows. Where a query is sent to few rows, four bits of each element are read instead of one: to look
    /// again at the many rows that signs alone would leave takes longer.
    ///
    /// - Parameters:
    ///   - number: of the item in the plan.
    ///   - wanted: the queries that look at it; `nil` for all.
    mutating func estimate(
        _ item: SearchPlan.Item, _ number: Int, _ segment: IndexSegment, _ allowed: [Bool]?,
        _ wanted: ArraySlice<Int32>?
    ) throws {
        guard let prepared = queries.prepared else { preconditionFailure("codes need prepared queries") }
        let isUpper = scansUpperCodes && segment.partitions != nil
        let codes = try codeReader.codes(of: segment, group: item.group, need: isUpper ? .upper : .signs)
        codes.prefetchScales(isUpper: isUpper)
        let isScaleKnown = unsafe !isUpper && segment.base != nil
        let largestScale = isScaleKnown ? segment.largestScale1(ofGroup: item.group, codes) : nil
        let matchCount = segment.partitions == nil ? 0 : allowed?.count(where: \.self) ?? codes.rowCount
        for query in wanted ?? everyQuery[...] {
            let query = Int(query)
            matchCounts[query] += matchCount
            let terms = prepared.terms[query]
            let threshold = pools[query].threshold(isUpper: isUpper)
            let found: Int
            if isUpper {
                buffers.scanHigh(codes, queries: prepared, first: query, count: 1)
                found = buffers.estimates4(codes, terms, threshold: threshold)
            } else {
                buffers.scanSigns(codes, queries: prepared, query: query)
                found = buffers.positions1(codes, terms, threshold: threshold, largestScale: largestScale)
            }
            for index in 0..<found {
                let row = buffers.position(index)
                if let allowed, !allowed[row] { continue }
                pools[query].insert(buffers.value(index), item: number, row: row, isUpper: isUpper)
            }
        }
    }

    /// Asks for the beginning of what is read of a group whose upper codes are scanned: it lies anywhere in the file.
    func prefetch(_ item: SearchPlan.Item) {
        let segment = reader.segments[item.segment]
        if scansUpperCodes, segment.partitions != nil {
            codeReader.prefetchUpperCodes(of: segment, group: item.group)
        }
    }

    /// Looks at the rows of a pool again, with all their bits, and returns what is then known of them.
    mutating func estimates(of places: [(item: SearchPlan.Item, row: Int)], query: Int) throws -> [PendingRow] {
        guard let prepared = queries.prepared else { preconditionFailure("codes need prepared queries") }
        var rows: [PendingRow] = []
        rows.reserveCapacity(places.count)
        func prefetch(_ place: (item: SearchPlan.Item, row: Int)) {
            codeReader.prefetchRow(place.row, of: reader.segments[place.item.segment], group: place.item.group)
        }
        // Each row is somewhere else: the next ones are asked for while one is looked at.
        for place in places.prefix(Self.prefetchedRowCount) { prefetch(place) }
        for (position, place) in places.enumerated() {
            let ahead = position + Self.prefetchedRowCount
            if ahead < places.count { prefetch(places[ahead]) }
            let segment = reader.segments[place.item.segment]
            let group = place.item.group
            let codes = try codeReader.codes(of: segment, group: group, need: .signs)
            let bits = unsafe try codeReader.row(place.row, of: segment, group: group, codes: codes)
            let estimate = unsafe RowEstimate(
                codes, row: place.row, bits: bits, queries: prepared, query: query, level: buffers.level)
            guard estimate.score.isFinite else { throw segment.damaged(.factors, group: place.item.group) }
            rows.append(PendingRow(estimate.likely(width: codes.width), place.item, row: place.row))
        }
        return rows
    }
}

/// The rows of one query that are looked at again: apart those estimated from signs and from upper codes, for these estimates
/// do not compare.
struct RowPools: Sendable {
    private var signs: EstimatePool
    private var upperCodes: EstimatePool

    init(_ effort: SearchEffort) {
        signs = EstimatePool(capacity: effort.poolSize)
        upperCodes = EstimatePool(capacity: effort.poolSize)
    }

    /// Estimates below this cannot enter any more.
    func threshold(isUpper: Bool) -> Float { isUpper ? upperCodes.threshold : signs.threshold }

    /// Adds a row of an item of the plan.
    mutating func insert(_ estimate: Float, item: Int, row: Int, isUpper: Bool) {
        if isUpper {
            upperCodes.insert(estimate, item: item, row: row)
        } else {
            signs.insert(estimate, item: item, row: row)
        }
    }

    /// Adds the rows of other pools over the same plan.
    mutating func insert(_ other: RowPools) {
        signs.insert(other.signs)
        upperCodes.insert(other.upperCodes)
    }

    /// The places of the best.
    mutating func places() -> [(item: Int, row: Int)] { signs.places() + upperCodes.places() }
}
