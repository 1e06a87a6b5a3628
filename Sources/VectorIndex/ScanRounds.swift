/// Items of a plan that are scanned in one go, each for all queries or for some.
struct ScanRound: Sendable {
    /// `nil` for all items of the plan.
    private let items: [Int32]?
    /// For each item where its queries begin in `queryNumbers`, and the end; empty if all items are for all queries.
    private let queryStarts: [Int]
    private let queryNumbers: [Int32]
    let itemCount: Int

    /// All items for all queries.
    init(itemCount: Int) {
        self.itemCount = itemCount
        items = nil
        queryStarts = []
        queryNumbers = []
    }

    /// The whole items of a plan for all queries, if wanted, and partitions for the queries that are sent to them.
    ///
    /// - Parameter partitions: places in the plan for each query.
    init(_ plan: SearchPlan, withWholeItems: Bool, partitions: [[Int]]) {
        var items: [Int32] = withWholeItems ? plan.wholeItems.map(Int32.init) : []
        guard partitions.count > 1 else {
            // One query scans in the order of its route, so that what it looks for comes early.
            for place in partitions.first ?? [] { items += plan.partitions[place].items.lazy.map(Int32.init) }
            self.items = items
            itemCount = items.count
            queryStarts = []
            queryNumbers = []
            return
        }
        let everyone = partitions.indices.map { Int32($0) }
        var starts = [0]
        var numbers: [Int32] = []
        for _ in items {
            numbers += everyone
            starts.append(numbers.count)
        }
        var visitors: [Int: [Int32]] = [:]
        for (query, places) in partitions.enumerated() {
            for place in places { visitors[place, default: []].append(Int32(query)) }
        }
        for place in visitors.keys.sorted() {
            for item in plan.partitions[place].items {
                items.append(Int32(item))
                numbers += visitors[place] ?? []
                starts.append(numbers.count)
            }
        }
        self.items = items
        itemCount = items.count
        queryStarts = starts
        queryNumbers = numbers
    }

    func item(_ index: Int) -> Int { items.map { Int($0[index]) } ?? index }

    /// `nil` for all.
    func queries(_ index: Int) -> ArraySlice<Int32>? {
        queryStarts.isEmpty ? nil : queryNumbers[queryStarts[index]..<queryStarts[index + 1]]
    }
}

/// The rounds of a search: one over everything, or as many as the partitions and what matches in them ask for.
struct ScanRounds: Sendable {
    private var visits: [PartitionVisits]
    private let allItemCount: Int?
    private var roundCount = 0

    /// One round over all items.
    init(all plan: SearchPlan) {
        visits = []
        allItemCount = plan.items.count
    }

    /// Rounds of the visits of each query.
    init(visits: [PartitionVisits]) {
        self.visits = visits
        allItemCount = nil
    }

    /// The next round; `nil` when enough was looked at.
    ///
    /// - Parameter counts: rows that may match, per query, in the round before.
    mutating func next(_ plan: SearchPlan, after counts: [Int]?) -> ScanRound? {
        defer { roundCount += 1 }
        if let allItemCount { return roundCount == 0 ? ScanRound(itemCount: allItemCount) : nil }
        if let counts { for query in visits.indices { visits[query].matchCount += counts[query] } }
        let partitions = visits.indices.map { visits[$0].next(plan) }
        guard roundCount == 0 || partitions.contains(where: { !$0.isEmpty }) else { return nil }
        return ScanRound(plan, withWholeItems: roundCount == 0, partitions: partitions)
    }
}
