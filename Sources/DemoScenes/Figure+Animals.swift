import Imaging
import Samples

extension Figure {
    /// Sitting, seen from the front: pointed ears, whiskers, a tail curled up beside.
    mutating func addCat(_ draw: inout SeededGenerator) {
        let tail = draw.around(0, 0.06)
        let ear = draw.around(0, 0.05)
        let plump = draw.around(1, 0.06)
        body(
            Path(
                smoothStroke: [(0.3, 0.84), (0.66, 0.86), (0.86, 0.6), (0.76 + tail, 0.28), (0.86 + tail, 0.02)],
                width: 0.17))
        body(
            Path(smooth: [
                (-0.44 * plump, 0.86), (-0.5 * plump, 0.5), (-0.34 * plump, 0.05), (0, -0.1), (0.34 * plump, 0.05),
                (0.5 * plump, 0.5), (0.44 * plump, 0.86), (0, 0.98),
            ]))
        for side in [-1, 1] as [Float] {
            body(Path(polygon: [(side * 0.5, -0.42), (side * (0.47 + ear), -1), (side * 0.06, -0.74)]))
            detail(
                Path(polygon: [(side * 0.42, -0.55), (side * (0.42 + ear), -0.86), (side * 0.18, -0.72)]),
                .fixed(Tint(0.98, 0.7, 0.72)))
        }
        body(Path(ellipse: (0, -0.42), 0.52, 0.4))
        detail(Path(ellipse: (0, 0.42), 0.24, 0.4), .shade(0.35))
        for side in [-1, 1] as [Float] {
            body(Path(ellipse: (side * 0.2, 0.88), 0.17, 0.11, steps: 16), .shade(0.2))
            line([(side * 0.2, 0.84), (side * 0.2, 0.96)], width: 0.035)
            // Slit pupils.
            body(Path(ellipse: (side * 0.21, -0.46), 0.11, 0.12, steps: 16), .fixed(Tint(0.93, 0.97, 0.62)))
            detail(Path(ellipse: (side * 0.21, -0.46), 0.045, 0.11, steps: 12), .line)
            line([(side * 0.24, -0.27), (side * 0.68, -0.36)], width: 0.035)
            line([(side * 0.24, -0.21), (side * 0.68, -0.18)], width: 0.035)
            line([(0, -0.25), (side * 0.05, -0.17), (side * 0.14, -0.17)], width: 0.04)
            line([(side * 0.13, -0.8), (side * 0.1, -0.66)], width: 0.06, .shade(-0.45))
            line([(side * 0.46, 0.3), (side * 0.3, 0.34)], width: 0.07, .shade(-0.4))
            line([(side * 0.49, 0.52), (side * 0.33, 0.54)], width: 0.07, .shade(-0.4))
        }
        line([(0, -0.81), (0, -0.64)], width: 0.06, .shade(-0.45))
        detail(
            Path(polygon: [(-0.07, -0.33), (0.07, -0.33), (0, -0.24)]), .fixed(Tint(0.85, 0.35, 0.42)))
    }

    /// Standing, seen from the side: long snout, hanging ear, collar, tail up.
    mutating func addDog(_ draw: inout SeededGenerator) {
        let tail = draw.around(0, 0.12)
        let step = draw.around(0, 0.06)
        body(Path(smoothStroke: [(-0.7, -0.02), (-0.9, -0.2), (-0.96 + tail, -0.5)], width: 0.14))
        for (x, tone) in [(-0.5 + step, -0.3), (0.26 - step, -0.3)] as [(Float, Float)] {
            body(Path(x: x, y: 0.1, width: 0.17, height: 0.76, radius: 0.07), .shade(tone))
        }
        body(
            Path(smooth: [
                (-0.8, 0), (-0.55, -0.2), (0, -0.16), (0.32, -0.26), (0.56, -0.12), (0.54, 0.2), (0.2, 0.36),
                (-0.3, 0.3), (-0.7, 0.34),
            ]))
        for x in [-0.74 - step, 0.4 + step] as [Float] {
            body(Path(x: x, y: 0.1, width: 0.19, height: 0.8, radius: 0.08))
        }
        // The near legs join the body without an outline.
        detail(
            Path(smooth: [
                (-0.76, 0.02), (-0.5, -0.14), (0, -0.1), (0.32, -0.2), (0.52, -0.1), (0.5, 0.18), (0.2, 0.3),
                (-0.3, 0.24), (-0.66, 0.28),
            ]), .main)
        detail(Path(ellipse: (-0.3, 0.02), 0.2, 0.13, angle: -0.2, steps: 16), .shade(-0.32))
        body(Path(polygon: [(0.3, -0.2), (0.4, -0.6), (0.74, -0.42), (0.58, 0)]))
        body(Path(ellipse: (0.56, -0.55), 0.29, 0.27, steps: 20))
        body(
            Path(smooth: [(0.62, -0.62), (0.9, -0.56), (1.04, -0.47), (1.02, -0.3), (0.82, -0.26), (0.6, -0.32)]))
        detail(Path(ellipse: (0.56, -0.55), 0.24, 0.22, steps: 20), .main)
        line([(0.36, -0.24), (0.5, -0.2), (0.64, -0.24)], width: 0.1, .fixed(Tint(0.25, 0.22, 0.3)))
        detail(Path(ellipse: (0.52, -0.14), 0.06, 0.06, steps: 10), .fixed(Tint(0.98, 0.85, 0.3)))
        if draw.chance(0.6) {
            body(Path(ellipse: (0.84, -0.2), 0.07, 0.13, steps: 12), .fixed(Tint(0.95, 0.45, 0.5)))
        }
        line([(1, -0.38), (0.84, -0.34), (0.74, -0.36)], width: 0.04)
        body(Path(ellipse: (1.0, -0.5), 0.1, 0.085, steps: 12), .fixed(Tint(0.1, 0.08, 0.1)))
        eye((0.66, -0.62), 0.075)
        body(
            Path(smooth: [(0.36, -0.8), (0.52, -0.74), (0.52, -0.4), (0.4, -0.2), (0.26, -0.3), (0.24, -0.6)]),
            .shade(-0.38))
    }

