import Imaging
import Samples

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension Figure {
    /// From the side: two wheels, cabin with two windows, lamps.
    mutating func addCar(_ draw: inout SeededGenerator) {
        let roof = draw.around(-0.5, 0.05)
        let nose = draw.around(0, 0.06)
        let glass = Tint(0.78, 0.92, 0.98)
        body(
            Path(polygon: [
                (-0.7, 0.02), (-0.52, roof), (-0.44, roof - 0.05), (0.24, roof - 0.05), (0.34, roof), (0.64, 0.02),
            ]))
        body(
            Path(smooth: [
                (-1, 0.3), (-0.98, 0.02), (-0.6, -0.06), (0.5, -0.06), (0.92 + nose, 0.06), (1.0 + nose, 0.3),
                (0.9, 0.42), (0, 0.42), (-0.9, 0.42),
            ]))
        detail(Path(polygon: [(-0.66, 0.06), (-0.46, roof + 0.04), (0.24, roof + 0.04), (0.54, 0.06)]), .main)
        detail(Path(polygon: [(-0.56, -0.04), (-0.42, roof + 0.06), (-0.13, roof + 0.06), (-0.13, -0.04)]), .line)
        detail(Path(polygon: [(-0.04, -0.04), (-0.04, roof + 0.06), (0.2, roof + 0.06), (0.46, -0.04)]), .line)
        detail(Path(polygon: [(-0.5, -0.07), (-0.39, roof + 0.1), (-0.16, roof + 0.1), (-0.16, -0.07)]), .fixed(glass))
        detail(Path(polygon: [(-0.01, -0.07), (-0.01, roof + 0.1), (0.18, roof + 0.1), (0.4, -0.07)]), .fixed(glass))
        line([(-0.085, 0), (-0.085, 0.36)], width: 0.035, .shade(-0.5))
        line([(-0.9, 0.24), (0.9, 0.24)], width: 0.05, .shade(-0.35))
        line([(0.02, 0.1), (0.14, 0.1)], width: 0.04)
        body(Path(ellipse: (0.94 + nose, 0.14), 0.06, 0.08, steps: 12), .fixed(Tint(1, 0.95, 0.6)))
        body(Path(ellipse: (-0.97, 0.14), 0.04, 0.08, steps: 12), .fixed(Tint(0.9, 0.15, 0.15)))
        for x in [-0.52, 0.54] as [Float] {
            body(Path(ellipse: (x, 0.44), 0.25, 0.25, steps: 24), .fixed(Tint(0.12, 0.12, 0.14)))
            detail(Path(ellipse: (x, 0.44), 0.12, 0.12, steps: 16), .fixed(.grey(0.75)))
            detail(Path(ellipse: (x, 0.44), 0.04, 0.04, steps: 10), .fixed(.grey(0.3)))
        }
    }

    /// A sailing boat: hull, mast, two sails, a flag.
    mutating func addBoat(_ draw: inout SeededGenerator) {
        let belly = draw.around(0, 0.05)
        let wood = Tint(0.45, 0.28, 0.15)
        body(Path(x: -0.05, y: -0.98, width: 0.09, height: 1.4), .fixed(wood))
        body(
            Path(
                smooth: [(0.08, -0.9), (0.3, -0.62), (0.62 + belly, -0.1), (0.72 + belly, 0.24), (0.08, 0.26)], steps: 4
            ),
            .main)
        body(Path(polygon: [(-0.1, -0.78), (-0.1, 0.26), (-0.66, 0.26)]), .shade(0.35))
        line([(0.1, -0.34), (0.44 + belly, -0.34)], width: 0.04, .shade(-0.4))
        line([(0.1, -0.04), (0.6 + belly, -0.04)], width: 0.04, .shade(-0.4))
        body(Path(polygon: [(0.02, -1.0), (0.3, -0.93), (0.02, -0.86)]), .fixed(Tint(0.9, 0.25, 0.25)))
        body(
            Path(polygon: [
                (-0.98, 0.38), (1.04, 0.38), (0.9, 0.6), (0.7, 0.82), (0.5, 0.88), (-0.55, 0.88), (-0.76, 0.8),
                (-0.9, 0.62),
            ]))
        detail(Path(polygon: [(-0.95, 0.44), (1.0, 0.44), (0.96, 0.53), (-0.92, 0.53)]), .shade(0.6))
        for x in [-0.45, 0, 0.45] as [Float] {
            detail(Path(ellipse: (x, 0.68), 0.07, 0.07, steps: 12), .fixed(Tint(0.85, 0.95, 1)))
        }
    }

    /// Walls, a pointed roof, chimney, door and windows.
    mutating func addHouse(_ draw: inout SeededGenerator) {
        let ridge = draw.around(-0.92, 0.06)
        let door = draw.around(0, 0.1)
        let glass = draw.chance(0.5) ? Tint(1, 0.93, 0.6) : Tint(0.75, 0.9, 0.98)
        body(Path(x: 0.36, y: -0.84, width: 0.22, height: 0.5), .fixed(Tint(0.55, 0.32, 0.25)))
        body(Path(x: 0.32, y: -0.9, width: 0.3, height: 0.1), .fixed(Tint(0.45, 0.26, 0.2)))
        body(Path(x: -0.76, y: -0.14, width: 1.52, height: 1.04))
        body(Path(polygon: [(-1, -0.1), (0, ridge), (1, -0.1)]), .shade(-0.42))
        line([(-0.66, -0.28), (0.66, -0.28)], width: 0.04, .shade(-0.62))
        line([(-0.42, -0.48), (0.42, -0.48)], width: 0.04, .shade(-0.62))
        body(Path(x: -0.16 + door, y: 0.32, width: 0.34, height: 0.58), .fixed(Tint(0.42, 0.26, 0.16)))
        detail(Path(ellipse: (0.1 + door, 0.62), 0.035, 0.035, steps: 10), .fixed(Tint(0.98, 0.85, 0.3)))
        for x in [-0.62, 0.32] as [Float] where abs(x + 0.15 - door) > 0.25 {
            body(Path(x: x, y: 0.08, width: 0.32, height: 0.32), .fixed(glass))
            line([(x + 0.16, 0.09), (x + 0.16, 0.39)], width: 0.04)
            line([(x + 0.01, 0.24), (x + 0.31, 0.24)], width: 0.04)
        }
    }

    /// A trunk under a crown of round lobes.
    mutating func addTree(_ draw: inout SeededGenerator) {
        let wood = Tint(0.45, 0.29, 0.17)
        body(
            Path(polygon: [(-0.11, 0), (0.11, 0), (0.14, 0.75), (0.28, 1), (-0.28, 1), (-0.14, 0.75)]), .fixed(wood))
        body(Path(stroke: [Point(0, 0.42), Point(0.3, 0.12)], width: 0.09), .fixed(wood))
        line([(0.03, 0.4), (0.04, 0.85)], width: 0.035)
        let lobes: [(Float, Float, Float)] = [
            (-0.44, -0.02, 0.33), (0.45, 0, 0.32), (-0.38, -0.46, 0.34), (0.4, -0.44, 0.34), (0, -0.68, 0.35),
            (0, -0.1, 0.4),
        ]
        var placed: [(Float, Float, Float)] = []
        for (x, y, radius) in lobes {
            let lobe = (draw.around(x, 0.04), draw.around(y, 0.04), draw.around(radius, 0.03))
            placed.append(lobe)
            body(Path(ellipse: (lobe.0, lobe.1), lobe.2, lobe.2, steps: 20))
        }
        detail(Path(ellipse: (0, -0.3), 0.46, 0.4), .main)
        for lobe in placed {
            detail(Path(ellipse: (lobe.0 - 0.07, lobe.1 - 0.09), lobe.2 * 0.55, lobe.2 * 0.5, steps: 14), .shade(0.16))
            line(
                [
                    (lobe.0 + lobe.2 * 0.1, lobe.1 + lobe.2 * 0.55), (lobe.0 + lobe.2 * 0.42, lobe.1 + lobe.2 * 0.45),
                    (lobe.0 + lobe.2 * 0.6, lobe.1 + lobe.2 * 0.15),
                ], width: 0.05, .shade(-0.4))
        }
    }

    /// A beach ball: panels that meet at a pole, and a glint.
    mutating func addBall(_ draw: inout SeededGenerator) {
        let radius: Float = 0.95
        body(Path(ellipse: (0, 0), radius, radius, steps: 40))
        let pole = (draw.around(-0.24, 0.1), draw.around(-0.34, 0.1))
        let start = draw.between(0, 1)
        let panelCount = 6
        func rim(_ turn: Float) -> (Float, Float) {
            (cos(turn * 2 * .pi) * radius, sin(turn * 2 * .pi) * radius)
        }
        // A meridian bends away from the middle.
        func meridian(_ turn: Float) -> [Point] {
            let (end, side) = (rim(turn), rim(turn + 0.09))
            let middle = ((pole.0 + end.0) / 2 + side.0 * 0.12, (pole.1 + end.1) / 2 + side.1 * 0.12)
            return Path.smoothLine([pole, middle, end], steps: 5)
        }
        for panel in 0..<panelCount {
            let first = start + Float(panel) / Float(panelCount)
            let next = start + Float(panel + 1) / Float(panelCount)
            if panel % 2 == 0 {
                var outline = meridian(first)
                for step in 0...6 {
                    let point = rim(first + (next - first) * Float(step) / 6)
                    outline.append(Point(point.0, point.1))
                }
                outline += meridian(next).reversed()
                detail(Path(polygon: outline), .shade(0.62))
            }
        }
        for panel in 0..<panelCount {
            detail(Path(stroke: meridian(start + Float(panel) / Float(panelCount)), width: 0.045), .shade(-0.5))
        }
        body(Path(ellipse: pole, 0.13, 0.13, steps: 16), .main)
        detail(Path(ellipse: (-0.5, -0.58), 0.16, 0.09, angle: -0.7, steps: 14), .fixed(.grey(1)))
    }

    /// A mug with a handle on the right, something hot in it, and steam.
    mutating func addCup(_ draw: inout SeededGenerator) {
        let wide = draw.around(1, 0.06)
        let (left, right) = (-0.66 * wide, 0.46 * wide)
        let middle = (left + right) / 2
        body(
            Path(
                smoothStroke: [
                    (right - 0.04, -0.24), (right + 0.3, -0.28), (right + 0.46, 0.05), (right + 0.26, 0.38),
                    (right - 0.1, 0.42),
                ], width: 0.17))
        body(
            Path(polygon: [
                (left, -0.5), (right, -0.5), (right - 0.05, 0.5), (right - 0.1, 0.72), (right - 0.22, 0.86),
                (left + 0.22, 0.86), (left + 0.1, 0.72), (left + 0.05, 0.5),
            ]))
        body(Path(ellipse: (middle, -0.5), (right - left) / 2, 0.16), .shade(0.4))
        detail(Path(ellipse: (middle, -0.47), (right - left) / 2 - 0.09, 0.1), .fixed(Tint(0.36, 0.2, 0.1)))
        line([(left + 0.04, 0.0), (middle, 0.1), (right - 0.03, 0.0)], width: 0.07, .shade(0.55))
        line([(left + 0.06, 0.48), (middle, 0.6), (right - 0.06, 0.48)], width: 0.07, .shade(0.55))
        for x in [-0.24, 0.02, 0.28] as [Float] {
            let sway = draw.around(0, 0.03)
            line(
                [
                    (middle + x, -0.68), (middle + x + 0.09 + sway, -0.8), (middle + x - 0.02, -0.92),
                    (middle + x + 0.06, -1.06),
                ], width: 0.06, .fixed(.grey(0.92)))
        }
    }
}
