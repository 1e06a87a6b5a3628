import CKernels
import PipelineEngine
import Samples
import Synchronization

extension IndexReader {
    /// Queries scored together against one group: their vectors stay in the second-level cache.
    private static let queryBlockCount = 64
    /// Bytes that the candidate lists of one pass may take.
    private static let candidateByteCount = 64 << 20

    /// The nearest vectors of each query, exactly: every row is scored.
    ///
    /// - Returns: For each query min(K, matching rows) hits, by falling score, then rising id. Scores are Float32 sums
    ///   over the stored F16 values in a fixed order: the result does not depend on the number of threads, on the other
    ///   queries, or on how rows are spread over segments.
    /// - Throws: `spaceMismatch` for queries of another space or dimension, `invalidVector` for queries that are not
    ///   finite, `damaged` if a checksum does not match, `CancellationError`.
    public func search(_ request: SearchRequest, on pool: ComputePool) async throws -> [[SearchHit]] {
        try SpaceCheck.require(
            request.space, request.dimension, matches: space, dimension, indexPath: path,
            remedy: "query with the model the index was made with")
        for (row, squared) in UnitVectors.squaredLengths(request.queries, dimension: dimension).enumerated() {
            guard squared.isFinite, Float(squared.squareRoot()).isFinite else {
                throw VectorIndexError(.invalidVector, "query \(row) is not finite; check what encoded it")
            }
        }
        let scan = SearchPlan(segments: segments, kinds: request.kinds, filter: request.filter)
        let neighborCount = min(request.neighborCount, scan.rowCount)
        guard neighborCount > 0, request.queryCount > 0 else {
            return [[SearchHit]](repeating: [], count: request.queryCount)
        }
        let perQuery = neighborCount * MemoryLayout<Candidate>.stride * pool.threadCount
        let passQueryCount = max(1, min(1024, Self.candidateByteCount / max(1, perQuery)))
        var hits: [[SearchHit]] = []
        hits.reserveCapacity(request.queryCount)
        var start = 0
        while start < request.queryCount {
            let end = min(request.queryCount, start + passQueryCount)
            let queries = Array(request.queries[start * dimension..<end * dimension])
            hits += try await pass(queries, neighborCount: neighborCount, scan: scan, pool: pool)
            start = end
        }
        return hits
    }

    /// One scan of all rows for a limited number of queries.
    private func pass(
        _ queries: [Float], neighborCount: Int, scan: SearchPlan, pool: ComputePool
    ) async throws -> [[SearchHit]] {
        let queryCount = queries.count / dimension
        let cursor = ScanCursor(end: scan.items.count)
        let workers = Array(0..<max(1, min(pool.threadCount, scan.items.count)))
        let parts = try await pool.map(workers) { _ in
            var worker = ScanWorker(reader: self, queries: queries, neighborCount: neighborCount)
            while let index = cursor.next() {
                try Task.checkCancellation()
                try worker.score(scan.items[index])
            }
            return worker.best
        }
        let merged = (0..<queryCount).map { query in
            Array(parts.flatMap { $0[query].heap }.sorted(by: Candidate.isBetter).prefix(neighborCount))
        }
        return try await pool.run { try self.resolve(merged) }
    }

    /// Looks up who the candidates are: each group is read once.
    private func resolve(_ candidates: [[Candidate]]) throws -> [[SearchHit]] {
        struct Place: Hashable {
            let segment: Int32
            let group: Int32
        }
        var places: [Place: [(query: Int, rank: Int)]] = [:]
        for (query, list) in candidates.enumerated() {
            for (rank, candidate) in list.enumerated() {
                places[Place(segment: candidate.segment, group: candidate.group), default: []].append((query, rank))
            }
        }
        var found = candidates.map { [SearchHit?](repeating: nil, count: $0.count) }
        var scratch = SegmentScratch()
        for (place, uses) in places {
            let segment = segments[Int(place.segment)]
            let rows = try segment.readRows(group: Int(place.group), scratch: &scratch)
            let shards = segment.shards(inGroup: Int(place.group))
            for use in uses {
                let candidate = candidates[use.query][use.rank]
                let row = rows[Int(candidate.row)]
                guard let shard = shards.first(where: { $0.rows.contains(Int(candidate.row)) }) else {
                    preconditionFailure("every row of a group belongs to a shard")
                }
                let identity = segment.table.shards[shard.shard].identity
                let sample = SampleIdentity(
                    dataset: identity.dataset, shard: identity.shard, ordinal: row.ordinal)
                found[use.query][use.rank] = SearchHit(
                    score: candidate.score, id: candidate.id,
                    identity: VectorIdentity(sample: sample, view: row.view), key: row.key, box: row.box)
            }
        }
        return found.map { $0.compactMap(\.self) }
    }

    private final class ScanCursor: Sendable {
        private let position = Atomic<Int>(0)
        private let end: Int

        init(end: Int) { self.end = end }

        func next() -> Int? {
            let index = position.wrappingAdd(1, ordering: .relaxed).oldValue
            return index < end ? index : nil
        }
    }

