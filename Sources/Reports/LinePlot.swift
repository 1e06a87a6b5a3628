#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// One line of a plot: values measured at growing positions.
public struct LineSeries: Sendable {
    /// One measurement.
    public struct Point: Sendable, Equatable {
        /// Position on the horizontal axis, usually the step.
        public var x: Double
        /// The value; a value that is not finite leaves a gap.
        public var y: Double

        /// Makes a point.
        public init(x: Double, y: Double) {
            self.x = x
            self.y = y
        }
    }

    /// How strongly a line is drawn.
    public enum Emphasis: Sendable {
        /// A normal line.
        case normal
        /// A thin pale line in the colour of the next normal line: raw values behind their average. Not in the legend.
        case background
    }

    /// The name in the legend.
    public var name: String
    /// The measurements, in order of `x`.
    public var points: [Point]
    /// How strongly it is drawn.
    public var emphasis: Emphasis

    /// Makes a line.
    public init(name: String, points: [Point], emphasis: Emphasis = .normal) {
        self.name = name
        self.points = points
        self.emphasis = emphasis
    }

    /// The exponential moving average: after `halfLife` points a measurement counts half; values that are not finite are
    /// passed over. The start is not biased (each value is divided by the sum of its weights).
    public func smoothed(name: String, halfLife: Double) -> LineSeries {
        precondition(halfLife > 0, "smoothed: half-life \(halfLife) is not positive")
        let decay = pow(0.5, 1 / halfLife)
        var sum = 0.0
        var weight = 0.0
        var averaged: [Point] = []
        for point in points where point.y.isFinite {
            sum = sum * decay + point.y
            weight = weight * decay + 1
            averaged.append(Point(x: point.x, y: sum / weight))
        }
        return LineSeries(name: name, points: averaged)
    }
}

/// One coordinate system with its lines.
public struct PlotPanel: Sendable {
    /// How values are spread over the vertical axis.
    public enum Scale: Sendable {
        /// Equal differences, equal distances.
        case linear
        /// Equal ratios, equal distances; values that are not positive leave a gap.
        case logarithmic
    }

    /// The heading.
    public var title: String
    /// What the horizontal axis counts, such as "step".
    public var horizontalName: String
    /// The lines.
    public var series: [LineSeries]
    /// The vertical axis.
    public var scale: Scale
    /// The ends of the vertical axis; nil lets the values decide.
    public var verticalBounds: ClosedRange<Double>?

    /// Makes a panel.
    public init(
        title: String, horizontalName: String = "step", series: [LineSeries], scale: Scale = .linear,
        verticalBounds: ClosedRange<Double>? = nil
    ) {
        self.title = title
        self.horizontalName = horizontalName
        self.series = series
        self.scale = scale
        self.verticalBounds = verticalBounds
    }
}
