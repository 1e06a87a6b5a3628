import FoundationEssentials

/// The captions, attributes and split that the texts of one sample state.
///
/// Captions are taken from `txt` and `caption` members (the whole text is one caption) and from the fields `caption`,
/// `captions` and `text` of `json` members (a string, or a list of strings): first all `txt`, then `caption`, then
/// `json`. All are kept, empty ones and repetitions left out, in order. Scalar JSON fields other than those three are
/// attributes; nested values and nulls are left out. Bytes that are not UTF-8 and NULs become U+FFFD.
public struct SampleTexts: Hashable, Sendable {
    /// A scalar of a JSON record. Truth values become 0 and 1, as in SQL.
    public enum Scalar: Hashable, Sendable {
        /// A whole number that fits 64 bits, or a truth value.
        case integer(Int64)
        /// Any other number.
        case real(Double)
        /// A text.
        case text(String)
    }

    /// An attribute by name.
    public struct Attribute: Hashable, Sendable {
        /// Name of the JSON field.
        public let name: String
        /// Its value.
        public let value: Scalar
    }

    /// Captions in order.
    public let captions: [String]
    /// Attributes by ascending name; the first record that has a name wins.
    public let attributes: [Attribute]
    /// The field `split` of the JSON, if it is a text that is not empty.
    public let split: String?

    /// Most captions kept of one sample.
    public static let maximumCaptionCount = 1024
    /// Most attributes kept of one sample.
    public static let maximumAttributeCount = 256

    /// Reads the texts of a sample. Throws `jsonInvalid` with the offset of the member.
    public init(_ members: [TextMember], readsCaptions: Bool = true) throws(ShardError) {
        var captions = UniqueTexts()
        var attributes: [String: Scalar] = [:]
        for suffix in ["txt", "caption"] where readsCaptions {
            for member in members where member.suffix == suffix {
                captions.append(
                    SampleTexts.cleaned(String(decoding: SampleTexts.withoutMark(member.bytes), as: UTF8.self)))
            }
        }
        for member in members where member.suffix == "json" {
            let record = try SampleTexts.record(member)
            if readsCaptions {
                for caption in record.captions { captions.append(SampleTexts.cleaned(caption)) }
            }
            attributes.merge(record.attributes) { first, _ in first }
        }
        self.captions = Array(captions.ordered.prefix(SampleTexts.maximumCaptionCount))
        let names = attributes.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        self.attributes = names.prefix(SampleTexts.maximumAttributeCount).compactMap { name in
            attributes[name].map { Attribute(name: name, value: $0) }
        }
        if case .text(let name)? = attributes["split"], !name.isEmpty { split = name } else { split = nil }
    }

    private static func record(_ member: TextMember) throws(ShardError) -> JSONRecord {
        let bytes = withoutMark(member.bytes)
        // Records with repaired bytes are worth more than none; the decoder itself insists on UTF-8.
        let text = String(decoding: bytes, as: UTF8.self)
        do {
            return try JSONDecoder().decode(JSONRecord.self, from: Data(text.utf8))
        } catch {
            throw ShardError(
                .jsonInvalid, "the JSON member is not an object that can be read: \(shortReason(error))",
                byteOffset: member.byteOffset)
        }
    }

    private static func shortReason(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "\(error)" }
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            return context.debugDescription
        @unknown default: return "unknown reason"
        }
    }

    /// Without a byte-order mark at the start.
    private static func withoutMark(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    }

    private static func cleaned(_ text: String) -> String {
        var scalars = text.unicodeScalars[...]
        while let first = scalars.first, first.properties.isWhitespace { scalars = scalars.dropFirst() }
        while let last = scalars.last, last.properties.isWhitespace { scalars = scalars.dropLast() }
        return String(scalars).withoutNUL
    }
}

extension String {
    /// The text with every NUL replaced by U+FFFD: SQLite and C end a text at NUL.
    fileprivate var withoutNUL: String {
        guard utf8.contains(0) else { return self }
        return String(String.UnicodeScalarView(unicodeScalars.map { $0.value == 0 ? "\u{FFFD}" : $0 }))
    }
}

/// Texts without repetitions, in the order of their first occurrence.
private struct UniqueTexts {
    private(set) var ordered: [String] = []
    private var seen: Set<[UInt8]> = []

    mutating func append(_ text: String) {
        // By bytes: Swift's equality would join texts that differ in normalisation.
        guard !text.isEmpty, seen.insert(Array(text.utf8)).inserted else { return }
        ordered.append(text)
    }
}

/// The fields of a JSON object that are of use. Values are looked at one level deep, so nesting costs no stack here.
private struct JSONRecord: Decodable {
    private(set) var captions: [String] = []
    private(set) var attributes: [String: SampleTexts.Scalar] = [:]

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private static let captionFields = ["caption", "captions", "text"]

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for field in JSONRecord.captionFields {
            let key = Key(stringValue: field)
            guard container.contains(key) else { continue }
            if let texts = try? container.decode([Element].self, forKey: key) {
                captions += texts.compactMap(\.text)
            } else if let text = try? container.decode(String.self, forKey: key) {
                captions.append(text)
            }
        }
        for key in container.allKeys where !JSONRecord.captionFields.contains(key.stringValue) {
            guard let value = JSONRecord.scalar(container, key) else { continue }
            attributes[key.stringValue.withoutNUL] = value
        }
    }

    /// The value if it is a scalar. Each attempt that fails only says that the value is of another kind.
    private static func scalar(_ container: KeyedDecodingContainer<Key>, _ key: Key) -> SampleTexts.Scalar? {
        if let text = try? container.decode(String.self, forKey: key) { return .text(text.withoutNUL) }
        if let number = try? container.decode(Int64.self, forKey: key) { return .integer(number) }
        if let number = try? container.decode(Double.self, forKey: key) { return .real(number) }
        if let truth = try? container.decode(Bool.self, forKey: key) { return .integer(truth ? 1 : 0) }
        return nil
    }

    /// An item of a list of captions; what is not a text is left out.
    private struct Element: Decodable {
        let text: String?

        init(from decoder: any Decoder) throws {
            text = try? decoder.singleValueContainer().decode(String.self)
        }
    }
}
