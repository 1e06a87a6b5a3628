import Imaging
import Samples

/// Draws one scene: setting, things, weather, grain.
struct SceneDrawing {
    let scene: Scene
    /// Columns and rows of the picture.
    let size: Int
    var canvas: Canvas
    /// Where sky ends, as a share of the height.
    let horizon: Float

    init(scene: Scene, size: Int, using draw: inout SeededGenerator) {
        precondition(size >= 8, "render(size: \(size))")
        self.scene = scene
        self.size = size
        canvas = Canvas(width: size, height: size, color: .grey(0.5))
        horizon = draw.between(0.5, 0.62)
        addBackdrop(&draw)
        for subject in scene.subjects { add(subject, &draw) }
        addWeather(&draw)
        develop(&draw)
    }

    /// The finished picture.
    func image() -> PixelImage { canvas.image() }

    /// A length or coordinate given as a share of the picture's side, in pixels.
    func pixels(_ share: Float) -> Float { share * Float(size) }

    /// A point given in shares of the picture's side, in pixels.
    func pixels(_ x: Float, _ y: Float) -> Point { Point(pixels(x), pixels(y)) }

    /// Fills a path whose coordinates are shares of the picture's side.
    mutating func fill(_ path: Path, _ paint: Paint) {
        let side = Float(size)
        canvas.fill(path.transformed(by: Transform(origin: Point(0, 0), scaleX: side, scaleY: side)), paint)
    }

    // Things ----------------------------------------------------------------------------------------------------------

    /// Puts a thing into the picture: longer side 0.54 to 0.66 of the picture's (0.42 to 0.48 if there are two), in the
    /// left, middle or right third, its foot near the ground.
    private mutating func add(_ subject: Scene.Subject, _ draw: inout SeededGenerator) {
        let figure = Figure(subject.thing, using: &draw)
        let (low, high) = figure.bounds
        let isPair = scene.subjects.count > 1
        let longer = isPair ? draw.between(0.42, 0.48) : draw.between(0.54, 0.66)
        let stretch = draw.around(1, 0.05)
        let scale = longer / max(high.x - low.x, high.y - low.y)
        let (width, height) = ((high.x - low.x) * scale * stretch, (high.y - low.y) * scale)
        let margin: Float = 0.02
        let middle: Float =
            switch subject.place {
            case .left: max(width / 2 + margin, draw.around(isPair ? 0.26 : 0.3, 0.03))
            case .right: min(1 - width / 2 - margin, draw.around(isPair ? 0.74 : 0.7, 0.03))
            case .center: draw.around(0.5, 0.04)
            }
        let foot = min(max(draw.between(0.78, 0.94), height + margin), 1 - margin)
        let isMirrored = draw.chance(0.5)
        let center = low + (high - low) * 0.5
        let (scaleX, scaleY) = (scale * stretch * (isMirrored ? -1 : 1), scale)
        let angle = draw.around(0, 0.06)
        var transform = Transform(
            origin: Point(0, 0), scaleX: pixels(scaleX), scaleY: pixels(scaleY), angle: angle,
            shear: draw.around(0, 0.04))
        let offset = transform(center)
        let anchor = pixels(middle, foot - height / 2)
        transform.tx = anchor.x - offset.x
        transform.ty = anchor.y - offset.y

        addShadow(middle: middle, foot: foot, width: width)
        let color = tint(of: subject.color, &draw)
        place(figure, color: color, by: transform, lineWidth: pixels(draw.between(0.016, 0.024)))
        if scene.setting == .water { addRipples(middle: middle, foot: foot, width: width, &draw) }
    }

