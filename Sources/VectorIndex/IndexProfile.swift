/// What an index keeps of each vector: bytes against certainty.
public enum IndexProfile: String, Sendable, CaseIterable, Codable {
    /// The F16 vectors alone; every search reads them all. The form of small indexes.
    case plain
    /// Signs and 4-bit codes: the smallest; scores are estimates.
    case lite
    /// Signs and 8-bit codes; scores are estimates with an error of about 0.0003.
    case std
    /// `std` and the F16 vectors, with a certain error bound per row: exact search reads few of the vectors.
    case full

    /// The number that stands for the profile in files.
    var number: UInt32 {
        switch self {
        case .plain: 0
        case .lite: 1
        case .std: 2
        case .full: 3
        }
    }

    init?(number: UInt32) {
        guard let profile = Self.allCases.first(where: { $0.number == number }) else { return nil }
        self = profile
    }

    /// The sections of a segment, in the order of its table.
    var sections: [SegmentSection] {
        switch self {
        case .plain: [.vectors, .ids, .identity, .keys]
        case .lite: [.ids, .identity, .keys, .signs, .factors, .high, .checks]
        case .std: [.ids, .identity, .keys, .signs, .factors, .high, .low, .checks]
        case .full: [.vectors, .ids, .identity, .keys, .signs, .factors, .high, .low, .checks]
        }
    }

    /// Bit n is set where section n is in `sections`.
    var sectionMask: UInt32 {
        switch self {
        case .plain: 0b00_0001_1110
        case .lite: 0b10_1111_1100
        case .std: 0b11_1111_1100
        case .full: 0b11_1111_1110
        }
    }

    /// Whether rows have codes.
    var isCoded: Bool { self != .plain }
    /// Whether rows have their F16 vectors.
    var hasVectors: Bool { self == .plain || self == .full }
}
