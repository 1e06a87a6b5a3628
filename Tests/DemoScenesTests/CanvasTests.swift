import Imaging
import Testing

@testable import DemoScenes

@Suite struct CanvasTests {
    /// How much of each pixel a path covers, from a white fill on black.
    private func coverage(_ path: Path, _ width: Int = 8, _ height: Int = 8) -> [[Double]] {
        var canvas = Canvas(width: width, height: height, color: .grey(0))
        canvas.fill(path, .solid(.grey(1)))
        let image = canvas.image()
        return (0..<height).map { y in (0..<width).map { x in Double(image[x, y].red) / 255 } }
    }

    private func area(_ coverage: [[Double]]) -> Double { coverage.reduce(0) { $0 + $1.reduce(0, +) } }

    @Test func rectangleCoversFractions() {
        let pixels = coverage(Path(x: 1.25, y: 2.5, width: 3.5, height: 2.25))
        let columns = [0, 0.75, 1, 1, 0.75, 0, 0, 0]
        let rows = [0, 0, 0.5, 1, 0.75, 0, 0, 0]
        for y in 0..<8 {
            for x in 0..<8 { #expect(abs(pixels[y][x] - rows[y] * columns[x]) < 0.005, "\(x) \(y)") }
        }
    }

    /// Area is exact for slanted edges that cross many pixels of a row.
    @Test(
        arguments: [
            [(0.5, 0.5), (7.5, 1.5), (6.5, 7.5)], [(1, 7), (7, 6.9), (1, 6.5)], [(3.2, 0.1), (3.9, 0.1), (3.5, 7.9)],
            [(0.1, 4), (7.9, 3.7), (7.9, 4.3)],
        ] as [[(Float, Float)]])
    func triangleArea(_ points: [(Float, Float)]) {
        let (a, b, c) = (points[0], points[1], points[2])
        let exact = abs((b.0 - a.0) * (c.1 - a.1) - (c.0 - a.0) * (b.1 - a.1)) / 2
        for order in [points, points.reversed()] {
            #expect(abs(area(coverage(Path(polygon: order))) - Double(exact)) < 0.06)
        }
    }

    @Test func ellipseArea() {
        let pixels = coverage(Path(ellipse: (16, 16), 12, 9, angle: 0.6, steps: 120), 32, 32)
        #expect(abs(area(pixels) - Double.pi * 12 * 9) < 1)
    }

    @Test func whatLiesOutsideIsCut() {
        #expect(area(coverage(Path(x: -5, y: -5, width: 30, height: 30))) == 64)
        #expect(area(coverage(Path(x: -5, y: -5, width: 3, height: 30))) == 0)
        #expect(area(coverage(Path(x: 9, y: 2, width: 3, height: 3))) == 0)
        #expect(area(coverage(Path(x: 2, y: 9, width: 3, height: 3))) == 0)
        #expect(abs(area(coverage(Path(ellipse: (0, 0), 6, 6, steps: 200))) - Double.pi * 9) < 0.2)
        #expect(abs(area(coverage(Path(ellipse: (8, 8), 6, 6, steps: 200))) - Double.pi * 9) < 0.2)
    }

    @Test func overlapsFillOnceAndHolesStayOpen() {
        let square = Path(x: 1, y: 1, width: 6, height: 6)
        #expect(abs(area(coverage(square.union(Path(x: 2, y: 2, width: 6, height: 4)))) - 40) < 0.1)
        let hole = Path(polygon: [(3, 3), (3, 5), (5, 5), (5, 3)])
        #expect(abs(area(coverage(square.union(hole))) - 32) < 0.1)
        // A line's joints and legs run the same way around.
        let line = Path(stroke: [Point(2, 4), Point(6, 4)], width: 2, capSteps: 60)
        #expect(abs(area(coverage(line)) - (8 + Double.pi)) < 0.1)
        #expect(coverage(line)[3][2] > 0.99)
    }

    /// A fill leaves nothing behind that the next one would show.
    @Test func fillsAreIndependent() {
        var once = Canvas(width: 40, height: 40, color: .grey(0))
        once.fill(Path(ellipse: (30, 20), 25, 12), .solid(Tint(0, 0, 0)))
        once.fill(Path(ellipse: (-5, 44), 25, 12), .solid(Tint(0, 0, 0)))
        once.fill(Path(x: 3.3, y: 4, width: 7.3, height: 30.5), .solid(Tint(0, 0, 0)))
        let path = Path(smooth: [(5, 5), (33, 9), (30, 38), (2, 20)])
        once.fill(path, .solid(Tint(0.2, 0.7, 0.4)))
        var other = Canvas(width: 40, height: 40, color: .grey(0))
        other.fill(path, .solid(Tint(0.2, 0.7, 0.4)))
        #expect(once.image() == other.image())
    }

    @Test func paints() {
        var canvas = Canvas(width: 16, height: 4, color: .grey(0))
        canvas.fillAll(.linear(from: Point(0.5, 0), Tint(0, 0, 0), to: Point(15.5, 0), Tint(1, 0.5, 0)))
        let image = canvas.image()
        #expect(image[0, 0] == .black)
        #expect(image[15, 3] == PixelColor(red: 255, green: 128, blue: 0))
        #expect(image[3, 1].red == 51)
        canvas.fillAll(
            .radial(
                center: Point(8.5, 2.5), radius: 4, .grey(1), opacity: 1, outer: .grey(1), outerOpacity: 0))
        #expect(canvas.image()[8, 2] == .white)
        #expect(canvas.image()[15, 2] == image[15, 2])
        canvas.fillAll(.solid(Tint(0, 0, 1), opacity: 0.5))
        #expect(canvas.image()[8, 2] == PixelColor(red: 128, green: 128, blue: 255))
    }

    @Test(arguments: [
        (0, 1, 1, PixelColor(red: 255, green: 0, blue: 0)), (120, 1, 0.5, PixelColor(red: 0, green: 128, blue: 0)),
        (-120, 0.5, 1, PixelColor(red: 128, green: 128, blue: 255)), (77, 0, 1, .white),
    ])
    func hues(_ hue: Float, _ saturation: Float, _ value: Float, _ expected: PixelColor) {
        let canvas = Canvas(width: 1, height: 1, color: Tint(hue: hue, saturation: saturation, value: value))
        #expect(canvas.image()[0, 0] == expected)
    }
}
