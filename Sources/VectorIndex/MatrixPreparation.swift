import ByteFormats
import Samples

/// What is done with rows of any origin before they are stored: checked, made unit length, given ids and keys.
struct MatrixPreparation: Sendable {
    /// E.
    let dimension: Int
    let ids: [UInt64]?
    let firstID: UInt64
    let keys: (@Sendable (Range<Int>) throws -> [String])?
    let isNormalized: Bool

    /// The group of some rows, as it is stored.
    func encoded(_ vectors: [Float], _ range: Range<Int>, storage: SegmentStorage) throws -> EncodedGroup {
        let vectors = try unitRows(vectors, range)
        var stored = try stored(vectors, range)
        if storage.profile == .full {
            stored.fine = FineBits.bits(of: vectors, halves: stored.halves, dimension: dimension)
        }
        var encoder = GroupEncoder(dimension: dimension, storage: storage)
        var encoded = encoder.encode(stored, vectors: vectors, kind: .images)
        encoded.contentChecksum = stored.checksum
        return encoded
    }

    private func stored(_ vectors: [Float], _ range: Range<Int>) throws -> StoredRows {
        let keys = try keys?(range) ?? [String](repeating: "", count: range.count)
        guard keys.count == range.count, keys.allSatisfy({ $0.utf8.count <= EmbeddingRow.maximumKeyByteCount }) else {
            throw VectorIndexError(
                .invalidRows,
                "rows \(range) need one key each of at most \(EmbeddingRow.maximumKeyByteCount) bytes")
        }
        var stored = StoredRows()
        stored.rows = zip(range, keys).map { EmbeddingRow(ordinal: UInt32($0), view: .image, key: $1) }
        stored.ids = ids.map { Array($0[range]) } ?? range.map { firstID &+ UInt64($0) }
        stored.halves = HalfPrecision.narrow(vectors)
        return stored
    }

    /// Some rows, checked and of unit length.
    func unitRows(_ rows: [Float], _ range: Range<Int>) throws -> [Float] {
        var vectors = rows
        guard vectors.count == range.count * dimension else {
            throw VectorIndexError(
                .invalidVector,
                "rows \(range) came with \(vectors.count) numbers instead of \(range.count * dimension)")
        }
        if isNormalized { try normalize(&vectors, firstRow: range.lowerBound) }
        try UnitVectors.check(vectors, dimension: dimension) { "row \(range.lowerBound + $0)" }
        return vectors
    }

    private func normalize(_ vectors: inout [Float], firstRow: Int) throws(VectorIndexError) {
        let squared = UnitVectors.squaredLengths(vectors, dimension: dimension)
        for (row, length) in squared.enumerated() {
            guard length.isFinite, length > 0 else {
                throw VectorIndexError(
                    .invalidVector,
                    "the vector of row \(firstRow + row) is \(length == 0 ? "zero" : "not finite"); leave it out")
            }
            let scale = 1 / length.squareRoot()
            for index in row * dimension..<(row + 1) * dimension {
                vectors[index] = Float(Double(vectors[index]) * scale)
            }
        }
    }
}

extension StoredRows {
    /// CRC-32C of ids, keys, F16 vectors and their fine bits.
    fileprivate var checksum: UInt32 {
        var head = ByteWriter(capacity: ids.count * 32)
        for id in ids { head.write(id) }
        for row in rows { head.write(field: row.key) }
        var checksum = CRC32C()
        checksum.update(head.bytes)
        unsafe checksum.update(halves.span.bytes)
        checksum.update(fine)
        return checksum.value
    }
}
