/// A tensor to be written to a safetensors file.
public struct SafetensorsTensor {
    /// Name of the tensor, unique in its file and not `__metadata__`.
    public let name: String
    /// Type of its elements.
    public let element: SafetensorsElement
    /// Row-major shape; empty for a scalar.
    public let shape: [Int]
    private let content: (inout AtomicFile.Writer) throws -> Void

    /// A tensor whose little-endian bytes `content` writes when the file is made; it must write exactly as many as type
    /// and shape need.
    public init(
        name: String, element: SafetensorsElement, shape: [Int],
        content: @escaping (inout AtomicFile.Writer) throws -> Void
    ) {
        precondition(
            name != "__metadata__" && name.utf8.count <= SafetensorsHeader.maximumNameByteCount
                && shape.count <= SafetensorsHeader.maximumRank && shape.allSatisfy { $0 >= 0 }
                && shape.reduce(element.bitCount, *) % 8 == 0,
            "safetensors: tensor '\(name)' of shape \(shape) cannot be written")
        self.name = name
        self.element = element
        self.shape = shape
        self.content = content
    }

    /// A Float32 tensor.
    public init(name: String, shape: [Int], floats: [Float]) {
        precondition(
            floats.count == shape.reduce(1, *), "safetensors: '\(name)' of shape \(shape) has \(floats.count) elements")
        self.init(name: name, element: .float32, shape: shape) { unsafe try $0.write(floats.span.bytes) }
    }

    /// An I64 tensor.
    public init(name: String, shape: [Int], integers: [Int64]) {
        precondition(
            integers.count == shape.reduce(1, *),
            "safetensors: '\(name)' of shape \(shape) has \(integers.count) elements")
        self.init(name: name, element: .int64, shape: shape) { unsafe try $0.write(integers.span.bytes) }
    }

    /// A tensor of bytes, or of any type given as bytes.
    public init(name: String, element: SafetensorsElement = .uint8, shape: [Int], bytes: [UInt8]) {
        self.init(name: name, element: element, shape: shape) { unsafe try $0.write(bytes.span.bytes) }
    }

    fileprivate var byteCount: Int { shape.reduce(element.bitCount, *) / 8 }

    fileprivate func write(to file: inout AtomicFile.Writer) throws {
        let start = file.byteCount
        try content(&file)
        precondition(
            file.byteCount - start == byteCount,
            "safetensors: '\(name)' of shape \(shape) needs \(byteCount) bytes, \(file.byteCount - start) came")
    }
}

extension SafetensorsFile {
    /// Writes a file atomically. The bytes are a function of the arguments, not of the order of `tensors`.
    ///
    /// Tensors stand in the order of their alignment (largest elements first), then of their names; the header is padded
    /// with spaces so that the data starts at a multiple of 8.
    ///
    /// - Throws: Errors of the file system, and whatever a tensor's content throws.
    public static func write(
        path: String, tensors: [SafetensorsTensor], metadata: [String: String] = [:]
    ) throws {
        precondition(Set(tensors.map(\.name)).count == tensors.count, "safetensors: two tensors have the same name")
        let ordered = tensors.sorted {
            $0.element.bitCount != $1.element.bitCount
                ? $0.element.bitCount > $1.element.bitCount
                : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }
        var members: [String] = []
        if !metadata.isEmpty {
            let texts = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .map { "\(quoted($0.key)):\(quoted($0.value))" }
            members.append("\"__metadata__\":{\(texts.joined(separator: ","))}")
        }
        var offset = 0
        for tensor in ordered {
            let end = offset + tensor.byteCount
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            members.append(
                "\(quoted(tensor.name)):{\"dtype\":\"\(tensor.element.rawValue)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(offset),\(end)]}")
            offset = end
        }
        var header = Array("{\(members.joined(separator: ","))}".utf8)
        header.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
        var length = ByteWriter()
        length.write(UInt64(header.count))
        try AtomicFile.write(path: path) { file in
            try file.write(length.bytes)
            try file.write(header)
            for tensor in ordered { try tensor.write(to: &file) }
        }
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
