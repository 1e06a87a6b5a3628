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
        /// Whether only some rows may match; then `shares` and `deleted` say which.
        let isMasked: Bool
        let shares: [Share]
        /// Rows of the group that are no more.
        let deleted: [Int]
    }

    private(set) var items: [Item] = []
    /// Rows in those groups: an upper bound of the hits.
    private(set) var rowCount = 0

    init(segments: [IndexSegment], kinds: VectorKinds, filter: RowFilter?) {
        for (segmentIndex, segment) in segments.enumerated() {
            for (groupIndex, group) in segment.table.groups.enumerated() where kinds.contains(group.kind) {
                let deleted = segment.deletedRows(inGroup: groupIndex)
                let liveRowCount = group.rowCount - deleted.count
                guard liveRowCount > 0 else { continue }
                guard let filter else {
                    let shares = deleted.isEmpty ? [] : [Share(rows: 0..<group.rowCount, ordinals: nil)]
                    add(
                        Item(
                            segment: segmentIndex, group: groupIndex, isMasked: !deleted.isEmpty, shares: shares,
                            deleted: deleted), liveRowCount)
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
                let isMasked =
                    shares.count < parts.count || shares.contains { $0.ordinals != nil } || !deleted.isEmpty
                add(
                    Item(
                        segment: segmentIndex, group: groupIndex, isMasked: isMasked, shares: isMasked ? shares : [],
                        deleted: deleted), liveRowCount)
            }
        }
    }

    private mutating func add(_ item: Item, _ rowCount: Int) {
        items.append(item)
        self.rowCount += rowCount
    }
}
