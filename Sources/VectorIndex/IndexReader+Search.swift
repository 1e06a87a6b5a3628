import PipelineEngine
import Samples
import Synchronization

extension IndexReader {
    /// Bytes that the candidate lists of one pass may take.
    private static let candidateByteCount = 64 << 20
    /// Rows that are looked at again per query of an approximate search, for each neighbour wanted: estimates from signs are
    /// the worse the fewer of them there are (decisions 021 and 027 have the measurements). And their limits.
    private var poolRowCountPerNeighbor: Int { max(120, 61_440 / dimension) }
    private static let poolSizes = 256...4096

    /// The nearest vectors of each query, by the rule of `SearchMode.automatic`.
    public func search(_ request: SearchRequest, on pool: ComputePool) async throws -> [[SearchHit]] {
        try await search(request, mode: .automatic, on: pool).hits
    }

    /// The nearest vectors of each query.
    ///
    /// An exact search scores every row. Scores are Float32 sums over the stored F16 values in a fixed order where these
    /// are kept; otherwise they are estimates from codes, made of exact integer sums. Where there are codes, 4 bits of
    /// each row give a bound that no score can pass, and only rows whose bound reaches the K-th best are read in full:
    /// the answer is the one that reading everything would give. The answer does not depend on the number of threads, on
    /// the other queries, on the CPU's instruction sets, or on how rows are spread over segments.
    ///
    /// - Throws: `spaceMismatch` for queries of another space or dimension, `invalidVector` for queries that are not
    ///   finite, `damaged` if a checksum does not match, `CancellationError`.
    public func search(
        _ request: SearchRequest, mode: SearchMode, on pool: ComputePool
    ) async throws -> SearchAnswer {
        try check(request)
        let plan = plan(kinds: request.kinds, filter: request.filter)
        guard plan.items.count <= EstimatePool.maximumItemCount else {
            throw VectorIndexError(
                .invalidRows, "an index of \(rowCount) rows is too large; search several", path: path)
        }
        let neighborCount = min(request.neighborCount, plan.rowCount)
        let effort = try effort(mode, neighborCount: neighborCount, plan: plan)
        let hits = try await hits(request, effort, plan, on: pool)
        return answer(hits, effort: effort, neighborCount: neighborCount, plan: plan)
    }

    /// Throws unless the queries are of this space, and finite.
    func check(_ request: SearchRequest) throws {
        try SpaceCheck.require(
            request.space, request.dimension, matches: space, dimension, indexPath: path,
            remedy: "query with the model the index was made with")
        for (row, squared) in UnitVectors.squaredLengths(request.queries, dimension: dimension).enumerated() {
            guard squared.isFinite, Float(squared.squareRoot()).isFinite else {
                throw VectorIndexError(.invalidVector, "query \(row) is not finite; check what encoded it")
            }
        }
    }

    /// The hits of a search with this effort, or of an exact one.
    func hits(
        _ request: SearchRequest, _ effort: SearchEffort?, _ plan: SearchPlan, on pool: ComputePool
    ) async throws -> [[SearchHit]] {
        let neighborCount = min(request.neighborCount, plan.rowCount)
        guard neighborCount > 0, request.queryCount > 0 else {
            return [[SearchHit]](repeating: [], count: request.queryCount)
        }
        let perQuery =
            (neighborCount + 8 * (effort?.poolSize ?? 0)) * MemoryLayout<Candidate>.stride * pool.threadCount
        let passQueryCount = max(1, min(1024, Self.candidateByteCount / max(1, perQuery)))
        var hits: [[SearchHit]] = []
        hits.reserveCapacity(request.queryCount)
        var start = 0
        while start < request.queryCount {
            let end = min(request.queryCount, start + passQueryCount)
            let vectors = Array(request.queries[start * dimension..<end * dimension])
            let batch = QueryBatch(
                vectors: vectors, prepared: codec.map { PreparedQueries(vectors, codec: $0) }, count: end - start)
            hits += try await pass(batch, neighborCount: neighborCount, effort: effort, plan: plan, pool: pool)
            start = end
        }
        return hits
    }

