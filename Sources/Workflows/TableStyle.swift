import Foundation

/// How tables are fitted to where they go.
public struct TableStyle: Sendable {
    /// Columns of the terminal; nil for files and pipes, which get everything.
    public let width: Int?
    /// Whether headings are bold and numbers dim.
    public let usesColor: Bool

    /// A style.
    public init(width: Int?, usesColor: Bool) {
        self.width = width
        self.usesColor = usesColor
    }

    /// What stdout wants: the terminal's width and, unless `NO_COLOR` is set, colour; neither for files and pipes.
    public static var standardOutput: TableStyle {
        guard isatty(STDOUT_FILENO) == 1 else { return TableStyle(width: nil, usesColor: false) }
        var size = winsize()
        let isKnown = unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        let refused = ProcessInfo.processInfo.environment["NO_COLOR"].map { !$0.isEmpty } ?? false
        return TableStyle(width: isKnown ? Int(size.ws_col) : 100, usesColor: !refused)
    }
}
