/// Reads the records of a CSV or TSV file (RFC 4180) one by one.
///
/// Cells may stand in quotes, with quotes in them doubled and with delimiters and line ends of any kind inside. A quote
/// inside an unquoted cell is itself. Lines without any character are passed over. A record that is not closed, has too
/// many cells or is too long is a problem of that record; reading goes on behind it.
struct DelimitedRecords: ~Copyable {
    /// A record.
    struct Record: Sendable {
        /// Where it starts in the file.
        let offset: Int64
        /// Its cells as UTF-8.
        var cells: [[UInt8]]
        /// Why it cannot be used, if so.
        var problem: String?
    }

    private var bytes: TextFileBytes
    private let delimiter: UInt8
    private let limits: ShardLimits

    /// Most cells of a record.
    static let maximumCellCount = 4096

    /// Reads from `offset`, where a record starts.
    init(file: ReadOnlyFile, encoding: TextEncoding, delimiter: UInt8, offset: Int64, limits: ShardLimits) {
        bytes = TextFileBytes(file: file, encoding: encoding, offset: offset)
        self.delimiter = delimiter
        self.limits = limits
    }

    /// The next record; `nil` at the end.
    mutating func next() throws(ShardError) -> Record? {
        while let first = try bytes.peek() {
            if first == 0x0A || first == 0x0D {
                _ = try bytes.next()
                continue
            }
            return try record()
        }
        return nil
    }

    /// Where the next record starts.
    mutating func nextOffset() throws(ShardError) -> Int64 {
        _ = try bytes.peek()
        return bytes.offset
    }

    private mutating func record() throws(ShardError) -> Record {
        var record = Record(offset: bytes.offset, cells: [], problem: nil)
        var cell: [UInt8] = []
        var byteCount: Int64 = 0
        var isQuoted = false
        var isAtStart = true
        while true {
            guard let byte = try bytes.next() else {
                if isQuoted { record.problem = "a quoted cell has no closing quote" }
                break
            }
            byteCount += 1
            guard byteCount <= limits.maximumTextByteCount else {
                record.problem = "the row is longer than \(limits.maximumTextByteCount) bytes"
                record.cells = []
                try skipLine()
                return record
            }
            if isQuoted {
                guard byte == UInt8(ascii: "\"") else {
                    cell.append(byte)
                    continue
                }
                if try bytes.peek() == byte {
                    _ = try bytes.next()
                    cell.append(byte)
                } else {
                    isQuoted = false
                }
            } else if byte == UInt8(ascii: "\""), isAtStart {
                isQuoted = true
            } else if byte == delimiter {
                guard record.cells.count < DelimitedRecords.maximumCellCount else {
                    record.problem = "the row has more than \(DelimitedRecords.maximumCellCount) cells"
                    record.cells = []
                    try skipLine()
                    return record
                }
                record.cells.append(cell)
                cell = []
                isAtStart = true
                continue
            } else if byte == 0x0A || byte == 0x0D {
                if byte == 0x0D, try bytes.peek() == 0x0A { _ = try bytes.next() }
                break
            } else {
                cell.append(byte)
            }
            isAtStart = false
        }
        record.cells.append(cell)
        return record
    }

    private mutating func skipLine() throws(ShardError) {
        while let byte = try bytes.next(), byte != 0x0A {}
    }

    /// The delimiter of a file: of comma, semicolon, tab and bar the one that divides the first rows into the most cells,
    /// of which each row has the same number; quoted cells are passed over. Comma if none divides anything.
    static func delimiter(
        of file: ReadOnlyFile, encoding: TextEncoding, offset: Int64, limits: ShardLimits
    ) throws(ShardError) -> UInt8 {
        var best: (delimiter: UInt8, score: Int) = (UInt8(ascii: ","), 1)
        for candidate in [UInt8(ascii: ","), UInt8(ascii: "\t"), UInt8(ascii: ";"), UInt8(ascii: "|")] {
            var records = DelimitedRecords(
                file: file, encoding: encoding, delimiter: candidate, offset: offset, limits: limits)
            var counts: [Int] = []
            while counts.count < 20, let record = try records.next() { counts.append(record.cells.count) }
            guard let first = counts.first, first > 1 else { continue }
            let agreeing = counts.count { $0 == first }
            // A delimiter whose rows agree beats one that only divides the heading finely.
            let score = agreeing * 1_000_000 / counts.count + first
            if score > best.score { best = (candidate, score) }
        }
        return best.delimiter
    }
}
