/// Markup that is safe by construction: literals are markup, every interpolated string is escaped.
///
/// The same escaping serves element content and quoted attribute values of HTML and SVG.
struct HTML: ExpressibleByStringInterpolation, Sendable {
    private(set) var markup: String

    init(stringLiteral value: String) { markup = value }
    init(stringInterpolation: StringInterpolation) { markup = stringInterpolation.markup }

    static func += (left: inout HTML, right: HTML) { left.markup += right.markup }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var markup = ""

        init(literalCapacity: Int, interpolationCount: Int) { markup.reserveCapacity(literalCapacity) }

        mutating func appendLiteral(_ literal: String) { markup += literal }
        mutating func appendInterpolation(_ text: String) { markup += HTML.escaped(text) }
        mutating func appendInterpolation(_ number: Int) { markup += String(number) }
        mutating func appendInterpolation(_ html: HTML) { markup += html.markup }
        mutating func appendInterpolation(_ parts: [HTML]) { for part in parts { markup += part.markup } }
        /// A coordinate or length: at most two decimals, never an exponent.
        mutating func appendInterpolation(_ number: Double) { markup += decimalText(number, digits: 2, trims: true) }
    }

    /// `text` without anything that could end its place in the markup or reorder what surrounds it.
    ///
    /// Control characters other than line feed and tab, bidirectional controls and non-characters are removed (the page sets
    /// direction by element instead), and runs of more than eight combining marks are cut.
    static func escaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var markRun = 0
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result.append(contentsOf: "&amp;".unicodeScalars)
            case "<": result.append(contentsOf: "&lt;".unicodeScalars)
            case ">": result.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
            case "'": result.append(contentsOf: "&#39;".unicodeScalars)
            case "`": result.append(contentsOf: "&#96;".unicodeScalars)
            case "\n", "\t": result.append(scalar)
            default:
                if scalar.isUnsafeToShow { continue }
                markRun = scalar.isCombiningMark ? markRun + 1 : 0
                if markRun > 8 { continue }
                result.append(scalar)
                continue
            }
            markRun = 0
        }
        return String(result)
    }
}

extension Unicode.Scalar {
    /// Controls, bidirectional controls, invisible format characters but the joiners, and non-characters: nothing that
    /// a stranger's text may send to a terminal or a page.
    var isUnsafeToShow: Bool {
        if value >= 0x20 && value < 0x7F { return false }
        if value == 0x200C || value == 0x200D { return false }
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: return true
        default: return properties.isNoncharacterCodePoint
        }
    }

    /// Whether the scalar is drawn onto the one before it.
    var isCombiningMark: Bool {
        if value < 0x300 { return false }
        switch properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return true
        default: return false
        }
    }
}
