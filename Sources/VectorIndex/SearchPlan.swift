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
        /// `nil` where each row says which shard it is of: then `sharesOfShards` of its segment decides.
        let shares: [Share]?
        /// Rows of the group that are no more.
        let deleted: [Int]
    }

    /// Groups of one partition of a segment.
    struct Partition: Sendable {
        let segment: Int
        /// Among the partitions of the segment.
        let number: Int
        var items: Range<Int>
        /// Rows in those groups that are not deleted.
        var rowCount: Int
    }

    private(set) var items: [Item] = []
    private(set) var masks: [Mask] = []
    /// Rows in those groups: an upper bound of the hits.
    private(set) var rowCount = 0
    /// Items of segments that are not stored by partition: every search looks at these.
    private(set) var wholeItems: [Int] = []
    /// In the order of segments and their numbers.
    private(set) var partitions: [Partition] = []
    /// Rows of `partitions`.
    private(set) var partitionedRowCount = 0
    /// Shares of the shards of segments whose rows say which shard they are of, by segment.
    private(set) var sharesOfShards: [Int: [RowFilter.Share]] = [:]
    /// Whether only rows that satisfy a condition count.
    let isFiltered: Bool

    init(segments: [IndexSegment], kinds: VectorKinds, filter: RowFilter?) {
        isFiltered = filter != nil
        for (segmentIndex, segment) in segments.enumerated() {
            var shares: [RowFilter.Share]?
            if let filter, !segment.isOrderedByShard {
                let all = segment.table.shards.map { filter.share(of: $0.identity) }
                sharesOfShards[segmentIndex] = all
                shares = all
            }
            for (groupIndex, group) in segment.table.groups.enumerated() where kinds.contains(group.kind) {
                let deleted = segment.deletedRows(inGroup: groupIndex)
                let liveRowCount = group.rowCount - deleted.count
                guard liveRowCount > 0, let mask = Self.mask(groupIndex, of: segment, filter, shares, deleted) else {
                    continue
                }
                add(segmentIndex, groupIndex, mask.isNeeded ? mask.mask : nil, liveRowCount)
                if let partition = segment.partition(ofGroup: groupIndex) {
                    addToPartition(segmentIndex, partition, liveRowCount)
                } else {
                    wholeItems.append(items.count - 1)
                }
            }
        }
    }

    /// Which rows of a group may match, and whether that says more than that all may; `nil` if none may.
    private static func mask(
        _ group: Int, of segment: IndexSegment, _ filter: RowFilter?, _ sharesOfShards: [RowFilter.Share]?,
        _ deleted: [Int]
    ) -> (mask: Mask, isNeeded: Bool)? {
        guard let filter else {
            let all = Share(rows: 0..<segment.table.groups[group].rowCount, ordinals: nil)
            return (Mask(shares: [all], deleted: deleted), !deleted.isEmpty)
        }
        if let sharesOfShards {
            if sharesOfShards.allSatisfy(\.isNone) { return nil }
            return (Mask(shares: nil, deleted: deleted), true)
        }
        let parts = segment.shards(inGroup: group)
        let shares = parts.compactMap { part -> Share? in
            switch filter.share(of: segment.table.shards[part.shard].identity) {
            case .none: nil
            case .all: Share(rows: part.rows, ordinals: nil)
            case .some(let ordinals): Share(rows: part.rows, ordinals: ordinals)
            }
        }
        guard !shares.isEmpty else { return nil }
        let isNeeded = shares.count < parts.count || shares.contains { $0.ordinals != nil } || !deleted.isEmpty
        return (Mask(shares: shares, deleted: deleted), isNeeded)
    }

    private mutating func add(_ segment: Int, _ group: Int, _ mask: Mask?, _ rowCount: Int) {
        items.append(Item(segment: segment, group: group, mask: mask == nil ? -1 : masks.count))
        if let mask { masks.append(mask) }
        self.rowCount += rowCount
    }

    /// Adds the item added last to its partition.
    private mutating func addToPartition(_ segment: Int, _ number: Int, _ rowCount: Int) {
        partitionedRowCount += rowCount
        if let last = partitions.last, last.segment == segment, last.number == number {
            partitions[partitions.count - 1].items = last.items.lowerBound..<items.count
            partitions[partitions.count - 1].rowCount += rowCount
        } else {
            partitions.append(
                Partition(segment: segment, number: number, items: items.count - 1..<items.count, rowCount: rowCount))
        }
    }
}

extension RowFilter.Share {
    fileprivate var isNone: Bool {
        if case .none = self { true } else { false }
    }
}