    /// One thread's part of a scan, with buffers it uses again for each group.
    private struct ScanWorker: ~Copyable {
        let reader: IndexReader
        let queries: [Float]
        var best: [TopCandidates]
        private var scratch = SegmentScratch()
        private var scores: [Float]
        private var positions = [UInt32](repeating: 0, count: SegmentFormat.groupRowCount)

        init(reader: IndexReader, queries: [Float], neighborCount: Int) {
            self.reader = reader
            self.queries = queries
            let queryCount = queries.count / reader.dimension
            best = [TopCandidates](repeating: TopCandidates(capacity: neighborCount), count: queryCount)
            scores = [Float](
                repeating: 0, count: min(queryCount, IndexReader.queryBlockCount) * SegmentFormat.groupRowCount)
        }

        mutating func score(_ item: SearchPlan.Item) throws {
            let segment = reader.segments[item.segment]
            let rowCount = segment.table.groups[item.group].rowCount
            let allowed = try item.isMasked ? allowedRows(item, segment: segment) : nil
            if let allowed, !allowed.contains(true) { return }
            let key = DecodedGroupCache.Key(segment: item.segment, group: item.group)
            let halves: [UInt16]
            if let cached = reader.cache[key] {
                halves = cached
            } else {
                try segment.readVectors(group: item.group, scratch: &scratch)
                reader.cache.insert(scratch.halves, for: key)
                halves = scratch.halves
            }
            var ids: [UInt64]?
            var first = 0
            while first < best.count {
                let count = min(IndexReader.queryBlockCount, best.count - first)
                multiply(halves, rowCount: rowCount, firstQuery: first, queryCount: count)
                for query in 0..<count {
                    let candidates = candidatePositions(query, rowCount: rowCount, best[first + query].threshold)
                    for index in 0..<candidates {
                        let row = Int(positions[index])
                        if let allowed, !allowed[row] { continue }
                        let known = try ids ?? segment.readIDs(group: item.group, scratch: &scratch)
                        ids = known
                        best[first + query].insert(
                            Candidate(
                                score: scores[query * SegmentFormat.groupRowCount + row], id: known[row],
                                segment: Int32(item.segment), group: Int32(item.group), row: Int32(row)))
                    }
                }
                first += count
            }
        }

        private mutating func multiply(_ halves: [UInt16], rowCount: Int, firstQuery: Int, queryCount: Int) {
            let dimension = reader.dimension
            precondition(
                halves.count >= rowCount * dimension && queries.count >= (firstQuery + queryCount) * dimension
                    && scores.count >= queryCount * SegmentFormat.groupRowCount,
                "scan of \(rowCount) rows for \(queryCount) queries of dimension \(dimension)")
            // The three buffers have the sizes just checked, and the kernel touches nothing else.
            unsafe queries.withUnsafeBufferPointer { queries in
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

        private mutating func allowedRows(_ item: SearchPlan.Item, segment: IndexSegment) throws -> [Bool] {
            var allowed = [Bool](repeating: false, count: segment.table.groups[item.group].rowCount)
            var rows: [EmbeddingRow]?
            for share in item.shares {
                guard let ordinals = share.ordinals else {
                    for row in share.rows { allowed[row] = true }
                    continue
                }
                let known = try rows ?? segment.readIdentity(group: item.group, scratch: &scratch)
                rows = known
                for row in share.rows { allowed[row] = RowFilter.contains(known[row].ordinal, in: ordinals) }
            }
            return allowed
        }
    }
}

/// The groups a search must look at, in order.
struct SearchPlan: Sendable {
    /// Rows of a group that may match.
    struct Share: Sendable {
        let rows: Range<Int>
        /// Sorted; `nil` for all.
        let ordinals: [UInt32]?
    }

    struct Item: Sendable {
        let segment: Int
        let group: Int
        /// Whether only some rows may match; then `shares` says which.
        let isMasked: Bool
        let shares: [Share]
    }

    private(set) var items: [Item] = []
    /// Rows in those groups: an upper bound of the hits.
    private(set) var rowCount = 0

    init(segments: [IndexSegment], kinds: VectorKinds, filter: RowFilter?) {
        for (segmentIndex, segment) in segments.enumerated() {
            for (groupIndex, group) in segment.table.groups.enumerated() where kinds.contains(group.kind) {
                guard let filter else {
                    add(Item(segment: segmentIndex, group: groupIndex, isMasked: false, shares: []), group.rowCount)
                    continue
                }
                let parts = segment.shards(inGroup: groupIndex)
                let shares = parts.compactMap { part -> Share? in
                    switch filter.share(of: segment.table.shards[part.shard].identity) {
                    case .none: nil
                    case .all: Share(rows: part.rows, ordinals: nil)
                    case .some(let ordinals): Share(rows: part.rows, ordinals: ordinals)
                    }
                }
                guard !shares.isEmpty else { continue }
                let isMasked = shares.count < parts.count || shares.contains { $0.ordinals != nil }
                add(
                    Item(segment: segmentIndex, group: groupIndex, isMasked: isMasked, shares: isMasked ? shares : []),
                    group.rowCount)
            }
        }
    }

    private mutating func add(_ item: Item, _ rowCount: Int) {
        items.append(item)
        self.rowCount += rowCount
    }
}
