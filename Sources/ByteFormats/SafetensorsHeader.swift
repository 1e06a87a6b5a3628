/// Element types a safetensors file may hold.
public enum SafetensorsElement: String, Sendable, CaseIterable {
    case boolean = "BOOL"
    case uint8 = "U8"
    case int8 = "I8"
    case float8E5M2 = "F8_E5M2"
    case float8E4M3 = "F8_E4M3"
    case float8E8M0 = "F8_E8M0"
    case float8E4M3FNUZ = "F8_E4M3FNUZ"
    case float8E5M2FNUZ = "F8_E5M2FNUZ"
    case int16 = "I16"
    case uint16 = "U16"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int32 = "I32"
    case uint32 = "U32"
    case float32 = "F32"
    case complex64 = "C64"
    case float64 = "F64"
    case int64 = "I64"
    case uint64 = "U64"
    case float4 = "F4"
    case float6E2M3 = "F6_E2M3"
    case float6E3M2 = "F6_E3M2"

    /// Size of an element in bits.
    public var bitCount: Int {
        switch self {
        case .float4: 4
        case .float6E2M3, .float6E3M2: 6
        case .boolean, .uint8, .int8, .float8E5M2, .float8E4M3, .float8E8M0, .float8E4M3FNUZ, .float8E5M2FNUZ: 8
        case .int16, .uint16, .float16, .bfloat16: 16
        case .int32, .uint32, .float32: 32
        case .complex64, .float64, .int64, .uint64: 64
        }
    }
}

/// The header of a safetensors file after every rule has been checked.
///
/// Rules: the file has 8 bytes and the header it announces (at most 100,000,000 bytes); the header is UTF-8 JSON that
/// starts with `{`; names are unique and at most 4,096 bytes; shapes have at most 8 dimensions; the data offsets, sorted,
/// start at 0, leave no hole, do not overlap and end with the file; each tensor has the bytes its type and shape need.
/// Duplicate keys and unknown fields are refused, although other readers accept them.
public struct SafetensorsHeader: Sendable {
    /// One tensor: its name, type, shape, and its bytes counted from the start of the data.
    public struct Entry: Sendable, Equatable {
        /// Name of the tensor.
        public let name: String
        /// Type of its elements.
        public let element: SafetensorsElement
        /// Row-major shape; empty for a scalar; dimensions may be 0.
        public let shape: [Int]
        /// Where its bytes are, counted from the start of the data.
        public let byteRange: Range<Int>

        /// Product of the shape.
        public var elementCount: Int { shape.reduce(1, *) }
    }

    /// Longest header that is read.
    public static let maximumByteCount = 100_000_000
    /// Longest tensor name that is read, in bytes.
    public static let maximumNameByteCount = 4096
    /// Most dimensions of a tensor.
    public static let maximumRank = 8

    /// All tensors in the order of their bytes.
    public let entries: [Entry]
    /// The texts of `__metadata__`.
    public let metadata: [String: String]
    /// Offset in the file at which the data starts.
    public let dataByteOffset: Int
    private let positions: [String: Int]

    /// The tensor of this name, if there is one.
    public subscript(name: String) -> Entry? { positions[name].map { entries[$0] } }

    /// Parses and checks the first bytes of a file.
    ///
    /// - Parameters:
    ///   - prefix: The file's bytes from its start, at least 8 + header length of them (or the whole file).
    ///   - fileByteCount: Size of the whole file.
    public init(prefix: RawSpan, fileByteCount: Int) throws(ByteFormatError) {
        let headerByteCount = try Self.headerByteCount(prefix: prefix, fileByteCount: fileByteCount)
        guard prefix.byteCount - 8 >= headerByteCount else {
            throw ByteFormatError(.truncated, "the header needs \(headerByteCount) bytes", byteOffset: 8)
        }
        let bytes = unsafe prefix.extracting(8..<8 + headerByteCount).withUnsafeBytes { unsafe Array($0) }
        var parser = SafetensorsHeaderParser(bytes)
        try parser.parse()
        dataByteOffset = 8 + headerByteCount
        metadata = parser.metadata
        let dataByteCount = fileByteCount - dataByteOffset
        entries = parser.entries.sorted {
            ($0.byteRange.lowerBound, $0.byteRange.upperBound, $0.name)
                < ($1.byteRange.lowerBound, $1.byteRange.upperBound, $1.name)
        }
        var end = 0
        for entry in entries {
            guard entry.byteRange.lowerBound == end else {
                throw ByteFormatError(
                    .malformed,
                    "tensor '\(entry.name)' starts at data byte \(entry.byteRange.lowerBound) where \(end) is due: "
                        + "tensors must follow one another without holes or overlaps; export the file again")
            }
            end = entry.byteRange.upperBound
        }
        guard end == dataByteCount else {
            throw ByteFormatError(
                end > dataByteCount ? .truncated : .malformed,
                "the tensors need \(end) bytes of data, the file has \(dataByteCount); copy or export it again")
        }
        positions = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
    }

    /// Length of the header announced by the first 8 bytes, checked against the file's size and the cap.
    static func headerByteCount(prefix: RawSpan, fileByteCount: Int) throws(ByteFormatError) -> Int {
        guard fileByteCount >= 8, prefix.byteCount >= 8 else {
            throw ByteFormatError(.truncated, "a safetensors file has at least 8 bytes, this has \(fileByteCount)")
        }
        let announced = unsafe UInt64(littleEndian: prefix.unsafeLoadUnaligned(as: UInt64.self))
        guard announced <= UInt64(maximumByteCount) else {
            throw ByteFormatError(
                .limitExceeded,
                "the header claims \(announced) bytes, at most \(maximumByteCount) are read; "
                    + "is this a safetensors file?", byteOffset: 0)
        }
        guard announced <= UInt64(fileByteCount - 8) else {
            throw ByteFormatError(
                .truncated, "the header claims \(announced) bytes, the file has \(fileByteCount - 8) after its length",
                byteOffset: 0)
        }
        return Int(announced)
    }
}
