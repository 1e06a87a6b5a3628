import CKernels

/// Exact over codes: 4 bits of every row give a certain bound, rows that reach the threshold are looked at with all their bits,
/// first against half of the query's.
extension ScanWorker {
    mutating func scoreCodes(_ item: SearchPlan.Item, _ segment: IndexSegment, _ allowed: [Bool]?) throws {
        guard let prepared = queries.prepared else { preconditionFailure("codes need prepared queries") }
        let codes = try codeReader.codes(of: segment, group: item.group, need: .scan)
        codes.prefetchFactors()
        var first = 0
        while first < best.count {
            let count = min(ScanBuffers.queryCount, best.count - first)
            buffers.scanHigh(codes, queries: prepared, first: first, count: count)
            for slot in 0..<count {
                let query = first + slot
                let found = buffers.positions4(
                    codes, prepared.terms[query], slot: slot, threshold: threshold(query))
                for index in 0..<found where buffers.value(index) >= threshold(query) {
                    let row = buffers.position(index)
                    if let allowed, !allowed[row] { continue }
                    if codes.profile == .lite {
                        try look(at: row, item, codes, query: query)
                    } else {
                        try add(row, item, segment, codes, query: query, slot: slot)
                    }
                }
            }
            first += count
        }
        // What is not mapped stays only until the next group.
        if unsafe segment.base == nil { try lookAtCandidates(codes) }
    }

    private mutating func add(
        _ row: Int, _ item: SearchPlan.Item, _ segment: IndexSegment, _ codes: GroupCodes, query: Int, slot: Int
    ) throws {
        let mapped = unsafe segment.base.map { unsafe $0 + segment.places[item.group].low }
        guard let low = unsafe mapped ?? codes.low else { preconditionFailure("a group without lower codes") }
        let candidate = CodeCandidate(
            query: query, item: item, row: row, highDot: buffers.dot(row, slot: slot), scale: codes.scale8(row),
            error: codes.profile == .full ? codes.error8(row) : 0, longest: codes.longest8)
        // row is below the group's row count, as the frame has rows.
        unsafe candidates.append(candidate, low: low + row * codes.width / 2)
        if candidates.isFull { try lookAtCandidates(codes) }
    }

    /// Looks at all candidates there are; to be called before a scan ends.
    ///
    /// - Parameter codes: of the group scanned last; only those of files that are not mapped are used.
    mutating func lookAtCandidates(_ codes: GroupCodes? = nil) throws {
        guard let prepared = queries.prepared, !candidates.rows.isEmpty else { return }
        for candidate in candidates.rows.prefix(Self.prefetchedRowCount) { prefetchUnchecked(candidate) }
        for (position, candidate) in candidates.rows.enumerated() {
            let segment = reader.segments[candidate.item.segment]
            guard unsafe segment.base != nil else { break }
            let ahead = position + Self.prefetchedRowCount
            if ahead < candidates.rows.count { prefetchUnchecked(candidates.rows[ahead]) }
            if segment.isChecked(row: candidate.row, group: candidate.item.group) { continue }
            let group = try mappedCodes(of: candidate, segment)
            _ = unsafe try codeReader.row(candidate.row, of: segment, group: candidate.item.group, codes: group)
        }
        let dots = candidates.lowDots(prepared, level: buffers.level)
        for (candidate, dot) in zip(candidates.rows, dots) {
            let segment = reader.segments[candidate.item.segment]
            let bound = candidate.bound(
                lowDot: dot, prepared.terms[candidate.query], profile: segment.header.profile)
            // What is no number is reported below.
            if bound < threshold(candidate.query) { continue }
            let group = try unsafe segment.base == nil ? codes : mappedCodes(of: candidate, segment)
            guard let group else { preconditionFailure("candidates of files that are not mapped are of one group") }
            try look(at: candidate.row, candidate.item, group, query: candidate.query)
        }
        candidates.removeAll()
    }

    private func prefetchUnchecked(_ candidate: CodeCandidate) {
        let segment = reader.segments[candidate.item.segment]
        guard !segment.isChecked(row: candidate.row, group: candidate.item.group) else { return }
        codeReader.prefetchRow(candidate.row, of: segment, group: candidate.item.group)
    }

    /// The codes of the group of a candidate in a mapped file, but those that only a scan needs.
    private mutating func mappedCodes(of candidate: CodeCandidate, _ segment: IndexSegment) throws -> GroupCodes {
        let isPacked = segment.places[candidate.item.group].isPacked
        return try codeReader.codes(of: segment, group: candidate.item.group, need: isPacked ? .signs : .scan)
    }

    /// Looks at all bits of a row.
    private mutating func look(at row: Int, _ item: SearchPlan.Item, _ codes: GroupCodes, query: Int) throws {
        guard let prepared = queries.prepared else { preconditionFailure("codes need prepared queries") }
        let segment = reader.segments[item.segment]
        let bits = unsafe try codeReader.row(row, of: segment, group: item.group, codes: codes)
        let estimate = unsafe RowEstimate(
            codes, row: row, bits: bits, queries: prepared, query: query, level: buffers.level)
        guard estimate.score.isFinite else { throw segment.damaged(.factors, group: item.group) }
        if codes.profile == .full {
            pending[query].insert(PendingRow(estimate, item, row: row))
        } else if estimate.score >= threshold(query) {
            try insert(estimate.score, query: query, row: row, item, segment)
        }
    }
}
