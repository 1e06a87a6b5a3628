import Imaging
import Samples

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension SceneDrawing {
    /// Sky and ground, with what lies behind the things.
    mutating func addBackdrop(_ draw: inout SeededGenerator) {
        switch scene.setting {
        case .sun:
            sky(Tint(hue: draw.around(208, 8), saturation: 0.5, value: 0.97), Tint(0.93, 0.95, 0.85))
            addSun(&draw)
            if draw.chance(0.5) { addHills(Tint(0.8, 0.68, 0.48), &draw) }
            ground(Tint(0.95, 0.85, 0.6), Tint(0.87, 0.73, 0.47))
            addPebbles(Tint(0.74, 0.6, 0.4), &draw)
        case .rain:
            sky(.grey(draw.around(0.5, 0.04)), Tint(0.66, 0.7, 0.75))
            addClouds(Tint(0.36, 0.38, 0.43), count: 4, &draw)
            if draw.chance(0.5) { addHills(Tint(0.5, 0.54, 0.58), &draw) }
            ground(Tint(0.5, 0.5, 0.5), Tint(0.4, 0.4, 0.43))
            for _ in 0..<3 { addPuddle(&draw) }
        case .night:
            sky(Tint(0.03, 0.04, draw.around(0.15, 0.02)), Tint(0.1, 0.12, 0.3))
            addStars(&draw)
            addMoon(&draw)
            if draw.chance(0.5) { addHills(Tint(0.07, 0.08, 0.2), &draw) }
            ground(Tint(0.13, 0.14, 0.24), Tint(0.08, 0.08, 0.16))
            addPebbles(Tint(0.18, 0.19, 0.32), &draw)
        case .snow:
            sky(Tint(hue: draw.around(212, 8), saturation: 0.22, value: 0.8), Tint(0.84, 0.88, 0.93))
            if draw.chance(0.6) { addHills(Tint(0.86, 0.9, 0.95), &draw) }
            addSnowGround(&draw)
        case .grass:
            sky(Tint(hue: draw.around(200, 8), saturation: 0.25, value: 0.95), Tint(0.93, 0.96, 0.93))
            if draw.chance(0.5) { addClouds(.grey(1), count: 2, &draw) }
            if draw.chance(0.5) { addHills(Tint(0.62, 0.76, 0.5), &draw) }
            ground(Tint(hue: draw.around(92, 8), saturation: 0.62, value: 0.7), Tint(0.3, 0.52, 0.16))
            addBlades(y: horizon...0.9, count: 50, &draw)
        case .water:
            sky(Tint(hue: draw.around(195, 8), saturation: 0.2, value: 0.96), Tint(0.95, 0.95, 0.92))
            if draw.chance(0.5) { addClouds(.grey(1), count: 2, &draw) }
            ground(Tint(hue: draw.around(193, 6), saturation: 0.55, value: 0.82), Tint(0.08, 0.42, 0.56))
            addWaves(&draw)
        }
    }

    /// What falls or grows in front of the things.
    mutating func addWeather(_ draw: inout SeededGenerator) {
        switch scene.setting {
        case .rain:
            let slant = draw.between(0.03, 0.08) * (draw.chance(0.5) ? 1 : -1)
            for _ in 0..<42 {
                let (x, y) = (draw.between(-0.05, 1.05), draw.between(-0.1, 0.95))
                let length = draw.between(0.6, 1.2)
                fill(
                    Path(
                        stroke: [Point(x, y), Point(x + slant * length, y + 0.14 * length)], width: 0.011, capSteps: 4),
                    .solid(Tint(0.82, 0.9, 1), opacity: 0.75))
            }
        case .snow:
            for _ in 0..<38 {
                let radius = draw.between(0.009, 0.02)
                fill(
                    Path(ellipse: (draw.between(0, 1), draw.between(0, 1)), radius, radius, steps: 8),
                    .solid(.grey(1), opacity: 0.95))
            }
        case .grass:
            addBlades(y: 0.9...1.03, count: 26, &draw)
        case .sun, .night, .water:
            break
        }
    }

    /// Rings on the water before a thing's foot.
    mutating func addRipples(middle: Float, foot: Float, width: Float, _ draw: inout SeededGenerator) {
        for step in 0..<4 {
            let y = foot - 0.03 + 0.024 * Float(step)
            let half = width * draw.between(0.42, 0.62)
            let bend = draw.around(0, 0.008)
            fill(
                Path(
                    smoothStroke: [
                        (middle - half, y), (middle - half / 3, y + 0.012 + bend), (middle + half / 3, y - 0.004),
                        (middle + half, y + 0.008),
                    ], width: draw.between(0.014, 0.022)),
                .solid(step % 2 == 0 ? Tint(0.8, 0.94, 0.97) : Tint(0.2, 0.58, 0.7), opacity: 0.85))
        }
    }

    // Parts -----------------------------------------------------------------------------------------------------------

    private mutating func sky(_ top: Tint, _ bottom: Tint) {
        canvas.fillAll(.linear(from: pixels(0.5, 0), top, to: pixels(0.5, horizon + 0.02), bottom))
    }

    private mutating func ground(_ top: Tint, _ bottom: Tint) {
        fill(
            Path(x: 0, y: horizon, width: 1, height: 1 - horizon + 0.01),
            .linear(from: pixels(0.5, horizon), top, to: pixels(0.5, 1), bottom))
    }

    private mutating func addSun(_ draw: inout SeededGenerator) {
        let isLeft = draw.chance(0.5)
        let center = (isLeft ? draw.between(0.1, 0.24) : draw.between(0.76, 0.9), draw.between(0.1, 0.22))
        let radius = draw.between(0.09, 0.125)
        fill(
            Path(ellipse: center, radius * 3, radius * 3),
            .radial(
                center: pixels(center.0, center.1), radius: pixels(radius * 3), Tint(1, 0.96, 0.6), opacity: 0.9,
                outer: Tint(1, 0.96, 0.75), outerOpacity: 0))
        let rayCount = 10
        let turn = draw.between(0, 1)
        for ray in 0..<rayCount {
            let angle = 2 * Float.pi * (turn + Float(ray)) / Float(rayCount)
            let (dx, dy) = (cos(angle), sin(angle))
            fill(
                Path(
                    stroke: [
                        Point(center.0 + dx * radius * 1.3, center.1 + dy * radius * 1.3),
                        Point(center.0 + dx * radius * 1.8, center.1 + dy * radius * 1.8),
                    ], width: 0.022), .solid(Tint(1, 0.78, 0.15)))
        }
        fill(Path(ellipse: center, radius, radius), .solid(Tint(1, 0.82, 0.15)))
        fill(Path(ellipse: center, radius * 0.8, radius * 0.8), .solid(Tint(1, 0.9, 0.35)))
    }

    private mutating func addMoon(_ draw: inout SeededGenerator) {
        let center = (
            draw.chance(0.5) ? draw.between(0.1, 0.25) : draw.between(0.75, 0.9), draw.between(0.1, 0.2)
        )
        let radius = draw.between(0.075, 0.1)
        fill(
            Path(ellipse: center, radius * 2.4, radius * 2.4),
            .radial(
                center: pixels(center.0, center.1), radius: pixels(radius * 2.4), Tint(0.7, 0.75, 0.95), opacity: 0.5,
                outer: Tint(0.3, 0.35, 0.6), outerOpacity: 0))
        // A crescent: out along the rim, back along a flatter curve.
        let side: Float = draw.chance(0.5) ? 1 : -1
        var outline: [Point] = []
        for step in 0...14 {
            let angle = Float.pi * (Float(step) / 14 - 0.5)
            outline.append(Point(center.0 + side * cos(angle) * radius, center.1 + sin(angle) * radius))
        }
        for step in 0...14 {
            let angle = Float.pi * (0.5 - Float(step) / 14)
            outline.append(Point(center.0 + side * cos(angle) * radius * 0.3, center.1 + sin(angle) * radius))
        }
        fill(Path(polygon: outline), .solid(Tint(0.98, 0.95, 0.78)))
    }

    private mutating func addStars(_ draw: inout SeededGenerator) {
        for _ in 0..<22 {
            let radius = draw.between(0.005, 0.011)
            fill(
                Path(ellipse: (draw.between(0, 1), draw.between(0, horizon)), radius, radius, steps: 6),
                .solid(Tint(1, 1, 0.9)))
        }
    }

    private mutating func addClouds(_ tint: Tint, count: Int, _ draw: inout SeededGenerator) {
        for number in 0..<count {
            let x = (Float(number) + draw.between(0.1, 0.9)) / Float(count)
            let y = draw.between(0.04, 0.16)
            let size = draw.between(0.1, 0.15)
            for (dx, dy, share) in [(-0.9, 0.15, 0.6), (0, -0.1, 0.85), (0.9, 0.15, 0.65)] as [(Float, Float, Float)] {
                fill(
                    Path(ellipse: (x + dx * size, y + dy * size), size * share, size * share * 0.62, steps: 20),
                    .solid(tint))
            }
        }
    }

    private mutating func addHills(_ tint: Tint, _ draw: inout SeededGenerator) {
        for _ in 0..<2 {
            let x = draw.between(0, 1)
            let (width, height) = (draw.between(0.25, 0.45), draw.between(0.06, 0.14))
            fill(Path(ellipse: (x, horizon + 0.01), width, height), .solid(tint.darkened(draw.between(0, 0.12))))
        }
    }

    private mutating func addPebbles(_ tint: Tint, _ draw: inout SeededGenerator) {
        for _ in 0..<9 {
            let radius = draw.between(0.008, 0.02)
            fill(
                Path(ellipse: (draw.between(0, 1), draw.between(horizon + 0.03, 1)), radius * 1.6, radius, steps: 10),
                .solid(tint))
        }
    }

    private mutating func addPuddle(_ draw: inout SeededGenerator) {
        let center = (draw.between(0, 1), draw.between(horizon + 0.06, 0.97))
        let radius = draw.between(0.07, 0.14)
        fill(Path(ellipse: center, radius, radius * 0.28), .solid(Tint(0.6, 0.66, 0.74)))
        fill(Path(ellipse: center, radius * 0.6, radius * 0.14), .solid(Tint(0.72, 0.78, 0.86)))
    }

    private mutating func addSnowGround(_ draw: inout SeededGenerator) {
        ground(Tint(0.97, 0.98, 1), Tint(0.86, 0.9, 0.97))
        for _ in 0..<3 {
            fill(
                Path(
                    ellipse: (draw.between(0, 1), horizon + draw.between(0.0, 0.05)), draw.between(0.2, 0.4),
                    draw.between(0.03, 0.06)), .solid(Tint(0.97, 0.98, 1)))
        }
        for _ in 0..<4 {
            let (x, y) = (draw.between(-0.1, 0.9), draw.between(horizon + 0.08, 0.98))
            fill(
                Path(smoothStroke: [(x, y), (x + 0.12, y - 0.02), (x + 0.26, y)], width: 0.012),
                .solid(Tint(0.74, 0.82, 0.93)))
        }
    }

    private mutating func addBlades(y: ClosedRange<Float>, count: Int, _ draw: inout SeededGenerator) {
        for _ in 0..<count {
            let (x, foot) = (draw.between(0, 1), draw.between(y.lowerBound + 0.02, y.upperBound))
            let (lean, height) = (draw.around(0, 0.025), draw.between(0.04, 0.085))
            let tint = Tint(hue: draw.around(100, 12), saturation: 0.7, value: draw.between(0.38, 0.72))
            fill(
                Path(polygon: [(x - 0.012, foot), (x + 0.012, foot), (x + lean, foot - height)]), .solid(tint))
        }
    }

    private mutating func addWaves(_ draw: inout SeededGenerator) {
        for row in 0..<7 {
            let y = horizon + 0.04 + (1 - horizon) * Float(row) / 7
            for _ in 0..<3 {
                let x = draw.between(-0.1, 1)
                let length = draw.between(0.1, 0.2)
                fill(
                    Path(
                        smoothStroke: [
                            (x, y), (x + length * 0.25, y - 0.014), (x + length * 0.5, y),
                            (x + length * 0.75, y - 0.014),
                            (x + length, y),
                        ], width: 0.014, steps: 3), .solid(Tint(0.75, 0.92, 0.96), opacity: 0.8))
            }
        }
    }
}
