/// Where the codes of a group are in their file: what a scan needs of the table, without its arrays.
struct CodePlace: Sendable {
    let rowCount: Int
    /// Whether upper codes are packed.
    let isPacked: Bool
    /// Byte offsets in the file; 0 for a section the profile lacks.
    let signs: Int
    let factors: Int
    let high: Int
    let low: Int
    let checks: Int
    let ids: Int
    /// Whether ids are stored as they are.
    let hasPlainIDs: Bool

    init(_ group: SegmentGroup) {
        func offset(_ section: SegmentSection) -> Int {
            group.profile.sections.contains(section) ? Int(group.frame(section).byteOffset) : 0
        }
        rowCount = group.rowCount
        isPacked = group.frame(.high).codec == .escaped
        signs = offset(.signs)
        factors = offset(.factors)
        high = offset(.high)
        low = offset(.low)
        checks = offset(.checks)
        ids = offset(.ids)
        hasPlainIDs = group.frame(.ids).codec == .raw
    }

    /// The offset of a section that scans read.
    func offset(of section: SegmentSection) -> Int? {
        switch section {
        case .signs: signs
        case .factors: factors
        case .high: high
        case .low: low
        case .checks: checks
        case .ids: ids
        default: nil
        }
    }
}
