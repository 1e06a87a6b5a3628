import Samples

/// Reads a JSON file of the form `{"images": [{"id", "file_name", …}], "annotations": [{"image_id", "caption"}], …}`, as
/// the COCO captions data set has it, without holding it in memory: 24 bytes for each annotation are kept.
struct CaptionAnnotations: Sendable {
    private struct Annotation {
        let imageID: Int64
        let offset: Int64
        let byteCount: Int32
    }

    private let file: ReadOnlyFile
    private let annotations: [Annotation]
    /// Offset of the first byte after the bracket that opens the images.
    let imagesOffset: Int64

    /// Most annotations, so that they take at most half a gigabyte.
    static let maximumAnnotationCount = 20_000_000

    /// Reads the whole file once. Throws `manifestInvalid` if it is not of this form.
    init(file: ReadOnlyFile, offset: Int64, limits: ShardLimits) throws(ShardError) {
        self.file = file
        var scanner = JSONFileScanner(file: file, offset: offset, limits: limits)
        var imagesOffset: Int64?
        var annotations: [Annotation] = []
        try scanner.open(UInt8(ascii: "{"))
        while let name = try scanner.nextName() {
            if name == "images" {
                try scanner.open(UInt8(ascii: "["))
                imagesOffset = scanner.offset
                while try scanner.skipElement() {}
            } else if name == "annotations" {
                try scanner.open(UInt8(ascii: "["))
                while let element = try scanner.nextElement() {
                    guard case .object(let fields)? = element.content,
                        let id = CaptionAnnotations.identity(fields.values["image_id"])
                    else { continue }
                    guard annotations.count < CaptionAnnotations.maximumAnnotationCount else {
                        throw scanner.problem(
                            "holds more than \(CaptionAnnotations.maximumAnnotationCount) annotations")
                    }
                    annotations.append(
                        Annotation(imageID: id, offset: element.offset, byteCount: Int32(element.byteCount)))
                }
            } else {
                try scanner.skipValue()
            }
        }
        guard let imagesOffset else { throw scanner.problem("has no list called 'images'") }
        self.imagesOffset = imagesOffset
        annotations.sort { ($0.imageID, $0.offset) < ($1.imageID, $1.offset) }
        self.annotations = annotations
    }

    /// A number, or a text by its digest.
    static func identity(_ value: JSONFields.Value?) -> Int64? {
        switch value {
        case .scalar(.integer(let number)): number
        case .scalar(.text(let text)): Int64(bitPattern: Digest(hashing: text).prefix64)
        default: nil
        }
    }

    /// The captions of an image in the order of the file.
    func captions(ofImage id: Int64) throws(ShardError) -> [String] {
        var low = 0
        var high = annotations.count
        while low < high {
            let middle = (low + high) / 2
            if annotations[middle].imageID < id { low = middle + 1 } else { high = middle }
        }
        var captions: [String] = []
        while low < annotations.count, annotations[low].imageID == id,
            captions.count < SampleTexts.maximumCaptionCount
        {
            let place = annotations[low]
            let bytes = try file.bytes(place.offset..<place.offset + Int64(place.byteCount))
            low += 1
            do throws(JSONFields.Problem) {
                if case .scalar(.text(let caption))? = try JSONFields(bytes[...]).values["caption"] {
                    captions.append(caption)
                }
            } catch {
                throw ShardError(
                    .fileChanged, "The manifest changed while it was read; run the same command again.",
                    path: file.path,
                    byteOffset: place.offset)
            }
        }
        return captions
    }
}

/// Steps through a large JSON file value by value.
struct JSONFileScanner: ~Copyable {
    /// A value of a list.
    struct Element {
        enum Content {
            case object(JSONFields)
            case invalid(String)
        }

        let offset: Int64
        let byteCount: Int
        /// `nil` if it is no object.
        let content: Content?
    }

    private let file: ReadOnlyFile
    private var bytes: TextFileBytes
    private let limits: ShardLimits

    init(file: ReadOnlyFile, offset: Int64, limits: ShardLimits) {
        self.file = file
        bytes = TextFileBytes(file: file, encoding: .utf8, offset: offset)
        self.limits = limits
    }

    var offset: Int64 { bytes.offset }

    func problem(_ reason: String) -> ShardError {
        ShardError(.manifestInvalid, "The JSON file \(reason).", path: file.path, byteOffset: bytes.offset)
    }

