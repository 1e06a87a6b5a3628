import ByteFormats
import CKernels

/// Reads the vectors of rows whose scores are known up to an error, as few as possible, and scores them exactly.
struct VectorReranking: ~Copyable {
    private let reader: IndexReader
    private var scratch = SegmentScratch()
    private var codeReader = CodeReader()
    private var stored: [UInt8] = []
    private var halves: [UInt16] = []
    /// The row's fine bits; empty if it has none.
    private var fine: [UInt8] = []
    /// Rows whose vectors were read.
    private(set) var readRowCount = 0

    init(reader: IndexReader) {
        self.reader = reader
    }

    /// Adds the exact scores of those of `rows` that may be among the best to `best`.
    ///
    /// Rows are read by falling upper bound until no bound reaches the worst of the best.
    mutating func rerank(_ rows: [PendingRow], query: [Float], into best: inout TopCandidates) throws {
        let ordered = rows.sorted {
            if $0.upper != $1.upper { return $0.upper > $1.upper }
            return ($0.segment, $0.group, $0.row) < ($1.segment, $1.group, $1.row)
        }
        for row in ordered {
            guard row.upper >= best.threshold else { return }
            let segment = reader.segments[Int(row.segment)]
            let group = Int(row.group)
            try readVector(Int(row.row), of: segment, group: group)
            readRowCount += 1
            let id = try segment.readID(Int(row.row), group: group, scratch: &scratch)
            best.insert(
                Candidate(score: score(query), id: id, segment: row.segment, group: row.group, row: row.row))
        }
    }

    private mutating func readVector(_ row: Int, of segment: IndexSegment, group index: Int) throws {
        let dimension = segment.header.dimension
        let frame = segment.table.groups[index].frame(.vectors)
        let first = row / SegmentFormat.runRowCount * SegmentFormat.runRowCount
        let inRun = row - first
        fine = []
        if frame.codec == .raw {
            try segment.readChecked(.vectors, group: index, into: &stored)
            halves = (0..<dimension).map {
                let position = (row * dimension + $0) * 2
                return UInt16(stored[position]) | UInt16(stored[position + 1]) << 8
            }
            return
        }
        let rowCount = min(SegmentFormat.runRowCount, segment.table.groups[index].rowCount - first)
        try segment.withRun(.vectors, group: index, run: row / SegmentFormat.runRowCount, buffer: &stored) { run in
            let parts = try segment.splitRun(0..<run.byteCount, rowCount: rowCount, storedAs: frame.codec, group: index)
            if !parts.fine.isEmpty {
                let size = FineBits.byteCount(dimension: dimension)
                let bytes = run.extracting(parts.fine).extracting(inRun * size..<(inRun + 1) * size)
                fine = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
            }
            try translatingErrors(inFile: segment.path) {
                try scratch.decompressor.decompress(
                    run.extracting(parts.elements), byteCount: rowCount * dimension * 2, into: &scratch.split)
            }
        }
        // All low bytes of the run come first, then all high bytes.
        let start = inRun * dimension
        let highStart = rowCount * dimension + start
        halves = (0..<dimension).map { UInt16(scratch.split[start + $0]) | UInt16(scratch.split[highStart + $0]) << 8 }
        guard frame.codec != .byteSplitRuns, let codec = segment.table.codec else { return }
        let codes = try codeReader.codes(
            of: segment, group: index, need: segment.places[index].isPacked ? .signs : .scan)
        let bits = unsafe try codeReader.row(row, of: segment, group: index, codes: codes)
        guard let low = unsafe bits.low else { preconditionFailure("vectors are kept beside all bits of their codes") }
        unsafe codec.restore(
            &halves, row: 0, high: bits.high, low: low, scale: codes.scale8(row), prediction: &scratch.prediction)
    }

    /// The inner product as every exact search makes it.
    private func score(_ query: [Float]) -> Float {
        precondition(query.count == halves.count, "a query of \(query.count) and a row of \(halves.count) elements")
        guard fine.isEmpty else {
            // Both have as many elements.
            return unsafe vlm_dot_lanes(
                query, FineBits.refined(halves, fine, dimension: query.count), query.count)
        }
        var score: Float = 0
        unsafe query.withUnsafeBufferPointer { query in
            unsafe halves.withUnsafeBufferPointer { halves in
                guard let from = query.baseAddress, let row = halves.baseAddress else { return }
                unsafe vlm_scan_f16(from, 1, row, 1, query.count, &score, 1)
            }
        }
        return score
    }
}