    /// What was measured of searches as they are now.
    private var currentCalibration: IndexCalibration? {
        manifest.calibration.flatMap { $0.isCurrent ? $0 : nil }
    }

    /// How much a search looks at; `nil` for an exact one.
    private func effort(_ mode: SearchMode, neighborCount: Int, plan: SearchPlan) throws -> SearchEffort? {
        guard segments.contains(where: \.header.profile.isCoded) else { return nil }
        let calibration = currentCalibration.flatMap { neighborCount <= $0.neighborCount ? $0 : nil }
        let tuned = calibration.flatMap { $0.effort(reaching: IndexCalibration.defaultRecall) ?? $0.bestEffort }
        var effort =
            tuned
            ?? SearchEffort(
                poolSize: min(
                    Self.poolSizes.upperBound,
                    max(Self.poolSizes.lowerBound, neighborCount * poolRowCountPerNeighbor)),
                rowBudget: SearchEffort.defaultRowBudget(rowCount: plan.partitionedRowCount),
                kappa: SearchEffort.defaultKappa)
        switch mode {
        case .exact: return nil
        case .automatic: if rowCount <= SearchMode.exactRowCountLimit { return nil }
        case .recall(let wanted): effort = try calibrated(calibration, wanted, neighborCount: neighborCount)
        case .approximate(let poolSize, let rowBudget):
            effort.poolSize = poolSize ?? effort.poolSize
            effort.rowBudget = rowBudget ?? effort.rowBudget
        }
        effort.poolSize = max(effort.poolSize, neighborCount)
        if plan.partitions.isEmpty || effort.rowBudget.map({ $0 >= plan.partitionedRowCount }) ?? true {
            effort.rowBudget = nil
        }
        return effort
    }

    /// Whether four bits of each element are scanned in the partitions that a query is sent to, instead of one.
    func scansUpperCodes(_ effort: SearchEffort) -> Bool {
        effort.rowBudget.map { $0 <= upperCodeByteCount / (VectorCodec.codeDimension(of: dimension) / 2) } ?? false
    }

    /// The least effort that was measured to find this share.
    private func calibrated(
        _ calibration: IndexCalibration?, _ recall: Double, neighborCount: Int
    ) throws -> SearchEffort {
        guard let calibration else {
            let measured = manifest.calibration.map {
                $0.isCurrent
                    ? "it was tuned for \($0.neighborCount) neighbours at most"
                    : "it was tuned by a version that estimated otherwise"
            }
            throw VectorIndexError(
                .notFound,
                "what takes a recall of \(recall) for \(neighborCount) neighbours was not measured on this index "
                    + "(\(measured ?? "it was not tuned")): run vlmpipe index tune -k \(neighborCount), or search exactly",
                path: path)
        }
        guard let effort = calibration.effort(reaching: recall) else {
            let best = calibration.points.map(\.recall).max() ?? 0
            throw VectorIndexError(
                .notFound,
                "a recall of \(recall) was not reached: the best measured is \(best); search exactly (--exact)",
                path: path)
        }
        return effort
    }

    private func answer(
        _ hits: [[SearchHit]], effort: SearchEffort?, neighborCount: Int, plan: SearchPlan
    ) -> SearchAnswer {
        let profiles = Set(segments.map(\.header.profile))
        let exact =
            profiles.contains(.lite)
            ? "exact over 4-bit codes" : profiles.contains(.std) ? "exact over 8-bit codes" : "exact"
        let recall = effort.flatMap { effort -> Double? in
            // What was measured on all rows says nothing about the few that satisfy a condition and lie anywhere.
            if plan.isFiltered, effort.rowBudget != nil { return nil }
            return currentCalibration?.recall(of: effort, neighborCount: neighborCount)
        }
        return SearchAnswer(
            hits: hits, mode: effort == nil ? exact : "approx", recall: recall, poolSize: effort?.poolSize,
            rowBudget: effort?.rowBudget,
            recallTruth: recall == nil ? nil : currentCalibration?.truth ?? .codes)
    }

