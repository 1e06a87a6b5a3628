import Samples

/// Which rows are meant.
public enum RowSelection: Sendable {
    /// Rows with these ids.
    case ids(Set<UInt64>)
    /// Rows with these keys: of a sample all its vectors.
    case keys(Set<String>)
    /// All vectors of these samples.
    case samples(RowFilter)
}

extension IndexWriter {
    /// Deletes rows: they are not found any more, and `compact` gives their space back.
    ///
    /// What is selected and not there, or deleted already, is fine. Shards stay in the manifest when all their rows are
    /// gone, so that sealing the same embeddings again changes nothing. Takes one pass over ids, identities or keys.
    ///
    /// - Returns: How many rows were deleted; for 0 nothing is published.
    @discardableResult
    public mutating func delete(_ selection: RowSelection) throws -> Int {
        var count = 0
        var segments: [IndexManifest.Segment] = []
        for record in manifest.segments {
            let segment = try folder.open(record)
            let found = try segment.positions(of: selection)
            let old = segment.deleted?.rows ?? []
            let all = Set(old).union(found).sorted()
            guard all.count > old.count else {
                segments.append(record)
                continue
            }
            count += all.count - old.count
            segments.append(record.with(deletion: try folder.store(all, of: record)))
        }
        if count > 0 { try publish(segments) }
        return count
    }
}

extension IndexSegment {
    /// Positions of the selected rows, deleted ones included, ascending.
    fileprivate func positions(of selection: RowSelection) throws -> [UInt32] {
        var positions: [UInt32] = []
        var scratch = SegmentScratch()
        for group in table.groups.indices {
            try Task.checkCancellation()
            let first = firstRow(ofGroup: group)
            positions += try rows(of: selection, inGroup: group, scratch: &scratch).map { UInt32(first + $0) }
        }
        return positions.sorted()
    }

    private func rows(
        of selection: RowSelection, inGroup group: Int, scratch: inout SegmentScratch
    ) throws -> [Int] {
        let all = 0..<table.groups[group].rowCount
        switch selection {
        case .ids(let wanted):
            let ids = try readIDs(group: group, scratch: &scratch)
            return all.filter { wanted.contains(ids[$0]) }
        case .keys(let wanted):
            let rows = try readRows(group: group, scratch: &scratch)
            return all.filter { wanted.contains(rows[$0].key) }
        case .samples(let filter):
            var found: [Int] = []
            var ordinals: [UInt32]?
            for part in try shards(inGroup: group, scratch: &scratch) {
                switch filter.share(of: table.shards[part.shard].identity) {
                case .none: continue
                case .all: found += part.rows
                case .some(let wanted):
                    let known = try ordinals ?? readOrdinals(group: group, scratch: &scratch)
                    ordinals = known
                    found += part.rows.filter { RowFilter.contains(known[$0], in: wanted) }
                }
            }
            return found
        }
    }
}
