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
            if hasLongMarks(text[start..<index]) {
                result += composedByRules(text[start..<index])
            } else {
                result.append(
                    contentsOf: string(text[start..<index]).precomposedStringWithCanonicalMapping.unicodeScalars)
            }
        }
        return result
    }

    /// From this many marks in a row on the rules are followed one by one: Foundation drops what goes beyond 64 scalars
    /// behind one base, and a scalar can decompose to four.
    private static let longMarkCount = 8

    private static func hasLongMarks(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
        var count = 0
        for scalar in text {
            count = scalar.properties.canonicalCombiningClass == .notReordered ? 0 : count + 1
            if count >= longMarkCount { return true }
        }
        return false
    }

    private static func string(_ text: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: text)
        return String(view)
    }

    /// The NFC form by the steps of the Unicode Standard, section 3.11: decomposition, canonical order, composition.
    /// Foundation is asked about one and two scalars at a time.
    private static func composedByRules(_ text: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar] {
        var scalars: [(scalar: Unicode.Scalar, order: UInt8)] = []
        for scalar in text {
            for part in String(scalar).decomposedStringWithCanonicalMapping.unicodeScalars {
                scalars.append((part, part.properties.canonicalCombiningClass.rawValue))
            }
        }
        var start = 0
        while start < scalars.count {
            let end = scalars[start...].firstIndex { $0.order == 0 } ?? scalars.count
            // Equal classes keep their order: the standard library's sort is stable, which its documentation does not
            // promise, hence the offsets.
            let sorted = scalars[start..<end].enumerated().sorted {
                ($0.element.order, $0.offset) < ($1.element.order, $1.offset)
            }
            scalars.replaceSubrange(start..<end, with: sorted.map(\.element))
            start = end + 1
        }
        var result: [Unicode.Scalar] = []
        var starter: Int?
        var lastOrder: UInt8 = 0
        for (scalar, order) in scalars {
            if let starter, lastOrder < order || lastOrder == 0 {
                let pair = string([result[starter], scalar]).precomposedStringWithCanonicalMapping.unicodeScalars
                if let first = pair.first, pair.count == 1 {
                    result[starter] = first
                    continue
                }
            }
            if order == 0 { starter = result.count }
            lastOrder = order
            result.append(scalar)
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
