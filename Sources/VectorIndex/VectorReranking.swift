import ByteFormats
import CKernels

/// Reads the vectors of rows whose scores are known up to an error, as few as possible, and scores them exactly.
struct VectorReranking: ~Copyable {
    private let reader: IndexReader
    private var scratch = SegmentScratch()
    private var codeReader = CodeReader()
    private var stored: [UInt8] = []
    /// Runs that were decompressed: neighbours lie together in indexes stored by partition.
    private var runs: [RunPlace: Run] = [:]
    private var halves: [UInt16] = []
    /// The row's fine bits; empty if it has none.
    private var fine: [UInt8] = []
    /// Rows whose vectors were read.
    private(set) var readRowCount = 0

    private struct RunPlace: Hashable {
        let segment: Int32
        let group: Int
        let run: Int
    }

    /// All low bytes of its elements, then all high bytes; and its fine bits.
    private struct Run {
        let elements: [UInt8]
        let fine: [UInt8]
    }

    /// Some 8 kB each.
    private static let knownRunLimit = 256

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
            try readVector(Int(row.row), of: row.segment, group: group)
            readRowCount += 1
            let id = try segment.readID(Int(row.row), group: group, scratch: &scratch)
            best.insert(
                Candidate(score: score(query), id: id, segment: row.segment, group: row.group, row: row.row))
        }
    }

    private mutating func readVector(_ row: Int, of segmentNumber: Int32, group index: Int) throws {
        let segment = reader.segments[Int(segmentNumber)]
        let dimension = segment.header.dimension
        let frame = segment.table.groups[index].frame(.vectors)
        fine = []
        if frame.codec == .raw {
            try segment.readChecked(.vectors, group: index, into: &stored)
            halves = (0..<dimension).map {
                let position = (row * dimension + $0) * 2
                return UInt16(stored[position]) | UInt16(stored[position + 1]) << 8
            }
            return
        }
        let place = RunPlace(segment: segmentNumber, group: index, run: row / frame.codec.runRowCount)
        let run = try runs[place] ?? readRun(place, of: segment, storedAs: frame.codec)
        let inRun = row % frame.codec.runRowCount
        if !run.fine.isEmpty {
            let size = FineBits.byteCount(dimension: dimension)
            fine = Array(run.fine[inRun * size..<(inRun + 1) * size])
        }
        let start = inRun * dimension
        let highStart = run.elements.count / 2 + start
        halves = (0..<dimension).map { UInt16(run.elements[start + $0]) | UInt16(run.elements[highStart + $0]) << 8 }
        guard frame.codec != .byteSplitRuns, let codec = segment.table.codec else { return }
        let codes = try codeReader.codes(
            of: segment, group: index, need: segment.places[index].isPacked ? .signs : .scan)
        let bits = unsafe try codeReader.row(row, of: segment, group: index, codes: codes)
        guard let low = unsafe bits.low else { preconditionFailure("vectors are kept beside all bits of their codes") }
        unsafe codec.restore(
            &halves, row: 0, high: bits.high, low: low, scale: codes.scale8(row), prediction: &scratch.prediction)
    }

    private mutating func readRun(
        _ place: RunPlace, of segment: IndexSegment, storedAs codec: SegmentCodec
    ) throws -> Run {
        let first = place.run * codec.runRowCount
        let rowCount = min(codec.runRowCount, segment.table.groups[place.group].rowCount - first)
        let byteCount = rowCount * segment.header.dimension * 2
        let read = try segment.withRun(.vectors, group: place.group, run: place.run, buffer: &stored) { run in
            let parts = try segment.splitRun(0..<run.byteCount, rowCount: rowCount, storedAs: codec, group: place.group)
            let fine = run.extracting(parts.fine)
            let elements = try translatingErrors(inFile: segment.path) {
                try scratch.decompressor.decompress(run.extracting(parts.elements), byteCount: byteCount)
            }
            return unsafe Run(elements: elements, fine: fine.withUnsafeBytes { unsafe Array($0) })
        }
        if runs.count >= Self.knownRunLimit { runs.removeAll(keepingCapacity: true) }
        runs[place] = read
        return read
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