    /// Rows below which the next partitions are scanned by one thread: handing over to others would take longer.
    private static let soloRowCount = 200_000

    /// Items of a plan that are scanned between two looks at whether the search is still wanted.
    private static let cancellationItemCount = 16

    /// One scan for a limited number of queries: of all rows, or of the partitions that each query is sent to.
    private func pass(
        _ queries: QueryBatch, neighborCount: Int, effort: SearchEffort?, plan: SearchPlan, pool: ComputePool
    ) async throws -> [[SearchHit]] {
        if effort == nil, !plan.isFiltered { for segment in segments { segment.expectScan() } }
        @Sendable func scan(_ round: ScanRound, _ cursor: ScanCursor) throws -> ScanPart {
            var worker = ScanWorker(
                reader: self, queries: queries, neighborCount: neighborCount, effort: effort)
            while let index = cursor.next() {
                if index % Self.cancellationItemCount == 0 { try Task.checkCancellation() }
                if index + 1 < round.itemCount { worker.prefetch(plan.items[round.item(index + 1)]) }
                try worker.score(round.item(index), of: plan, for: round.queries(index))
            }
            try worker.lookAtCandidates()
            return ScanPart(
                best: worker.best, pending: worker.pending, pools: worker.pools, matchCounts: worker.matchCounts)
        }
        @Sendable func finished(_ query: Int, _ parts: [ScanPart]) throws -> [Candidate] {
            try finish(query, parts, queries, neighborCount: neighborCount, effort: effort, plan: plan)
        }
        let isRouted = effort?.rowBudget != nil
        let routedRowCount = isRouted ? (effort?.rowBudget ?? 0) * queries.count : plan.rowCount
        let isSolo =
            pool.threadCount == 1 || plan.items.count <= 1
            || isRouted && plan.wholeItems.isEmpty && routedRowCount < Self.soloRowCount
        let workerCount = isSolo ? 1 : max(1, min(pool.threadCount, plan.items.count))
        // Each hand-over to the pool costs a single query some of its time.
        if workerCount == 1, queries.count == 1 {
            return try await pool.run {
                var rounds = self.rounds(queries, effort: effort, plan: plan)
                var parts: [ScanPart] = []
                while let round = rounds.next(plan, after: parts.last?.matchCounts) {
                    parts.append(try scan(round, ScanCursor(end: round.itemCount)))
                }
                return try self.resolve([finished(0, parts)])
            }
        }
        var rounds = try await pool.run { self.rounds(queries, effort: effort, plan: plan) }
        var parts: [ScanPart] = []
        var counts: [Int]?
        while let round = rounds.next(plan, after: counts) {
            let cursor = ScanCursor(end: round.itemCount)
            let found = try await pool.map(Array(0..<workerCount)) { _ in try scan(round, cursor) }
            parts += found
            counts = (0..<queries.count).map { query in found.reduce(0) { $0 + $1.matchCounts[query] } }
        }
        let all = parts
        if queries.count == 1 { return try await pool.run { try self.resolve([finished(0, all)]) } }
        let merged = try await pool.map(Array(0..<queries.count)) { try finished($0, all) }
        return try await pool.run { try self.resolve(merged) }
    }

    /// What is scanned, part by part.
    private func rounds(_ queries: QueryBatch, effort: SearchEffort?, plan: SearchPlan) -> ScanRounds {
        guard let effort, effort.rowBudget != nil, let prepared = queries.prepared else {
            return ScanRounds(all: plan)
        }
        return ScanRounds(
            visits: (0..<queries.count).map {
                PartitionVisits(
                    PartitionRoute(plan, of: self, queries: prepared, query: $0, kappa: effort.kappa), effort: effort,
                    plan: plan)
            })
    }

