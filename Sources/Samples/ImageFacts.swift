/// EXIF orientation: how stored pixels must be moved to be upright (TIFF tag 274).
public enum ImageOrientation: UInt8, Hashable, Sendable, Codable, CaseIterable {
    case upright = 1
    case flippedHorizontally = 2
    case rotated180 = 3
    case flippedVertically = 4
    case transposed = 5
    /// Must be turned 90 degrees clockwise to be upright.
    case rotated90Clockwise = 6
    case transversed = 7
    /// Must be turned 90 degrees counter-clockwise to be upright.
    case rotated90CounterClockwise = 8

    /// Whether upright pixels have width and height exchanged.
    public var swapsAxes: Bool { rawValue >= 5 }
}

/// Which part of the data a sample belongs to. Training sees `train` only.
public struct Split: Hashable, Sendable, Codable, RawRepresentable {
    /// Name of the split as stored, `train` or any other word.
    public let rawValue: String

    /// A split by name.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// What training may see.
    public static let train = Split(rawValue: "train")
    /// What is held out by key hash where no source states a split.
    public static let heldOut = Split(rawValue: "heldout")

    /// The split of a sample whose source states none: `heldout` for 5 % of the keys, else `train`.
    ///
    /// It is decided by the first 8 bytes of SHA-256 of the key, so it depends on nothing but the key.
    public static func byHash(ofKey key: String) -> Split {
        Digest(hashing: key).prefix64 % 100 < 5 ? .heldOut : .train
    }
}
