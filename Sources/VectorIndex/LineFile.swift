import ByteFormats

/// The lines of a text file by number, with a memory that does not depend on their length: keys of rows.
public final class LineFile: Sendable {
    private static let spacing = 256
    private let file: MappedFile
    /// Byte offset of every 256th line.
    private let starts: [Int]
    /// Number of lines; a last line without a line feed counts.
    public let count: Int

    /// Maps the file and finds its lines.
    ///
    /// - Throws: `ByteFormatError` for files that cannot be read.
    public init(path: String) throws {
        let file = try MappedFile(path: path)
        var starts: [Int] = []
        var count = 0
        file.withBytes { bytes in
            unsafe bytes.withUnsafeBytes { bytes in
                var next = 0
                while next < bytes.count {
                    if count % Self.spacing == 0 { starts.append(next) }
                    count += 1
                    next = unsafe Self.end(of: bytes, from: next) + 1
                }
            }
        }
        self.file = file
        self.starts = starts
        self.count = count
    }

    /// Offset of the next line feed, or the end.
    private static func end(of bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        unsafe UnsafeRawBufferPointer(rebasing: bytes[start...]).firstIndex(of: UInt8(ascii: "\n")).map { $0 + start }
            ?? bytes.count
    }

    /// Some lines without their line feeds; bytes that are not UTF-8 are an error that names the line.
    public func lines(_ range: Range<Int>) throws -> [String] {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "lines \(range) of \(count)")
        guard !range.isEmpty else { return [] }
        return try file.withBytes { bytes in
            try unsafe bytes.withUnsafeBytes { bytes in
                var next = starts[range.lowerBound / Self.spacing]
                for _ in 0..<range.lowerBound % Self.spacing { next = unsafe Self.end(of: bytes, from: next) + 1 }
                return try range.map { line in
                    let start = next
                    let end = unsafe Self.end(of: bytes, from: start)
                    next = end + 1
                    var last = end
                    if last > start, unsafe bytes[last - 1] == UInt8(ascii: "\r") { last -= 1 }
                    guard let text = unsafe String(validating: bytes[start..<last], as: UTF8.self) else {
                        throw VectorIndexError(
                            .invalidRows, "line \(line + 1) is not UTF-8", path: file.path, byteOffset: UInt64(start))
                    }
                    return text
                }
            }
        }
    }
}
