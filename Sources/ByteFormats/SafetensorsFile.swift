import CKernels

/// A mapped safetensors file whose header has been checked in full.
///
///     let file = try SafetensorsFile(path: "weights.safetensors")
///     let projection = try file.floats(of: "imageTower.projection.weight")
///
/// Values are taken as they are: NaN and infinity are legal in the format.
public final class SafetensorsFile: Sendable {
    private let file: MappedFile
    /// The tensors and metadata.
    public let header: SafetensorsHeader

    /// Maps and checks the file.
    public init(path: String) throws(ByteFormatError) {
        let file = try MappedFile(path: path)
        do throws(ByteFormatError) {
            header = try file.withBytes { bytes throws(ByteFormatError) in
                try SafetensorsHeader(prefix: bytes, fileByteCount: bytes.byteCount)
            }
        } catch {
            throw error.placed(inFile: path)
        }
        self.file = file
    }

    /// The file.
    public var path: String { file.path }

    /// The tensor of this name; code `missingEntry` if there is none.
    public func entry(named name: String) throws(ByteFormatError) -> SafetensorsHeader.Entry {
        guard let entry = header[name] else {
            throw ByteFormatError(.missingEntry, "there is no tensor '\(name)'; is it another model?", path: path)
        }
        return entry
    }

    /// Lends the bytes of a tensor, which need not be aligned.
    public func withBytes<Result>(
        of entry: SafetensorsHeader.Entry, _ body: (RawSpan) throws(ByteFormatError) -> Result
    ) throws(ByteFormatError) -> Result {
        let range =
            header.dataByteOffset + entry.byteRange.lowerBound..<header.dataByteOffset + entry.byteRange.upperBound
        return try file.withBytes { bytes throws(ByteFormatError) in try body(bytes.extracting(range)) }
    }

    /// A tensor as floats: F32 as it is, F16, BF16 and F64 converted; other types are refused.
    public func floats(of name: String) throws(ByteFormatError) -> [Float] {
        let entry = try entry(named: name)
        var floats = [Float](repeating: 0, count: entry.elementCount)
        var destination = floats.mutableSpan
        try copyFloats(of: name, into: &destination)
        return floats
    }

    /// Like `floats(of:)` into storage of exactly the tensor's element count.
    public func copyFloats(of name: String, into floats: inout MutableSpan<Float>) throws(ByteFormatError) {
        let entry = try entry(named: name)
        try copyFloats(of: entry, elements: 0..<entry.elementCount, into: &floats)
    }

    /// A run of a tensor's elements in row-major order, converted as by `floats(of:)`, into storage of exactly that count.
    public func copyFloats(
        of entry: SafetensorsHeader.Entry, elements: Range<Int>, into floats: inout MutableSpan<Float>
    ) throws(ByteFormatError) {
        precondition(
            elements.count == floats.count && elements.lowerBound >= 0 && elements.upperBound <= entry.elementCount,
            "copyFloats(of: \(entry.name)): elements \(elements) of shape \(entry.shape) into \(floats.count) floats")
        guard let elementByteCount = Self.byteCount(ofFloat: entry.element) else {
            throw ByteFormatError(
                .unsupported,
                "tensor '\(entry.name)' has type \(entry.element.rawValue); F32, F16, BF16 and F64 are read as floats",
                path: path)
        }
        guard !elements.isEmpty else { return }
        let start = header.dataByteOffset + entry.byteRange.lowerBound + elements.lowerBound * elementByteCount
        file.withBytes { bytes in
            unsafe bytes.extracting(start..<start + elements.count * elementByteCount).withUnsafeBytes { source in
                unsafe floats.withUnsafeMutableBufferPointer { destination in
                    unsafe Self.convert(entry.element, source, destination)
                }
            }
        }
    }

    /// Bytes of an element of a type that is read as a float; nil for other types.
    private static func byteCount(ofFloat element: SafetensorsElement) -> Int? {
        switch element {
        case .float32, .float64, .float16, .bfloat16: element.bitCount / 8
        default: nil
        }
    }

    private static func convert(
        _ element: SafetensorsElement, _ source: UnsafeRawBufferPointer,
        _ destination: UnsafeMutableBufferPointer<Float>
    ) {
        switch element {
        case .float32:
            unsafe UnsafeMutableRawBufferPointer(destination).copyMemory(from: source)
        case .float64:
            for index in 0..<destination.count {
                unsafe destination[index] = Float(source.loadUnaligned(fromByteOffset: index * 8, as: Double.self))
            }
        case .float16, .bfloat16:
            // Through a small aligned buffer: the file need not be aligned.
            var halves = [UInt16](repeating: 0, count: min(destination.count, 8192))
            var done = 0
            while done < destination.count {
                let count = min(halves.count, destination.count - done)
                unsafe halves.withUnsafeMutableBytes { buffer in
                    unsafe buffer.copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: source[done * 2..<(done + count) * 2]))
                }
                unsafe halves.withUnsafeBufferPointer { buffer in
                    guard let from = buffer.baseAddress, let to = destination.baseAddress else { return }
                    if element == .float16 {
                        unsafe vlm_f16_to_f32(from, to + done, count)
                    } else {
                        unsafe vlm_bf16_to_f32(from, to + done, count)
                    }
                }
                done += count
            }
        default: preconditionFailure("\(element.rawValue) is not read as floats")
        }
    }

    /// A tensor of type I64, I32 or U8 as integers; other types are refused.
    public func integers(of name: String) throws(ByteFormatError) -> [Int] {
        let entry = try entry(named: name)
        return try withBytes(of: entry) { bytes throws(ByteFormatError) in
            let count = entry.elementCount
            switch entry.element {
            case .int64:
                return (0..<count).map {
                    unsafe Int(bytes.unsafeLoadUnaligned(fromByteOffset: $0 * 8, as: Int64.self))
                }
            case .int32:
                return (0..<count).map {
                    unsafe Int(bytes.unsafeLoadUnaligned(fromByteOffset: $0 * 4, as: Int32.self))
                }
            case .uint8:
                return (0..<count).map { unsafe Int(bytes.unsafeLoadUnaligned(fromByteOffset: $0, as: UInt8.self)) }
            default:
                throw ByteFormatError(
                    .unsupported,
                    "tensor '\(name)' has type \(entry.element.rawValue); I64, I32 and U8 are read as integers",
                    path: path)
            }
        }
    }
}
