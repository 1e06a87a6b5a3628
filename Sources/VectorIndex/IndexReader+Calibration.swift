import PipelineEngine
import Samples

extension IndexReader {
    /// 64, 96, 128, 192 and so on.
    private static let poolSizes = (6...14).flatMap { [1 << $0, 3 << ($0 - 1)] }
    /// Shares of the rows stored by partition that are scanned, as powers of a half.
    private static let budgetHalvings = (1...9).reversed()
    private static let kappas: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4]
    /// What is looked at while kappa is chosen.
    private static let kappaPoolSize = 4096
    private static let kappaHalvings = 6
    /// A larger pool that finds less than this more is the last one that is tried.
    private static let leastGain = 0.00025
    /// Looking at a row again takes as long as scanning the signs of this many, scanning its upper code as those of so many.
    private static let poolRowCost = 60
    private static let upperCodeCost = 4

    /// Whether the index alone knows its vectors, so that its exact search finds the true neighbours.
    public var knowsVectors: Bool { segments.allSatisfy(\.header.profile.hasVectors) }

    /// Measures approximate searches on these queries, and how much of which effort finds how much.
    ///
    /// The truth is, in this order: `truth`, a brute force over these vectors; the index's own exact search, where it keeps
    /// its vectors; otherwise, and said so, what its codes say.
    ///
    /// - Throws: `invalidVector` for no queries; `invalidRows` for a truth that is not that of this index; what `search`
    ///   throws.
    public func calibration(
        queries: [Float], neighborCount: Int, truth: VectorTruth? = nil, on pool: ComputePool
    ) async throws -> IndexCalibration {
        let request = SearchRequest(
            space: space, dimension: dimension, queries: queries, neighborCount: neighborCount, kinds: .all)
        guard request.queryCount > 0, neighborCount > 0, rowCount > 0 else {
            throw VectorIndexError(
                .invalidVector, "an index of \(rowCount) vectors cannot be tuned with \(request.queryCount) queries",
                path: path)
        }
        try check(request)
        let plan = plan(kinds: request.kinds, filter: nil)
        let found = try await foundCount(request, truth, plan, on: pool)
        let wanted = Double(min(neighborCount, rowCount) * request.queryCount)
        func recall(_ effort: SearchEffort) async throws -> Double {
            Double(found(try await hits(request, effort, plan, on: pool))) / wanted
        }
        let isRouted = !plan.partitions.isEmpty
        var kappa: Float?
        if isRouted {
            let budget = max(1, plan.partitionedRowCount >> Self.kappaHalvings)
            var best = -1.0
            for candidate in Self.kappas {
                let recall = try await recall(
                    SearchEffort(
                        poolSize: max(Self.kappaPoolSize, neighborCount), rowBudget: budget, kappa: candidate))
                if recall > best { (best, kappa) = (recall, candidate) }
            }
        }
        var measured: [(cost: Int, point: IndexCalibration.Point)] = []
        let budgets: [Int?] =
            isRouted ? Self.budgetHalvings.map { max(1, plan.partitionedRowCount >> $0) } + [nil] : [nil]
        for budget in budgets {
            var last = -1.0
            for size in Self.poolSizes where size >= neighborCount {
                let effort = SearchEffort(
                    poolSize: size, rowBudget: budget, kappa: kappa ?? SearchEffort.defaultKappa)
                let recall = try await recall(effort)
                let isUpper = scansUpperCodes(effort)
                let routed = (budget ?? plan.partitionedRowCount) * (isUpper ? Self.upperCodeCost : 1)
                let rows = plan.rowCount - plan.partitionedRowCount + routed
                measured.append(
                    (
                        rows + size * Self.poolRowCost,
                        IndexCalibration.Point(poolSize: size, rowBudget: budget, recall: recall)
                    ))
                if recall >= 1 || recall < last + Self.leastGain || size >= rowCount { break }
                last = recall
            }
        }
        var points: [IndexCalibration.Point] = []
        for (_, point) in measured.sorted(by: { $0.cost < $1.cost })
        where point.recall > points.last?.recall ?? -1 {
            points.append(point)
        }
        return IndexCalibration(
            neighborCount: neighborCount, queryCount: request.queryCount, points: points, kappa: kappa,
            truth: truth != nil || knowsVectors ? .vectors : .codes, estimation: IndexCalibration.currentEstimation)
    }

    /// Counts true neighbours among the hits of all queries.
    private func foundCount(
        _ request: SearchRequest, _ truth: VectorTruth?, _ plan: SearchPlan, on pool: ComputePool
    ) async throws -> ([[SearchHit]]) -> Int {
        if let truth {
            let neighbors = try await TrueNeighbors(
                of: request.queries, neighborCount: request.neighborCount, in: truth, reader: self, on: pool)
            return { hits in hits.indices.reduce(0) { $0 + neighbors.count(of: hits[$1], query: $1) } }
        }
        let floors = try await hits(request, nil, plan, on: pool).map {
            ($0.last?.score ?? 0) - IndexCalibration.tolerance
        }
        return { hits in zip(hits, floors).reduce(0) { sum, pair in sum + pair.0.count { $0.score >= pair.1 } } }
    }
}