    /// Perched, seen from the side: beak, raised wing, tail feathers, thin legs.
    mutating func addBird(_ draw: inout SeededGenerator) {
        let lift = draw.around(0, 0.1)
        let metal = Tint(0.95, 0.62, 0.15)
        for x in [-0.02, 0.2] as [Float] {
            body(Path(stroke: [Point(x, 0.4), Point(x + 0.02, 0.86)], width: 0.05), .fixed(metal))
            body(
                Path(stroke: [Point(x - 0.1, 0.9), Point(x + 0.02, 0.86), Point(x + 0.18, 0.9)], width: 0.05),
                .fixed(metal))
        }
        body(
            Path(polygon: [(-0.4, -0.02), (-1.02, 0.06), (-0.9, 0.2), (-1.04, 0.3), (-0.88, 0.4), (-0.36, 0.36)]),
            .shade(-0.25))
        body(
            Path(smooth: [
                (-0.56, 0.1), (-0.26, -0.2), (0.14, -0.32), (0.46, -0.14), (0.5, 0.2), (0.22, 0.5), (-0.2, 0.46),
            ]))
        body(Path(ellipse: (0.48, -0.38), 0.29, 0.28))
        detail(Path(ellipse: (0.34, -0.12), 0.22, 0.22), .main)
        detail(Path(ellipse: (0.26, 0.2), 0.2, 0.22), .shade(0.45))
        body(
            Path(polygon: [(0.72, -0.5), (1.08, -0.34), (0.72, -0.24)]), .fixed(metal))
        line([(0.74, -0.36), (1.0, -0.34)], width: 0.03)
        eye((0.56, -0.44), 0.09)
        body(
            Path(smooth: [
                (0.16, -0.06), (-0.02, -0.5 - lift), (-0.36, -0.94 - lift), (-0.52, -0.96 - lift),
                (-0.62, -0.66 - lift), (-0.52, -0.3), (-0.34, 0.02), (-0.06, 0.16),
            ]), .shade(-0.2))
        line([(-0.46, -0.8 - lift), (-0.3, -0.4), (-0.12, -0.06)], width: 0.045, .shade(-0.55))
        line([(-0.54, -0.58 - lift), (-0.4, -0.28), (-0.22, -0.02)], width: 0.045, .shade(-0.55))
    }

    /// Seen from the side: tail fin, back and belly fins, gill, scales.
    mutating func addFish(_ draw: inout SeededGenerator) {
        let tall = draw.around(1, 0.1)
        let sweep = draw.around(0, 0.06)
        body(
            Path(polygon: [
                (-0.4, 0), (-0.78, -0.44), (-1.04, -0.5), (-0.86 + sweep, 0), (-1.04, 0.5), (-0.78, 0.44),
            ]), .shade(-0.2))
        body(
            Path(smooth: [
                (-0.2, -0.3 * tall), (-0.06, -0.66 * tall), (0.2, -0.7 * tall), (0.46, -0.36 * tall), (0.1, -0.2),
            ]), .shade(-0.3))
        body(
            Path(polygon: [(-0.14, 0.3 * tall), (-0.18, 0.66 * tall), (0.22, 0.36 * tall)]), .shade(-0.3))
        body(
            Path(smooth: [
                (-0.58, 0), (-0.28, -0.3 * tall), (0.2, -0.45 * tall), (0.66, -0.32 * tall), (0.95, 0.0),
                (0.66, 0.32 * tall), (0.2, 0.45 * tall), (-0.28, 0.3 * tall),
            ]))
        detail(
            Path(smooth: [(-0.3, 0.2 * tall), (0.2, 0.3 * tall), (0.72, 0.18), (0.5, 0.32 * tall), (0.1, 0.41 * tall)]),
            .shade(0.4))
        for (column, x) in ([-0.3, -0.1, 0.1] as [Float]).enumerated() {
            for row in 0...(1 + column % 2) {
                let y = (Float(row) - Float(1 + column % 2) / 2) * 0.24 * tall
                line(
                    [(x - 0.04, y - 0.1), (x + 0.05, y), (x - 0.04, y + 0.1)], width: 0.045, .shade(-0.42))
            }
        }
        line([(0.42, -0.3 * tall), (0.32, 0), (0.42, 0.28 * tall)], width: 0.055)
        body(Path(polygon: [(0.24, 0.06), (-0.06, 0.14), (0.0, 0.3), (0.24, 0.2)]), .shade(-0.3))
        eye((0.62, -0.1), 0.11)
        line([(0.93, 0.08), (0.8, 0.14), (0.74, 0.12)], width: 0.045)
    }
}
