/// Several line plots in one SVG file, such as loss, logit scale and recall of a training run.
///
/// Self-contained, without script; colours follow the reader's light or dark setting.
///
/// ```swift
/// let svg = PlotFigure(title: "run 7", panels: [PlotPanel(title: "loss", series: [loss])]).svg()
/// ```
public struct PlotFigure: Sendable {
    /// The heading of the figure.
    public var title: String
    /// The panels, in reading order.
    public var panels: [PlotPanel]
    /// How many panels stand side by side.
    public var columnCount: Int

    /// Makes a figure. `columnCount` must be positive.
    public init(title: String, panels: [PlotPanel], columnCount: Int = 2) {
        precondition(columnCount > 0, "PlotFigure: column count \(columnCount) is not positive")
        self.title = title
        self.panels = panels
        self.columnCount = columnCount
    }

    private static let panelWidth = 460.0
    private static let panelHeight = 300.0
    private static let gap = 28.0
    private static let margin = 24.0
    private static let headHeight = 44.0
    private static let colourCount = 6

    /// The SVG text. Deterministic; its size is bounded by the number of lines, not of points.
    public func svg() -> String {
        let columns = max(1, min(columnCount, panels.count))
        let rows = (panels.count + columns - 1) / columns
        let width = 2 * Self.margin + Double(columns) * Self.panelWidth + Double(columns - 1) * Self.gap
        let height =
            Self.margin + Self.headHeight + Double(rows) * Self.panelHeight + Double(max(rows - 1, 0)) * Self.gap
            + Self.margin
        let panelMarkup: [HTML] = panels.enumerated().map { index, panel in
            let x = Self.margin + Double(index % columns) * (Self.panelWidth + Self.gap)
            let y = Self.margin + Self.headHeight + Double(index / columns) * (Self.panelHeight + Self.gap)
            return """
                <g transform="translate(\(x) \(y))">\(PanelDrawing(panel: panel).markup())</g>

                """
        }
        let empty: HTML = panels.isEmpty ? #"<text class="soft" x="24" y="60">nothing to plot</text>"# : ""
        let figure: HTML = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" \
            role="img" aria-label="\(title)">
            <title>\(title)</title>
            <style>
            \(HTML(stringLiteral: Self.style))
            </style>
            <rect class="paper" width="100%" height="100%"/>
            <text class="title" x="\(Self.margin)" y="\(Self.margin + 18)">\(title)</text>
            \(empty)\(panelMarkup)</svg>

            """
        return figure.markup
    }

    /// Draws one panel in its own coordinates.
    private struct PanelDrawing {
        let panel: PlotPanel
        let left = 48.0
        let top = 52.0
        let plotWidth = PlotFigure.panelWidth - 48 - 12
        let plotHeight = PlotFigure.panelHeight - 52 - 40

        func markup() -> HTML {
            let points = panel.series.flatMap(\.points)
            let kind: PlotScale.Kind = panel.scale == .linear ? .linear : .logarithmic
            let hasData = points.contains {
                $0.x.isFinite && $0.y.isFinite && (kind == .linear || $0.y > 0)
            }
            var result: HTML = #"<text class="heading" x="0" y="12">\#(panel.title)</text>"#
            if !hasData {
                result += """
                    <rect class="frame" x="\(left)" y="\(top)" width="\(plotWidth)" height="\(plotHeight)"/>\
                    <text class="soft" x="\(left + plotWidth / 2)" y="\(top + plotHeight / 2)" text-anchor="middle">no values yet</text>
                    """
                return result
            }
            let horizontal = PlotScale(points.map(\.x), kind: .linear, tickCount: 5, isTight: true)
            let vertical = PlotScale(
                points.map(\.y), kind: kind, bounds: panel.verticalBounds, tickCount: 5, isTight: false)
            result += axes(horizontal, vertical)
            result += legend()
            var colour = 0
            for series in panel.series {
                result += line(series, colour: colour % PlotFigure.colourCount, horizontal, vertical)
                if series.emphasis == .normal { colour += 1 }
            }
            return result
        }

        private func axes(_ horizontal: PlotScale, _ vertical: PlotScale) -> HTML {
            var result: HTML = ""
            for tick in vertical.ticks {
                guard let position = vertical.position(tick), position >= -1e-6, position <= 1 + 1e-6 else { continue }
                let y = top + plotHeight * (1 - position)
                result += """
                    <path class="grid" d="M\(left) \(y)H\(left + plotWidth)"/>\
                    <text class="tick" x="\(left - 8)" y="\(y + 4)" text-anchor="end">\(vertical.label(tick))</text>
                    """
            }
            for tick in horizontal.ticks {
                guard let position = horizontal.position(tick), position >= -1e-6, position <= 1 + 1e-6 else {
                    continue
                }
                let x = left + plotWidth * position
                result += """
                    <path class="axis" d="M\(x) \(top + plotHeight)v4"/>\
                    <text class="tick" x="\(x)" y="\(top + plotHeight + 18)" text-anchor="middle">\(horizontal.label(tick))</text>
                    """
            }
            result += """
                <path class="axis" d="M\(left) \(top + plotHeight)H\(left + plotWidth)"/>\
                <text class="soft" x="\(left + plotWidth)" y="\(top + plotHeight + 34)" text-anchor="end">\(panel.horizontalName)</text>
                """
            return result
        }

        /// Names in a row under the heading; widths are estimated, as a file cannot measure text.
        private func legend() -> HTML {
            var result: HTML = ""
            var x = left
            for (colour, series) in panel.series.filter({ $0.emphasis == .normal }).enumerated() {
                let name = TerminalText.truncated(TerminalText.sanitized(series.name), toWidth: 32)
                let width = 24 + 6.6 * Double(TerminalText.width(name)) + 16
                if x > left && x + width > left + plotWidth + 16 { break }
                result += """
                    <path class="line c\(colour % PlotFigure.colourCount)" d="M\(x) 31h16"/>\
                    <text class="soft" x="\(x + 22)" y="35">\(name)</text>
                    """
                x += width
            }
            return result
        }

        private func line(
            _ series: LineSeries, colour: Int, _ horizontal: PlotScale, _ vertical: PlotScale
        ) -> HTML {
            let parts = PlotPath.parts(series.points, columnCount: Int(plotWidth)) { point in
                guard let x = horizontal.position(point.x), let y = vertical.position(point.y) else { return nil }
                // Values far outside fixed bounds leave through the edge rather than running over other panels.
                return (left + plotWidth * x, top + plotHeight * (1 - min(max(y, 0), 1)))
            }
            let name: HTML = series.emphasis == .normal ? "line c\(colour)" : "line faint c\(colour)"
            var result: HTML = ""
            for part in parts {
                if part.count == 1 {
                    result += #"<circle class="dot c\#(colour)" cx="\#(part[0].x)" cy="\#(part[0].y)" r="3"/>"#
                    continue
                }
                let path: [HTML] = part.enumerated().map { "\($0 == 0 ? "M" : "L")\($1.x) \($1.y)" }
                result += #"<path class="\#(name)" d="\#(path)"/>"#
            }
            if series.emphasis == .normal, let last = parts.last?.last, parts.last?.count != 1 {
                result += #"<circle class="dot c\#(colour)" cx="\#(last.x)" cy="\#(last.y)" r="2.5"/>"#
            }
            return result
        }
    }

    private static let style = """
        text { font: 12px system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; font-variant-numeric: tabular-nums; fill: #1d1c1a; }
        .paper { fill: #fff; }
        .title { font-size: 19px; font-weight: 650; letter-spacing: -.01em; }
        .heading { font-size: 13.5px; font-weight: 600; }
        .soft, .tick { fill: #5d5a54; }
        .tick { font-size: 11px; }
        .grid { stroke: #ebe8e2; fill: none; }
        .axis { stroke: #a9a59c; fill: none; }
        .frame { stroke: #e1ded7; fill: none; stroke-dasharray: 3 4; }
        .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
        .line.faint { stroke-width: 1; opacity: .3; }
        .c0 { stroke: #b4470f; } .c1 { stroke: #1f6fb2; } .c2 { stroke: #23785a; }
        .c3 { stroke: #8a3f9b; } .c4 { stroke: #8a6d00; } .c5 { stroke: #4d4d52; }
        .dot { stroke: none; }
        .dot.c0 { fill: #b4470f; } .dot.c1 { fill: #1f6fb2; } .dot.c2 { fill: #23785a; }
        .dot.c3 { fill: #8a3f9b; } .dot.c4 { fill: #8a6d00; } .dot.c5 { fill: #4d4d52; }
        @media (prefers-color-scheme: dark) {
          text { fill: #ecebe8; } .soft, .tick { fill: #a5a29b; } .paper { fill: #161617; }
          .grid { stroke: #29292c; } .axis { stroke: #6a6862; } .frame { stroke: #303033; }
          .c0 { stroke: #f19a5b; } .c1 { stroke: #6fb3ea; } .c2 { stroke: #63c39d; }
          .c3 { stroke: #cf8fe0; } .c4 { stroke: #d9b93b; } .c5 { stroke: #b7b7bd; }
          .dot { stroke: none; }
          .dot.c0 { fill: #f19a5b; } .dot.c1 { fill: #6fb3ea; } .dot.c2 { fill: #63c39d; }
          .dot.c3 { fill: #cf8fe0; } .dot.c4 { fill: #d9b93b; } .dot.c5 { fill: #b7b7bd; }
        }
        """
}
