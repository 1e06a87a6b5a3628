/// Parts of `.npy` files that come from somewhere else than a file, such as a pipe.
extension NumpyFile {
    /// Bytes that tell whether this is such a file, and how long its header is.
    public static let prefixByteCount = 12

    /// The length of everything before the data, given the first `prefixByteCount` bytes; `nil` if it is no such file.
    public static func headerByteCount(prefix: [UInt8]) -> Int? {
        guard prefix.count == prefixByteCount, prefix.starts(with: [0x93] + Array("NUMPY".utf8)) else { return nil }
        let short = Int(prefix[8]) | Int(prefix[9]) << 8
        let count = prefix[6] == 1 ? 10 + short : 12 + (short | Int(prefix[10]) << 16 | Int(prefix[11]) << 24)
        return min(max(prefixByteCount, count), NumpyHeader.maximumByteCount)
    }

    /// Type and shape, given everything before the data.
    public static func layout(header: [UInt8]) throws(ByteFormatError) -> (element: Element, shape: [Int]) {
        let header = try NumpyHeader(prefix: header)
        return (header.element, header.shape)
    }

    /// Little-endian elements as floats; `nil` for types that vectors do not come in.
    public static func floats(_ bytes: [UInt8], _ element: Element) -> [Float]? {
        precondition(bytes.count % element.byteCount == 0, "\(bytes.count) bytes of \(element.rawValue)")
        let count = bytes.count / element.byteCount
        // Any bit pattern is a number, and there are count elements.
        return unsafe bytes.withUnsafeBytes { bytes in
            func number<Value: BitwiseCopyable>(_ index: Int, _ type: Value.Type) -> Value {
                unsafe bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<Value>.size, as: type)
            }
            switch element {
            case .float32: return (0..<count).map { number($0, Float.self) }
            case .float64: return (0..<count).map { Float(number($0, Double.self)) }
            case .float16: return HalfPrecision.widen((0..<count).map { number($0, UInt16.self) })
            default: return nil
            }
        }
    }
}
