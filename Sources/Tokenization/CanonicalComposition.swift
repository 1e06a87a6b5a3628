import Foundation

/// Canonical composition (NFC) in linear time whatever the text.
enum CanonicalComposition {
    /// The NFC form of `text`.
    ///
    /// Composed in parts cut where nothing combines over the cut. A part of more than 4,096 scalars, which only a run of as
    /// many combining marks makes, is cut there: the order of its marks can then differ from the standard's.
    static func composed(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard var index = text.firstIndex(where: { $0.value >= 0x300 }) else { return text }
        // The scalar before may be the base of the first one.
        if index > 0 { index -= 1 }
        var result = Array(text[..<index])
        result.reserveCapacity(text.count)
        while index < text.count {
            if text[index].value < 0x300 && (index + 1 == text.count || text[index + 1].value < 0x300) {
                result.append(text[index])
                index += 1
                continue
            }
            let start = index
            index += 1
            while index < text.count, index - start < maximumPartCount {
                if index - start >= minimumPartCount && neverCombinesBackwards(text[index]) { break }
                index += 1
            }
            var part = String.UnicodeScalarView()
            part.append(contentsOf: text[start..<index])
            result.append(contentsOf: String(part).precomposedStringWithCanonicalMapping.unicodeScalars)
        }
        return result
    }

    private static let minimumPartCount = 64
    private static let maximumPartCount = 4096

    private static func neverCombinesBackwards(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x300 { return true }
        if scalar.value >= 0x1160 && scalar.value <= 0x11FF { return false }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: return false
        default: return true
        }
    }
}
