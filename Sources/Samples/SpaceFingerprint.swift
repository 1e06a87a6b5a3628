/// Identity of an embedding space: vectors may be compared exactly if their fingerprints are equal.
///
/// It is the SHA-256 over the digests of weights, tokenizer and canonical preprocessing, each as a labelled field.
public struct SpaceFingerprint: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The digest.
    public let digest: Digest

    /// Joins the three digests that make a space.
    public init(weights: Digest, tokenizer: Digest, preprocessing: Digest) {
        var hasher = DigestHasher()
        hasher.update(field: "vlmpipe space 1")
        for (label, part) in [("weights", weights), ("tokenizer", tokenizer), ("preprocessing", preprocessing)] {
            hasher.update(field: label)
            hasher.update(part.bytes)
        }
        digest = hasher.finalize()
    }

    /// A fingerprint read from a file.
    public init(digest: Digest) {
        self.digest = digest
    }

    /// Folder name and short form for people: the first twelve hexadecimal digits.
    public var shortName: String { digest.shortName }

    /// All 64 hexadecimal digits.
    public var description: String { digest.hexadecimal }

    /// Decodes the hexadecimal form.
    public init(from decoder: any Decoder) throws {
        digest = try Digest(from: decoder)
    }

    /// Encodes the hexadecimal form.
    public func encode(to encoder: any Encoder) throws {
        try digest.encode(to: encoder)
    }
}
