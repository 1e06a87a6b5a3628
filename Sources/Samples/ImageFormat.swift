/// Image file formats that are read, recognised by content and never by name.
public enum ImageFormat: String, Hashable, Sendable, Codable, CaseIterable {
    case jpeg
    case png
    case webp
    /// HEVC in a HEIF container.
    case heic
    /// AV1 in a HEIF container.
    case avif

    /// Bytes of a file that `init(firstBytes:)` looks at.
    public static let recognitionByteCount = 64

    /// The format that a file's first bytes announce; nil for any other.
    ///
    /// A HEIF container is told by its `ftyp` box (ISO/IEC 14496-12, 4.3): by its first brand that names a codec of still
    /// pictures, among those in the first `recognitionByteCount` bytes.
    public init?(firstBytes bytes: Span<UInt8>) {
        var prefix: [UInt8] = []
        for index in 0..<min(bytes.count, Self.recognitionByteCount) { prefix.append(bytes[index]) }
        self.init(firstBytes: prefix)
    }

    /// The format that a file's first bytes announce; see the form above.
    public init?(firstBytes bytes: some Collection<UInt8>) {
        func matches(_ text: String, at offset: Int) -> Bool {
            bytes.dropFirst(offset).prefix(text.utf8.count).elementsEqual(text.utf8)
        }
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if bytes.first == 0x89, matches("PNG\r\n\u{1A}\n", at: 1) {
            self = .png
        } else if matches("RIFF", at: 0), matches("WEBP", at: 8) {
            self = .webp
        } else if matches("ftyp", at: 4) {
            // The box's length, its name, its major brand, a version, and the brands it is compatible with.
            let length = bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            let end = min(length, bytes.count, Self.recognitionByteCount)
            let formats: [String: ImageFormat] = [
                "avif": .avif, "avis": .avif, "heic": .heic, "heix": .heic, "heim": .heic, "heis": .heic,
            ]
            for brand in [8] + stride(from: 16, to: end, by: 4) where brand + 4 <= end {
                let name = String(decoding: bytes.dropFirst(brand).prefix(4), as: UTF8.self)
                if let format = formats[name] {
                    self = format
                    return
                }
            }
            return nil
        } else {
            return nil
        }
    }
}
