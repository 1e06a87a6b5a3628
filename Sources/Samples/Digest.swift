import Crypto

/// A SHA-256 digest: 32 bytes, compared and ordered byte by byte, written as 64 lower-case hexadecimal digits.
public struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Exactly 32 bytes.
    public let bytes: [UInt8]

    /// The digest of `bytes`.
    public init(hashing bytes: some Sequence<UInt8>) {
        var hasher = DigestHasher()
        hasher.update(Array(bytes))
        self = hasher.finalize()
    }

    /// The digest of the UTF-8 bytes of `text`.
    public init(hashing text: String) {
        self.init(hashing: Array(text.utf8))
    }

    /// Stands for the digest of bytes that were not read: 8 zeros, and 24 bytes that depend on `place` alone, so that
    /// different bytes have different ones. No digest of bytes that were read starts like this but by a chance of 2⁻⁶⁴.
    public static func unread(place: String) -> Digest {
        let bytes = [UInt8](repeating: 0, count: 8) + Digest(hashing: "vlmpipe unread " + place).bytes.prefix(24)
        return Digest(bytes: bytes) ?? Digest(hashing: place)
    }

    /// Whether it stands for bytes that were not read.
    public var isOfUnreadBytes: Bool { prefix64 == 0 }

    /// Takes 32 raw bytes; `nil` for any other count.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    /// Reads 64 hexadecimal digits of either case; `nil` for anything else.
    public init?(hexadecimal text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        for index in stride(from: 0, to: 64, by: 2) {
            guard let high = Digest.value(ofDigit: digits[index]), let low = Digest.value(ofDigit: digits[index + 1])
            else { return nil }
            bytes.append(high << 4 | low)
        }
        self.bytes = bytes
    }

    /// 64 lower-case hexadecimal digits.
    public var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The first twelve hexadecimal digits, for people; never used to compare.
    public var shortName: String { String(hexadecimal.prefix(12)) }

    /// The first 8 bytes read as a big-endian number, the form in which ids are derived from digests.
    public var prefix64: UInt64 {
        bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The same as `hexadecimal`.
    public var description: String { hexadecimal }

    /// Lexicographic order of the bytes.
    public static func < (left: Digest, right: Digest) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }

    private static func value(ofDigit digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension Digest: Codable {
    /// Decodes the hexadecimal form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let digest = Digest(hexadecimal: text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "expected 64 hexadecimal digits of a SHA-256 digest, found '\(text)'")
        }
        self = digest
    }

    /// Encodes the hexadecimal form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hexadecimal)
    }
}

/// Computes a `Digest` from bytes that arrive in pieces.
public struct DigestHasher: Sendable {
    private var hash = SHA256()

    /// A hasher that has seen no bytes.
    public init() {}

    /// Adds bytes.
    public mutating func update(_ bytes: [UInt8]) {
        hash.update(data: bytes)
    }

    /// Adds bytes that are only lent.
    public mutating func update(_ bytes: RawSpan) {
        // The hash reads the buffer before it returns, while the span is alive.
        unsafe bytes.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
    }

    /// Adds the UTF-8 bytes of `text`, preceded by their count, so that fields cannot run into each other.
    public mutating func update(field text: String) {
        let bytes = Array(text.utf8)
        update(number: UInt64(bytes.count))
        update(bytes)
    }

    /// Adds a number as eight little-endian bytes.
    public mutating func update(number: UInt64) {
        update((0..<8).map { UInt8(truncatingIfNeeded: number >> (UInt64($0) * 8)) })
    }

    /// The digest of everything added so far. The hasher may go on.
    public func finalize() -> Digest {
        guard let digest = Digest(bytes: Array(hash.finalize())) else {
            preconditionFailure("SHA-256 has 32 bytes")
        }
        return digest
    }
}
