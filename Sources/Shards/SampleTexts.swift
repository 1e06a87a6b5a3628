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

    /// Captions and attributes taken from elsewhere than members; made fit in the same way.
    ///
    /// - Parameter attributes: of a name that comes twice the first counts.
    init(captions: [String], attributes: [(name: String, value: Scalar)]) {
        var unique = UniqueTexts()
        for caption in captions { unique.append(SampleTexts.cleaned(caption)) }
        var byName: [String: Scalar] = [:]
        for (name, value) in attributes {
            let value: Scalar = if case .text(let text) = value { .text(text.withoutNUL) } else { value }
            if byName[name.withoutNUL] == nil { byName[name.withoutNUL] = value }
        }
        self.init(captions: unique, attributes: byName)
    }

    private init(captions: UniqueTexts, attributes: [String: Scalar]) {
        self.captions = Array(captions.ordered.prefix(SampleTexts.maximumCaptionCount))
        let names = attributes.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        self.attributes = names.prefix(SampleTexts.maximumAttributeCount).compactMap { name in
            attributes[name].map { Attribute(name: name, value: $0) }
        }
        if case .text(let name)? = attributes["split"], !name.isEmpty { split = name } else { split = nil }
    }

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
        self.init(captions: captions, attributes: attributes)
    }

    private static func record(_ member: TextMember) throws(ShardError) -> JSONRecord {
        do throws(JSONFields.Problem) {
            return JSONRecord(try JSONFields(withoutMark(member.bytes)))
        } catch {
            throw ShardError(
                .jsonInvalid,
                "the JSON member is not an object that can be read: \(error.reason) at its byte \(error.position)",
                byteOffset: member.byteOffset)
        }
    }

    /// Without a byte-order mark at the start.
    private static func withoutMark(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    }

    static func cleaned(_ text: String) -> String {
        var scalars = text.unicodeScalars[...]
        while let first = scalars.first, first.properties.isWhitespace { scalars = scalars.dropFirst() }
        while let last = scalars.last, last.properties.isWhitespace { scalars = scalars.dropLast() }
        return String(scalars).withoutNUL
    }
}

extension String {
    /// The text with every NUL replaced by U+FFFD: SQLite and C end a text at NUL.
    var withoutNUL: String {
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

/// The fields of a JSON object that are of use.
private struct JSONRecord {
    private(set) var captions: [String] = []
    private(set) var attributes: [String: SampleTexts.Scalar] = [:]

    private static let captionFields = ["caption", "captions", "text"]

    init(_ fields: JSONFields) {
        for field in JSONRecord.captionFields {
            switch fields.values[field] {
            case .texts(let texts): captions += texts
            case .scalar(.text(let text)): captions.append(text)
            case .scalar, .other, nil: break
            }
        }
        for (name, value) in fields.values where !JSONRecord.captionFields.contains(name) {
            guard case .scalar(let scalar) = value else { continue }
            attributes[name.withoutNUL] = if case .text(let text) = scalar { .text(text.withoutNUL) } else { scalar }
        }
    }
}
