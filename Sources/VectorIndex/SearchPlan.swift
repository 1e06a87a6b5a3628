/// The groups a search must look at, in order.
struct SearchPlan: Sendable {
    /// Rows of a group that may match.
    struct Share: Sendable {
        let rows: Range<Int>
        /// Sorted; `nil` for all.
        let ordinals: [UInt32]?
    }

    /// A group: plain numbers, for there are thousands.
    struct Item: Sendable {
        let segment: Int
        let group: Int
        /// Which of the masks says which rows may match; -1 if all may.
        let mask: Int
    }

    /// Which rows of a group may match.
    struct Mask: Sendable {
        let shares: [Share]
        /// Rows of the group that are no more.
        let deleted: [Int]
    }

    private(set) var items: [Item] = []
    private(set) var masks: [Mask] = []
    /// Rows in those groups: an upper bound of the hits.
    private(set) var rowCount = 0

    init(segments: [IndexSegment], kinds: VectorKinds, filter: RowFilter?) {
        for (segmentIndex, segment) in segments.enumerated() {
            for (groupIndex, group) in segment.table.groups.enumerated() where kinds.contains(group.kind) {
                let deleted = segment.deletedRows(inGroup: groupIndex)
                let liveRowCount = group.rowCount - deleted.count
                guard liveRowCount > 0 else { continue }
                guard let filter else {
                    let mask = Mask(shares: [Share(rows: 0..<group.rowCount, ordinals: nil)], deleted: deleted)
                    add(segmentIndex, groupIndex, deleted.isEmpty ? nil : mask, liveRowCount)
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
                add(segmentIndex, groupIndex, isMasked ? Mask(shares: shares, deleted: deleted) : nil, liveRowCount)
            }
        }
    }

    private mutating func add(_ segment: Int, _ group: Int, _ mask: Mask?, _ rowCount: Int) {
        items.append(Item(segment: segment, group: group, mask: mask == nil ? -1 : masks.count))
        if let mask { masks.append(mask) }
        self.rowCount += rowCount
    }
}
