import ByteFormats
import Samples

/// Which shards rows belong to. Where rows are in the order of the shards it follows from the table; where they are stored by
/// partition each row says so itself, beside its identity.
extension IndexSegment {
    /// Whether the table alone says whose rows are where.
    var isOrderedByShard: Bool { !header.isPartitioned || table.shards.count == 1 }

    /// The shards whose rows a group holds, with the range of its rows (0 is the group's first) that are theirs.
    ///
    /// - Throws: `damaged`, only where identities have to be read.
    func shards(inGroup index: Int, scratch: inout SegmentScratch) throws -> [(shard: Int, rows: Range<Int>)] {
        guard !isOrderedByShard else { return shards(inGroup: index) }
        let numbers = try readShards(group: index, scratch: &scratch)
        var parts: [(shard: Int, rows: Range<Int>)] = []
        for (row, number) in numbers.enumerated() {
            if let last = parts.last, last.shard == Int(number) {
                parts[parts.count - 1].rows = last.rows.lowerBound..<row + 1
            } else {
                parts.append((Int(number), row..<row + 1))
            }
        }
        return parts
    }

    /// The number of each row's shard in a group.
    func readShards(group index: Int, scratch: inout SegmentScratch) throws -> [UInt32] {
        let rowCount = table.groups[index].rowCount
        guard header.isPartitioned else {
            return shards(inGroup: index).flatMap { repeatElement(UInt32($0.shard), count: $0.rows.count) }
        }
        let identity = try read(.identity, group: index, scratch: &scratch)
        let numbers = LittleEndianColumn.read(
            UInt32.self, identity, byteOffset: rowCount * SegmentFormat.identityByteCount, count: rowCount)
        guard numbers.allSatisfy({ $0 < UInt32(table.shards.count) }) else { throw damaged(.identity, group: index) }
        return numbers
    }

    /// How many rows of each shard are not deleted.
    func liveRowCounts() throws -> [Int] {
        guard !isOrderedByShard, let deleted else {
            return table.shards.indices.map { shard in
                VectorKinds.storageOrder.reduce(0) { $0 + liveRowCount(ofShard: shard, kind: $1) }
            }
        }
        var counts = table.shards.map { $0.imageRowCount + $0.captionRowCount }
        var scratch = SegmentScratch()
        for group in table.groups.indices {
            let first = firstRow(ofGroup: group)
            let rows = deleted.rows(in: first..<first + table.groups[group].rowCount)
            guard !rows.isEmpty else { continue }
            let numbers = try readShards(group: group, scratch: &scratch)
            for row in rows { counts[Int(numbers[Int(row) - first])] -= 1 }
        }
        return counts
    }

    /// How many rows of a kind are not deleted.
    func liveRowCount(of kind: VectorKinds) -> Int {
        let starts = table.shards.reduce(0) { $0 + $1.imageRowCount }
        let rows = kind == .images ? 0..<starts : starts..<rowCount
        return rows.count - (deleted?.rows(in: rows).count ?? 0)
    }

    /// The partition of a group; `nil` where there are none.
    func partition(ofGroup index: Int) -> Int? {
        guard let starts = partitions?.groupStarts else { return nil }
        var low = 0
        var high = starts.count - 1
        while low + 1 < high {
            let middle = (low + high) / 2
            if starts[middle] <= index { low = middle } else { high = middle }
        }
        return low
    }
}
