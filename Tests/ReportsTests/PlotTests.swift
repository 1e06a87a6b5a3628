import Foundation
import Testing

@testable import Reports

@Suite("Plots")
struct PlotTests {
    private func svg(_ values: [Double], scale: PlotPanel.Scale = .linear, bounds: ClosedRange<Double>? = nil) -> String
    {
        let points = values.enumerated().map { LineSeries.Point(x: Double($0), y: $1) }
        let panel = PlotPanel(
            title: "loss", series: [LineSeries(name: "train", points: points)], scale: scale, verticalBounds: bounds)
        return PlotFigure(title: "run", panels: [panel]).svg()
    }

    /// Every coordinate is a plain decimal number, and the file parses as XML.
    private func check(_ svg: String) throws {
        for word in ["nan", "inf", "–"] {
            #expect(!svg.lowercased().contains("\"\(word)") && !svg.contains("M\(word)"))
        }
        let numbers = try Regex(#"(?:[MLHv ]|=")(-?[0-9.]+)e[0-9+-]"#)
        #expect(svg.firstMatch(of: numbers) == nil)
        var depth = 0
        for match in svg.matches(of: try Regex("<(/?)[a-z]+[^<>]*?(/?)>")) {
            if match.output[1].substring == "/" { depth -= 1 } else if match.output[2].substring != "/" { depth += 1 }
            #expect(depth >= 0)
        }
        #expect(depth == 0)
    }

    @Test(
        "any values",
        arguments: [
            [], [1], [.nan], [.infinity, -.infinity], [0, 0, 0], [1, .nan, 2, 3], [-1e308, 1e308], [1e-300, 1e-290],
            [5, 5], [-3, -3], [1e300], [0.1, 0.100000001], [1e15, 1e15 + 1], [.leastNonzeroMagnitude], [-1, 1],
        ])
    func values(values: [Double]) throws {
        for scale in [PlotPanel.Scale.linear, .logarithmic] {
            try check(svg(values, scale: scale))
            try check(svg(values, scale: scale, bounds: 0...1))
            try check(svg(values, scale: scale, bounds: 1...1))
        }
    }

    @Test("gaps, single points and nothing")
    func gaps() {
        #expect(svg([]).contains("no values yet"))
        #expect(svg([.nan]).contains("no values yet"))
        #expect(svg([-1, 0], scale: .logarithmic).contains("no values yet"))
        #expect(svg([3]).components(separatedBy: "<circle").count == 2)
        #expect(svg([1, 2, .nan, 3, 4]).components(separatedBy: #"<path class="line c0" d="M"#).count == 4)
        #expect(PlotFigure(title: "run", panels: []).svg().contains("nothing to plot"))
    }

    @Test("the size does not grow with the points, and peaks survive")
    func reduction() {
        var values = (0..<100_000).map { Double($0 % 97) / 97 }
        values[54_321] = 50
        let text = svg(values)
        #expect(text.utf8.count < 60_000)
        let places = PlotPath.parts(
            values.enumerated().map { .init(x: Double($0), y: $1) }, columnCount: 400
        ) { ($0.x / 250, $0.y) }
        #expect(places.count == 1)
        #expect(places[0].contains { $0.y == 50 })
        #expect(places[0].count <= 4 * 401)
        let gappy = (0..<100_000).map { $0 % 2 == 0 ? Double.nan : 1 }
        #expect(svg(gappy).utf8.count < 300_000)
    }

    @Test(
        "ticks are round numbers inside the axis",
        arguments: [
            (0.0, 1.0), (1.3, 5.7), (-3, 12), (0, 4999), (0, 1_250_000), (0.001, 0.0042), (14.28, 44.1), (1e-7, 3e-7),
        ])
    func ticks(low: Double, high: Double) {
        for isTight in [true, false] {
            let scale = PlotScale([low, high], kind: .linear, tickCount: 5, isTight: isTight)
            #expect((3...8).contains(scale.ticks.count), "\(scale.ticks)")
            let span = scale.upper - scale.lower
            for tick in scale.ticks {
                #expect(tick >= scale.lower - span * 1e-6 && tick <= scale.upper + span * 1e-6)
            }
            #expect(scale.lower <= low && scale.upper >= high)
            let labels = scale.ticks.map(scale.label)
            #expect(Set(labels).count == labels.count, "\(labels)")
        }
        #expect(
            [1, 2, 5].contains((PlotScale.niceStep(high) / pow(10, floor(log10(PlotScale.niceStep(high))))).rounded()))
    }

    @Test("labels")
    func labels() {
        func labels(_ values: [Double]) -> [String] {
            let scale = PlotScale(values, kind: .linear, tickCount: 5, isTight: true)
            return scale.ticks.map(scale.label)
        }
        #expect(labels([0, 1]) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])
        #expect(labels([0, 20_000]) == ["0", "5k", "10k", "15k", "20k"])
        #expect(labels([0, 2_000_000]) == ["0", "0.5M", "1.0M", "1.5M", "2.0M"])
        let log = PlotScale([0.5, 800], kind: .logarithmic, tickCount: 5, isTight: false)
        #expect(log.ticks.map(log.label) == ["1", "10", "100"] || log.ticks.count >= 3)
        #expect(log.position(0) == nil && log.position(-1) == nil && log.position(.nan) == nil)
    }

    @Test("names are escaped", arguments: hostileTexts)
    func hostile(text: String) throws {
        let series = LineSeries(name: text, points: [.init(x: 0, y: 1), .init(x: 1, y: 2)])
        let panel = PlotPanel(title: text, horizontalName: text, series: [series, series])
        let svg = PlotFigure(title: text, panels: [panel, panel, panel]).svg()
        try check(svg)
        #expect(!svg.contains("<script") && !svg.contains("<img") && !svg.contains("\u{202E}"))
    }

    @Test("the moving average")
    func smoothing() {
        let constant = LineSeries(name: "a", points: (0..<5).map { .init(x: Double($0), y: 3) })
        #expect(constant.smoothed(name: "b", halfLife: 2).points.allSatisfy { abs($0.y - 3) < 1e-12 })
        let jump = LineSeries(name: "a", points: [.init(x: 0, y: 0), .init(x: 1, y: .nan), .init(x: 2, y: 3)])
        // Half-life 1: weights 1/2 and 1, so 3 / 1.5.
        let averaged = jump.smoothed(name: "b", halfLife: 1).points
        #expect(averaged.count == 2 && abs(averaged[1].y - 2) < 1e-12)
    }
}