    /// Fills the silhouette's outline as one, then the parts over it.
    private mutating func place(_ figure: Figure, color: Tint, by transform: Transform, lineWidth: Float) {
        let dark = color.mixed(with: Tint(0.05, 0.04, 0.08), 0.78)
        let outlined = figure.parts.filter(\.isSilhouette).map { $0.path.transformed(by: transform) }
        // A faint pale rim sets the thing off a background of its own colour.
        for path in outlined {
            canvas.fill(path.outlined(width: lineWidth * 3.2), .solid(.grey(1), opacity: isDark ? 0.25 : 0.3))
        }
        let (low, high) = figure.bounds
        let (top, bottom) = (transform(low), transform(high))
        let isPale = min(color.red, color.green, color.blue) > 0.8
        let (light, shaded) = (
            color.lightened(0.1), isPale ? color.mixed(with: .grey(0.6), 0.12) : color.darkened(0.13)
        )
        for part in figure.parts {
            let path = part.path.transformed(by: transform)
            if part.isSilhouette { canvas.fill(path.outlined(width: lineWidth), .solid(dark)) }
            switch part.tone {
            case .main:
                canvas.fill(
                    path,
                    .linear(
                        from: Point(min(top.x, bottom.x), min(top.y, bottom.y)), light,
                        to: Point(max(top.x, bottom.x), max(top.y, bottom.y)), shaded))
            case .shade(let share):
                // What cannot get lighter gets a grey tone instead, so that white things keep their details.
                let tone: Tint =
                    if isPale {
                        color.mixed(with: Tint(0.42, 0.44, 0.5), share < 0 ? -share * 0.8 : share * 0.22)
                    } else if share < 0 {
                        color.darkened(-share * 0.8)
                    } else {
                        color.lightened(share)
                    }
                canvas.fill(path, .solid(tone))
            case .line:
                canvas.fill(path, .solid(dark))
            case .fixed(let tint):
                canvas.fill(path, .solid(tint))
            }
        }
    }

    private mutating func addShadow(middle: Float, foot: Float, width: Float) {
        guard scene.setting != .water else { return }
        fill(
            Path(ellipse: (middle, foot), width * 0.52, 0.035),
            .solid(Tint(0.05, 0.07, 0.12), opacity: isDark ? 0.4 : 0.22))
    }

    /// The thing's colour in this picture: its hue, saturation and value vary within what people call by the name.
    private func tint(of color: SceneColor, _ draw: inout SeededGenerator) -> Tint {
        func tint(_ hue: ClosedRange<Float>, _ saturation: ClosedRange<Float>, _ value: ClosedRange<Float>) -> Tint {
            Tint(
                hue: draw.between(hue.lowerBound, hue.upperBound),
                saturation: draw.between(saturation.lowerBound, saturation.upperBound),
                value: draw.between(value.lowerBound, value.upperBound))
        }
        switch color {
        case .red: return tint(-8...3, 0.85...0.97, 0.76...0.9)
        case .orange: return tint(23...32, 0.88...1, 0.95...1)
        case .yellow: return tint(51...57, 0.78...0.98, 0.95...1)
        case .green: return tint(122...148, 0.65...0.9, 0.48...0.68)
        case .blue: return tint(216...232, 0.75...0.95, 0.78...0.95)
        case .purple: return tint(272...286, 0.55...0.78, 0.52...0.72)
        case .pink: return tint(330...344, 0.32...0.46, 0.97...1)
        case .white: return tint(0...360, 0...0.03, 0.95...1)
        }
    }

    /// Whether the scene has little light.
    var isDark: Bool { scene.setting == .night }

    /// Exposure, colour cast and grain, a little different in each picture.
    private mutating func develop(_ draw: inout SeededGenerator) {
        let exposure = draw.around(1, 0.06)
        let gain = Tint(
            exposure * draw.around(1, 0.025), exposure * draw.around(1, 0.02), exposure * draw.around(1, 0.025))
        let strength = draw.between(0.006, 0.03)
        var noise = draw
        canvas.develop(gain: gain) { _ in
            // The sum of four bytes is near enough to a normal distribution of deviation 148.
            let bits = noise.next()
            let sum = Int(bits & 255) + Int(bits >> 8 & 255) + Int(bits >> 16 & 255) + Int(bits >> 24 & 255)
            return Float(sum - 510) * (strength / 148)
        }
    }
}
