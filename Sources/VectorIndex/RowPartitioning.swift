import Samples

/// One partition, ready to be written.
struct EncodedPartition: Sendable {
    let entry: PartitionTable.Entry
    let groups: [EncodedGroup]
    let kind: VectorKinds
    /// Rows by the number of their shard.
    let rowCounts: [UInt32: Int]
}

extension GroupEncoder {
    /// Encodes a partition: its rows in the order of shard, ordinal and view, in as few groups as hold them, of about equal
    /// size.
    mutating func encodePartition(_ rows: StoredRows, kind: VectorKinds) -> EncodedPartition {
        let count = rows.rows.count
        guard let codes = rows.codes, count > 0 else {
            preconditionFailure("a partition of \(count) rows without codes")
        }
        let order = rows.shards.indices.sorted {
            (rows.shards[$0], rows.rows[$0].sortKey) < (rows.shards[$1], rows.rows[$1].sortKey)
        }
        var moments = PartitionMoments(width: codes.width)
        let groupCount = (count + SegmentFormat.groupRowCount - 1) / SegmentFormat.groupRowCount
        var groups: [EncodedGroup] = []
        for group in 0..<groupCount {
            var part = StoredRows()
            for index in group * count / groupCount..<(group + 1) * count / groupCount {
                part.append(rows, order[index]..<order[index] + 1, dimension: dimension)
            }
            if let codes = part.codes { moments.add(codes) }
            groups.append(encode(part, kind: kind))
        }
        var rowCounts: [UInt32: Int] = [:]
        for shard in rows.shards { rowCounts[shard, default: 0] += 1 }
        return EncodedPartition(
            entry: moments.entry(groupCount: groupCount), groups: groups, kind: kind, rowCounts: rowCounts)
    }
}

/// Divides rows that are in memory into partitions of neighbours.
struct RowPartitioning {
    /// Rows of a partition, about.
    let rowCount: Int
    /// A cluster is trained on this many rows, at most.
    private static let sampleRowCount = 64
    /// Partitions have at most this many times the rows they should have.
    private static let tolerance = 4

    /// The positions of the rows of each partition; every row is in one.
    func partitions(of codes: RowCodes) -> [[Int]] {
        split(Array(codes.factors.indices), of: codes)
    }

    private func split(_ rows: [Int], of codes: RowCodes) -> [[Int]] {
        let count = (rows.count + rowCount / 2) / rowCount
        guard count > 1 else { return rows.isEmpty ? [] : [rows] }
        let own = rows.count == codes.factors.count ? codes : codes.rows(rows)
        let sampled = min(rows.count, count * Self.sampleRowCount)
        let sample = sampled == rows.count ? own : own.rows((0..<sampled).map { $0 * rows.count / sampled })
        var clusters = CodeClusters(ofSample: sample, count: count)
        var members = Self.members(clusters.nearest(to: own), count: clusters.count)
        // A partition costs a few hundred bytes, and a query the look at its mean: those of few rows are given to others.
        let kept = members.indices.filter { members[$0].count >= max(1, rowCount / 8) }
        if kept.count < members.count, !kept.isEmpty {
            clusters = clusters.keeping(kept)
            members = Self.members(clusters.nearest(to: own), count: clusters.count)
        }
        guard let largest = members.map(\.count).max(), largest * 20 < rows.count * 19 else {
            // They do not fall apart, as equal rows do not: any division is as good.
            return (0..<count).map { Array(rows[$0 * rows.count / count..<($0 + 1) * rows.count / count]) }
        }
        return members.flatMap { positions -> [[Int]] in
            let part = positions.map { rows[$0] }
            if part.isEmpty { return [] }
            return part.count > Self.tolerance * rowCount ? split(part, of: codes) : [part]
        }
    }

    private static func members(_ nearest: [UInt32], count: Int) -> [[Int]] {
        var members = [[Int]](repeating: [], count: count)
        for (row, cluster) in nearest.enumerated() { members[Int(cluster)].append(row) }
        return members
    }
}

extension RowCodes {
    /// Some rows, in the order given.
    func rows(_ positions: [Int]) -> RowCodes {
        var result = RowCodes()
        for row in positions { result.append(self, row..<row + 1) }
        return result
    }
}
