/// A table for a terminal: cells made harmless, columns aligned by display width, cut to the terminal's width.
///
/// ```swift
/// var table = TerminalTable(columns: [.init("#", alignsRight: true), .init("score"), .init("caption", isFlexible: true)])
/// table.rows.append(["1", "0.312", "an orange cat in the sun"])
/// print(table.text(width: 100, usesColor: false))
/// ```
public struct TerminalTable: Sendable {
    /// One column.
    public struct Column: Sendable {
        /// The heading.
        public var title: String
        /// Whether cells stand at the right edge, as numbers should.
        public var alignsRight: Bool
        /// Whether the column gives way when the table is too wide; fixed columns do so only when nothing else is left.
        public var isFlexible: Bool

        /// Makes a column.
        public init(_ title: String, alignsRight: Bool = false, isFlexible: Bool = false) {
            self.title = title
            self.alignsRight = alignsRight
            self.isFlexible = isFlexible
        }
    }

    /// The columns, from the left.
    public var columns: [Column]
    /// The rows; missing cells are empty, extra cells are not shown.
    public var rows: [[String]]

    /// Makes a table.
    public init(columns: [Column], rows: [[String]] = []) {
        self.columns = columns
        self.rows = rows
    }

    private static let gap = 2
    private static let smallestFlexibleWidth = 8

    /// The table's lines, each ended by a line feed.
    ///
    /// `width` is the terminal's, nil for no limit (a pipe or file). Colours (bold heading, dim first column) are used only
    /// when `usesColor` is true; without them the text holds no control character but the line feeds.
    public func text(width: Int?, usesColor: Bool) -> String {
        let cells = rows.map { row in
            columns.indices.map { TerminalText.sanitized($0 < row.count ? row[$0] : "") }
        }
        let titles = columns.map { TerminalText.sanitized($0.title) }
        let natural = columns.indices.map { index in
            cells.reduce(TerminalText.width(titles[index])) { max($0, TerminalText.width($1[index])) }
        }
        let widths = fitted(natural, into: width)
        var result = line(titles, widths, bold: usesColor, dimsFirst: false)
        for row in cells { result += line(row, widths, bold: false, dimsFirst: usesColor) }
        return result
    }

    /// Takes the excess from the widest flexible column first, then from any column from the right.
    private func fitted(_ natural: [Int], into limit: Int?) -> [Int] {
        guard let limit else { return natural }
        var widths = natural
        let available = max(limit - Self.gap * max(columns.count - 1, 0), columns.count)
        var excess = widths.reduce(0, +) - available
        while excess > 0 {
            let flexible = columns.indices.filter { columns[$0].isFlexible && widths[$0] > Self.smallestFlexibleWidth }
            guard let widest = flexible.max(by: { widths[$0] < widths[$1] }) else { break }
            let second = flexible.filter { $0 != widest }.map { widths[$0] }.max() ?? Self.smallestFlexibleWidth
            let cut = min(excess, max(1, widths[widest] - max(second, Self.smallestFlexibleWidth)))
            widths[widest] -= cut
            excess -= cut
        }
        for index in columns.indices.reversed() where excess > 0 {
            let cut = min(excess, max(0, widths[index] - 1))
            widths[index] -= cut
            excess -= cut
        }
        return widths
    }

    private func line(_ cells: [String], _ widths: [Int], bold: Bool, dimsFirst: Bool) -> String {
        var result = ""
        let last = cells.lastIndex { !$0.isEmpty } ?? 0
        for (index, column) in columns.prefix(last + 1).enumerated() {
            let cell = TerminalText.truncated(cells[index], toWidth: widths[index])
            var text = TerminalText.padded(cell, toWidth: widths[index], alignsRight: column.alignsRight)
            if index == last { while text.last == " " { text.removeLast() } }
            if bold {
                text = "\u{1B}[1m\(text)\u{1B}[0m"
            } else if dimsFirst && index == 0 {
                text = "\u{1B}[2m\(text)\u{1B}[0m"
            }
            result += index == 0 ? text : String(repeating: " ", count: Self.gap) + text
        }
        return result + "\n"
    }
}
