#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Closed outlines as polygons. Curves are flattened when they are added, finely enough for pictures of 200 pixels.
///
/// Outlines that run the same way around add up (and are filled once where they overlap); one that runs the other way
/// cuts a hole.
struct Path: Sendable {
    private(set) var contours: [[Point]] = []

    init() {}

    /// A polygon through the points.
    init(polygon points: [Point]) {
        contours = [points]
    }

    init(polygon points: [(Float, Float)]) {
        contours = [points.map { Point($0.0, $0.1) }]
    }

    /// A smooth closed curve through the points (centripetal enough: uniform Catmull–Rom with tension 1/2).
    init(smooth points: [(Float, Float)], steps: Int = 5) {
        let points = points.map { Point($0.0, $0.1) }
        let count = points.count
        var contour: [Point] = []
        contour.reserveCapacity(count * steps)
        for index in 0..<count {
            let (before, from) = (points[(index + count - 1) % count], points[index])
            let (to, after) = (points[(index + 1) % count], points[(index + 2) % count])
            for step in 0..<steps {
                contour.append(Self.catmullRom(before, from, to, after, Float(step) / Float(steps)))
            }
        }
        contours = [contour]
    }

    /// An ellipse.
    init(ellipse center: (Float, Float), _ radiusX: Float, _ radiusY: Float, angle: Float = 0, steps: Int = 28) {
        let (sine, cosine) = (sin(angle), cos(angle))
        contours = [
            (0..<steps).map { step in
                let turn = 2 * Float.pi * Float(step) / Float(steps)
                let (x, y) = (cos(turn) * radiusX, sin(turn) * radiusY)
                return Point(center.0 + cosine * x - sine * y, center.1 + sine * x + cosine * y)
            }
        ]
    }

    /// A rectangle with round corners.
    init(x: Float, y: Float, width: Float, height: Float, radius: Float = 0) {
        guard radius > 0 else {
            contours = [
                [Point(x, y), Point(x + width, y), Point(x + width, y + height), Point(x, y + height)]
            ]
            return
        }
        var contour: [Point] = []
        let corners: [(Float, Float, Float)] = [
            (x + width - radius, y + radius, -0.25), (x + width - radius, y + height - radius, 0),
            (x + radius, y + height - radius, 0.25), (x + radius, y + radius, 0.5),
        ]
        for (centerX, centerY, start) in corners {
            for step in 0...4 {
                let turn = 2 * Float.pi * (start + 0.25 * Float(step) / 4)
                contour.append(Point(centerX + cos(turn) * radius, centerY + sin(turn) * radius))
            }
        }
        contours = [contour]
    }

    /// A line of even width with round ends and joints.
    init(stroke points: [Point], width: Float, isClosed: Bool = false, capSteps: Int = 8) {
        let radius = width / 2
        for (index, from) in points.enumerated() {
            contours.append(
                (0..<capSteps).map { step in
                    let turn = 2 * Float.pi * (Float(step) + 0.5) / Float(capSteps)
                    return Point(from.x + cos(turn) * radius, from.y + sin(turn) * radius)
                })
            guard index + 1 < points.count || isClosed else { break }
            let to = points[(index + 1) % points.count]
            let along = to - from
            let length = (along.x * along.x + along.y * along.y).squareRoot()
            guard length > 1e-6 else { continue }
            let side = Point(-along.y, along.x) * (radius / length)
            // Runs the same way around as the joints.
            contours.append([from - side, to - side, to + side, from + side])
        }
    }

    /// A smooth open line of even width through the points.
    init(smoothStroke points: [(Float, Float)], width: Float, steps: Int = 4) {
        self.init(stroke: Self.smoothLine(points, steps: steps), width: width)
    }

    /// Points on a smooth open curve through the given ones.
    static func smoothLine(_ points: [(Float, Float)], steps: Int) -> [Point] {
        let points = points.map { Point($0.0, $0.1) }
        guard points.count > 2 else { return points }
        var line: [Point] = []
        for index in 0..<points.count - 1 {
            let before = points[max(0, index - 1)]
            let after = points[min(points.count - 1, index + 2)]
            for step in 0..<steps {
                line.append(catmullRom(before, points[index], points[index + 1], after, Float(step) / Float(steps)))
            }
        }
        line.append(points[points.count - 1])
        return line
    }

    /// The outline itself as a line of even width.
    func outlined(width: Float) -> Path {
        var path = Path()
        for contour in contours {
            path.contours += Path(stroke: contour, width: width, isClosed: true, capSteps: 6).contours
        }
        return path
    }

    /// Adds the outlines of another path.
    func union(_ other: Path) -> Path {
        var path = self
        path.contours += other.contours
        return path
    }

    func transformed(by transform: Transform) -> Path {
        var path = Path()
        path.contours = contours.map { $0.map { transform($0) } }
        return path
    }

    private static func catmullRom(_ before: Point, _ from: Point, _ to: Point, _ after: Point, _ t: Float) -> Point {
        let (t2, t3) = (t * t, t * t * t)
        let first = before * (-t3 + 2 * t2 - t)
        let second = from * (3 * t3 - 5 * t2 + 2)
        let third = to * (-3 * t3 + 4 * t2 + t)
        let fourth = after * (t3 - t2)
        return (first + second + third + fourth) * 0.5
    }
}