    /// Joins what the threads found for one query, and looks closer where that is needed.
    private func finish(
        _ query: Int, _ parts: [ScanPart], _ queries: QueryBatch, neighborCount: Int, effort: SearchEffort?,
        plan: SearchPlan
    ) throws -> [Candidate] {
        var best = TopCandidates(capacity: neighborCount)
        var pending = PendingRows(capacity: neighborCount)
        for part in parts {
            for candidate in part.best[query].heap { best.insert(candidate) }
            for row in part.pending[query].rows { pending.insert(row) }
        }
        if let effort {
            var pools = RowPools(effort)
            for part in parts { pools.insert(part.pools[query]) }
            try lookAgain(
                at: pools.places().map { (plan.items[$0.item], $0.row) },
                queries.one(query, dimension: dimension), neighborCount: neighborCount, &best, &pending)
        }
        pending.clean()
        if !pending.rows.isEmpty {
            var reranking = VectorReranking(reader: self)
            let vector = Array(queries.vectors[query * dimension..<(query + 1) * dimension])
            try reranking.rerank(pending.rows, query: vector, into: &best)
        }
        return best.heap.sorted(by: Candidate.isBetter)
    }

    /// Scores the rows of a pool with all their bits.
    private func lookAgain(
        at places: [(item: SearchPlan.Item, row: Int)], _ query: QueryBatch, neighborCount: Int,
        _ best: inout TopCandidates, _ pending: inout PendingRows
    ) throws {
        var worker = ScanWorker(reader: self, queries: query, neighborCount: neighborCount)
        let rows = try worker.estimates(of: places, query: 0)
        var scores: [Float] = []
        for row in rows {
            if segments[Int(row.segment)].header.profile.hasVectors {
                pending.insert(row)
            } else {
                scores.append(row.score)
            }
        }
        guard !scores.isEmpty else { return }
        // Ids, which break ties, are read for those that are or tie with the best only.
        scores.sort(by: >)
        let least = scores[min(neighborCount, scores.count) - 1]
        var scratch = SegmentScratch()
        for row in rows where row.score >= least {
            let segment = segments[Int(row.segment)]
            guard !segment.header.profile.hasVectors else { continue }
            let id = try segment.readID(Int(row.row), group: Int(row.group), scratch: &scratch)
            best.insert(
                Candidate(score: row.score, id: id, segment: row.segment, group: row.group, row: row.row))
        }
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
            let numbers = uses.map { Int(candidates[$0.query][$0.rank].row) }
            let rows = try segment.readRows(numbers, group: Int(place.group), scratch: &scratch)
            let shards = try segment.shards(inGroup: Int(place.group), scratch: &scratch)
            for (use, row) in zip(uses, rows) {
                let candidate = candidates[use.query][use.rank]
                guard let shard = shards.first(where: { $0.rows.contains(Int(candidate.row)) }) else {
                    preconditionFailure("every row of a group belongs to a shard")
                }
                let identity = segment.table.shards[shard.shard].identity
                let sample = SampleIdentity(
                    dataset: identity.dataset, shard: identity.shard, ordinal: row.ordinal)
                found[use.query][use.rank] = SearchHit(
                    score: candidate.score, id: candidate.id,
                    identity: VectorIdentity(sample: sample, view: row.view), key: row.key, box: row.box,
                    place: HitPlace(segment: candidate.segment, group: candidate.group, row: candidate.row))
            }
        }
        return found.map { $0.compactMap(\.self) }
    }
}

/// What one thread found.
private struct ScanPart: Sendable {
    let best: [TopCandidates]
    let pending: [PendingRows]
    let pools: [RowPools]
    let matchCounts: [Int]
}

/// Hands out the numbers of a plan's items.
private final class ScanCursor: Sendable {
    private let position = Atomic<Int>(0)
    private let end: Int

    init(end: Int) { self.end = end }

    func next() -> Int? {
        let index = position.wrappingAdd(1, ordering: .relaxed).oldValue
        return index < end ? index : nil
    }
}
