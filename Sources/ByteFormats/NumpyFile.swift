import CKernels

/// A numpy array file (`.npy`, versions 1 to 3): little-endian, row-major, of plain numbers; mapped and checked.
///
///     let queries = try NumpyFile(path: "queries.npy")
///     let row = try queries.floats(rows: 0..<1)
///
/// Refused, with the remedy: big-endian and column-major arrays, structures, text, Python objects.
public final class NumpyFile: Sendable {
    /// Element types that are read and written.
    public enum Element: String, Sendable, CaseIterable {
        case float16 = "<f2"
        case float32 = "<f4"
        case float64 = "<f8"
        case uint8 = "|u1"
        case int32 = "<i4"
        case uint32 = "<u4"
        case int64 = "<i8"
        case uint64 = "<u8"

        /// Size of an element in bytes.
        public var byteCount: Int {
            switch self {
            case .uint8: 1
            case .float16: 2
            case .float32, .int32, .uint32: 4
            case .float64, .int64, .uint64: 8
            }
        }
    }

    private let file: MappedFile
    private let dataByteOffset: Int
    /// Type of the elements.
    public let element: Element
    /// Row-major shape; empty for a scalar.
    public let shape: [Int]

    /// Most dimensions of an array.
    public static let maximumRank = 8

    /// Maps and checks the file.
    public init(path: String) throws(ByteFormatError) {
        let file = try MappedFile(path: path)
        let header: NumpyHeader
        do throws(ByteFormatError) {
            let prefix = try file.copy(0..<min(file.byteCount, NumpyHeader.maximumByteCount))
            header = try NumpyHeader(prefix: prefix)
            var byteCount = header.element.byteCount
            for dimension in header.shape {
                let (product, overflow) = byteCount.multipliedReportingOverflow(by: dimension)
                guard !overflow else {
                    throw ByteFormatError(.limitExceeded, "an array of shape \(header.shape) is too large")
                }
                byteCount = product
            }
            let stored = file.byteCount - header.byteCount
            guard stored == byteCount else {
                throw ByteFormatError(
                    stored < byteCount ? .truncated : .malformed,
                    "an array of shape \(header.shape) needs \(byteCount) bytes, the file has \(stored); save it again",
                    byteOffset: UInt64(header.byteCount))
            }
        } catch {
            throw error.placed(inFile: path)
        }
        element = header.element
        shape = header.shape
        dataByteOffset = header.byteCount
        self.file = file
    }

    /// The file.
    public var path: String { file.path }

    /// Number of rows: the first dimension, 1 for a scalar.
    public var rowCount: Int { shape.first ?? 1 }

    /// Number of elements of a row: the product of all dimensions but the first.
    public var rowElementCount: Int { shape.dropFirst().reduce(1, *) }

    /// Some rows as floats: `<f4` as it is, `<f2` and `<f8` converted; other types are refused.
    public func floats(rows: Range<Int>) throws(ByteFormatError) -> [Float] {
        precondition(
            rows.lowerBound >= 0 && rows.upperBound <= rowCount, "floats(rows: \(rows)) of an array of shape \(shape)")
        let count = rows.count * rowElementCount
        let start = dataByteOffset + rows.lowerBound * rowElementCount * element.byteCount
        let bytes = try file.copy(start..<start + count * element.byteCount)
        switch element {
        case .float32: return unsafe loads(bytes, count, as: Float.self)
        case .float64: return unsafe loads(bytes, count, as: Double.self).map(Float.init)
        case .float16: return unsafe HalfPrecision.widen(loads(bytes, count, as: UInt16.self))
        default:
            throw ByteFormatError(
                .unsupported, "elements are \(element.rawValue); vectors must be <f4, <f2 or <f8 (x.astype('<f4'))",
                path: path)
        }
    }

    /// All elements as unsigned 64-bit integers; float types and negative numbers are refused.
    public func unsignedIntegers() throws(ByteFormatError) -> [UInt64] {
        let count = rowCount * rowElementCount
        let bytes = try file.copy(dataByteOffset..<dataByteOffset + count * element.byteCount)
        let values: [UInt64?]
        switch element {
        case .uint8: values = bytes.map(UInt64.init)
        case .uint32: values = unsafe loads(bytes, count, as: UInt32.self).map { UInt64($0) }
        case .uint64: values = unsafe loads(bytes, count, as: UInt64.self)
        case .int32: values = unsafe loads(bytes, count, as: Int32.self).map(UInt64.init(exactly:))
        case .int64: values = unsafe loads(bytes, count, as: Int64.self).map(UInt64.init(exactly:))
        case .float16, .float32, .float64:
            throw ByteFormatError(.unsupported, "elements are \(element.rawValue); whole numbers are due", path: path)
        }
        let present = values.compactMap(\.self)
        guard present.count == values.count else {
            throw ByteFormatError(.malformed, "a number is negative; ids are 0 or more", path: path)
        }
        return present
    }

    // Any bit pattern is a value of the number types this is called with; `bytes` has count elements of them.
    @unsafe private func loads<Value: BitwiseCopyable>(_ bytes: [UInt8], _ count: Int, as type: Value.Type) -> [Value] {
        unsafe [Value](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            unsafe UnsafeMutableRawBufferPointer(buffer).copyBytes(from: bytes)
            initializedCount = count
        }
    }
}

extension NumpyFile {
    /// Writes an array atomically; `content` writes its little-endian bytes in row-major order.
    public static func write(
        path: String, element: Element, shape: [Int], content: (inout AtomicFile.Writer) throws -> Void
    ) throws {
        precondition(shape.count <= maximumRank && shape.allSatisfy { $0 >= 0 }, "npy: shape \(shape)")
        let header = NumpyHeader.bytes(element: element, shape: shape)
        try AtomicFile.write(path: path) { file in
            try file.write(header)
            try content(&file)
            let byteCount = shape.reduce(element.byteCount, *)
            precondition(
                file.byteCount - header.count == byteCount,
                "npy: shape \(shape) needs \(byteCount) bytes, \(file.byteCount - header.count) came")
        }
    }

    /// Writes a Float32 array atomically.
    public static func write(path: String, shape: [Int], floats: [Float]) throws {
        try write(path: path, element: .float32, shape: shape) { unsafe try $0.write(floats.span.bytes) }
    }

    /// Writes an array of 64-bit signed integers atomically.
    public static func write(path: String, shape: [Int], integers: [Int64]) throws {
        try write(path: path, element: .int64, shape: shape) { unsafe try $0.write(integers.span.bytes) }
    }

    /// Writes an array of 64-bit unsigned integers atomically.
    public static func write(path: String, shape: [Int], unsignedIntegers: [UInt64]) throws {
        try write(path: path, element: .uint64, shape: shape) { unsafe try $0.write(unsignedIntegers.span.bytes) }
    }
}