    mutating func open(_ bracket: UInt8) throws(ShardError) {
        try skipSpace()
        guard try bytes.next() == bracket else { throw problem("is not of the form of COCO captions here") }
    }

    /// The name before the next value of the object that is open; `nil` at its end.
    mutating func nextName() throws(ShardError) -> String? {
        try skipSeparators()
        guard try bytes.peek() != UInt8(ascii: "}") else { return nil }
        guard try bytes.peek() == UInt8(ascii: "\"") else { throw problem("ends early or is damaged") }
        let text = try value()
        try skipSpace()
        guard try bytes.next() == UInt8(ascii: ":") else { throw problem("is damaged: ':' is expected") }
        return String(decoding: text.bytes.dropFirst().dropLast(), as: UTF8.self)
    }

    /// The next value of the list that is open; `nil` at its end, which is passed.
    mutating func nextElement() throws(ShardError) -> Element? {
        guard try !isAtListEnd() else { return nil }
        let text = try value()
        var content: Element.Content?
        if text.bytes.first == UInt8(ascii: "{") {
            do throws(JSONFields.Problem) { content = .object(try JSONFields(text.bytes[...])) } catch {
                content = .invalid(error.reason)
            }
        }
        return Element(offset: text.offset, byteCount: text.bytes.count, content: content)
    }

    /// Moves past the next value of the list that is open; `false` at its end, which is passed.
    mutating func skipElement() throws(ShardError) -> Bool {
        guard try !isAtListEnd() else { return false }
        try skipValue()
        return true
    }

    mutating func skipValue() throws(ShardError) { try pass { _ in true } }

    private mutating func isAtListEnd() throws(ShardError) -> Bool {
        try skipSeparators()
        guard let byte = try bytes.peek() else { throw problem("ends early") }
        guard byte == UInt8(ascii: "]") else { return false }
        _ = try bytes.next()
        return true
    }

    private mutating func value() throws(ShardError) -> (offset: Int64, bytes: [UInt8]) {
        try skipSpace()
        let start = bytes.offset
        var text: [UInt8] = []
        let limit = Int(limits.maximumTextByteCount)
        var isTooLong = false
        try pass { byte in
            text.append(byte)
            isTooLong = text.count > limit
            return !isTooLong
        }
        if isTooLong { throw problem("holds a value of more than \(limit) bytes") }
        return (start, text)
    }

    /// Passes one value: brackets are counted, texts passed over; what is inside is for others to check.
    private mutating func pass(_ take: (UInt8) -> Bool) throws(ShardError) {
        try skipSpace()
        var depth = 0
        var isEmpty = true
        while let byte = try bytes.peek() {
            // Something that starts no value would be met for ever.
            if isEmpty, "}],:".utf8.contains(byte) { throw problem("is damaged: a value is expected") }
            isEmpty = false
            switch byte {
            case UInt8(ascii: "\""):
                guard try passText(take) else { return }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                _ = try bytes.next()
                guard take(byte) else { return }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                // A bracket that closes what is around an atom is not part of it.
                guard depth > 0 else { return }
                depth -= 1
                _ = try bytes.next()
                guard take(byte) else { return }
            case UInt8(ascii: ","), 0x20, 0x0A, 0x0D, 0x09:
                if depth == 0 { return }
                _ = try bytes.next()
                guard take(byte) else { return }
                continue
            default:
                _ = try bytes.next()
                guard take(byte) else { return }
                continue
            }
            if depth == 0 { return }
        }
        if depth > 0 || isEmpty { throw problem("ends early") }
    }

    private mutating func passText(_ take: (UInt8) -> Bool) throws(ShardError) -> Bool {
        var isEscaped = false
        var isFirst = true
        while let byte = try bytes.next() {
            guard take(byte) else { return false }
            if !isFirst, !isEscaped, byte == UInt8(ascii: "\"") { return true }
            isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
            isFirst = false
        }
        throw problem("ends early")
    }

    private mutating func skipSpace() throws(ShardError) {
        while let byte = try bytes.peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            _ = try bytes.next()
        }
    }

    private mutating func skipSeparators() throws(ShardError) {
        try skipSpace()
        if try bytes.peek() == UInt8(ascii: ",") {
            _ = try bytes.next()
            try skipSpace()
        }
    }
}
