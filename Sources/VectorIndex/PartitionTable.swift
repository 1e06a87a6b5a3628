import ByteFormats
import CKernels

/// The partitions of a segment whose rows are stored by partition: which groups belong to each, its mean and its spread
/// (`Schemas/index-segment.md`, "Partitions").
struct PartitionTable: Sendable {
    /// One partition while a segment is written.
    struct Entry: Sendable {
        var groupCount = 0
        /// The root of the mean squared distance of an element of its rows to that of their mean.
        var spread: Float
        /// The mean of its rows as one row of the profile `lite`.
        var mean: RowCodes
    }

    /// Centroids that stand together.
    private static let chunkCount = SegmentFormat.groupRowCount
    private static let entryByteCount = 8

    /// D.
    let width: Int
    /// The first group of each partition, and the end of the last.
    let groupStarts: [Int]
    let spreads: [Float]
    /// The table as it is stored. At its end, for every 256 partitions, the factors of their means, then their upper codes.
    let encoded: [UInt8]
    private let codeByteOffset: Int

    var count: Int { spreads.count }
    /// Groups of a partition, at most: 2^20 rows.
    static let maximumGroupCount = 4096

    /// The bytes of a table.
    static func encoded(_ entries: [Entry], width: Int) -> [UInt8] {
        var writer = ByteWriter(capacity: 8 + entries.count * (entryByteCount + width / 2 + 8))
        writer.write(UInt32(entries.count))
        writer.write(UInt32(0))
        for entry in entries {
            writer.write(UInt32(entry.groupCount))
            writer.write(entry.spread.bitPattern)
        }
        for first in stride(from: 0, to: entries.count, by: chunkCount) {
            var chunk = RowCodes()
            for entry in entries[first..<min(entries.count, first + chunkCount)] { chunk.append(entry.mean, 0..<1) }
            writer.writeZeros(SegmentFormat.factorHeadByteCount)
            // A frame of factors begins with bounds, which nobody needs of means.
            writer.write(chunk.encodedFactors(profile: .lite).dropFirst(SegmentFormat.factorHeadByteCount))
            writer.write(chunk.high)
        }
        return writer.bytes
    }

    /// Parses a table whose checksum has been checked.
    init(_ bytes: [UInt8], width: Int, groups: [SegmentGroup], path: String, byteOffset: UInt64) throws(ByteFormatError)
    {
        var reader = ByteReader(bytes, path: path, fileByteOffset: byteOffset)
        let count = Int(try reader.read(UInt32.self, "the partition count"))
        try reader.expectZeros(4, "the reserved bytes")
        guard count <= groups.count else {
            throw reader.error(.malformed, "\(count) partitions of \(groups.count) groups are not possible", at: 0)
        }
        let entries = try reader.readBytes(count * Self.entryByteCount, "the partitions")
        let words = LittleEndianColumn.read(UInt32.self, entries, count: count * 2)
        var starts = [0]
        starts.reserveCapacity(count + 1)
        var spreads: [Float] = []
        spreads.reserveCapacity(count)
        for partition in 0..<count {
            let first = starts[partition]
            let end = first + Int(words[2 * partition])
            let spread = Float(bitPattern: words[2 * partition + 1])
            guard end > first, end <= groups.count, end - first <= Self.maximumGroupCount, spread.isFinite, spread >= 0,
                groups[first..<end].allSatisfy({ $0.kind == groups[first].kind })
            else { throw reader.error(.malformed, "partition \(partition) is not possible", at: 8 + partition * 8) }
            starts.append(end)
            spreads.append(spread)
        }
        guard starts[count] == groups.count else {
            throw reader.error(.malformed, "the partitions do not hold all groups", at: 0)
        }
        codeByteOffset = reader.position
        _ = try reader.readBytes(Self.codeByteCount(count, width: width), "the means of the partitions")
        try reader.expectEnd()
        encoded = bytes
        self.width = width
        groupStarts = starts
        self.spreads = spreads
        for first in stride(from: 0, to: count, by: Self.chunkCount) {
            let number = min(Self.chunkCount, count - first)
            let scales = LittleEndianColumn.read(
                UInt16.self, encoded, byteOffset: offset(ofChunk: first) + SegmentFormat.factorHeadByteCount,
                count: number)
            guard scales.allSatisfy({ $0 & 0x7C00 != 0x7C00 && $0 >> 15 == 0 }) else {
                throw reader.error(.malformed, "the mean of a partition is not possible", at: 8 + count * 8)
            }
        }
    }

    private static func codeByteCount(_ count: Int, width: Int) -> Int {
        let chunks = (count + chunkCount - 1) / chunkCount
        return chunks * SegmentFormat.factorHeadByteCount
            + count * (RowFactors.byteCount(of: .lite) + width / 2)
    }

    private func offset(ofChunk first: Int) -> Int { codeByteOffset + Self.codeByteCount(first, width: width) }

    /// Calls `body` with the means of at most 256 partitions at a time, in order, as codes of the profile `lite`, and the
    /// number of the first.
    func forEachChunk(_ body: (GroupCodes, Int) -> Void) {
        unsafe encoded.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            for first in stride(from: 0, to: count, by: Self.chunkCount) {
                let number = min(Self.chunkCount, count - first)
                let factors = unsafe base + offset(ofChunk: first)
                let high =
                    unsafe factors + SegmentFormat.factorHeadByteCount + number
                    * RowFactors.byteCount(of: .lite)
                // Both parts lie inside `encoded`, whose size was checked.
                unsafe body(
                    GroupCodes(
                        rowCount: number, width: width, profile: .lite, signs: nil, high: high, low: nil,
                        factors: factors), first)
            }
        }
    }
}

/// Mean and spread of rows that come one after the other, from their codes.
struct PartitionMoments {
    private var sums: [Float]
    private var squared = 0.0
    private var count = 0

    /// - Parameter width: D.
    init(width: Int) { sums = [Float](repeating: 0, count: width) }

    mutating func add(_ codes: RowCodes) {
        for row in codes.factors.indices {
            codes.add(row: row, to: &sums, at: 0)
            let length = Double(codes.low.isEmpty ? codes.factors[row].length4 : codes.factors[row].length8)
            squared += length * length
        }
        count += codes.factors.count
    }

    /// Of at least one row.
    func entry(groupCount: Int) -> PartitionTable.Entry {
        precondition(count > 0, "a partition without rows")
        let scale = 1 / Float(count)
        let mean = sums.map { $0 * scale }
        let meanSquared = mean.reduce(0.0) { $0 + Double($1) * Double($1) }
        let variance = max(0, squared / Double(count) - meanSquared) / Double(mean.count)
        return PartitionTable.Entry(
            groupCount: groupCount, spread: Float(variance.squareRoot()),
            mean: RowCodes(residuals: mean, width: mean.count, profile: .lite))
    }
}
