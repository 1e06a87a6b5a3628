import Imaging
import Samples

/// A thing's drawing in its own coordinates (roughly −1 … 1, y down, facing right), before it has a colour.
struct Figure: Sendable {
    /// Where a part gets its colour from.
    enum Tone: Hashable, Sendable {
        /// The thing's colour, from light to dark across the figure.
        case main
        /// The thing's colour made lighter (above 0) or darker (below 0), evenly.
        case shade(Float)
        /// The colour of outlines.
        case line
        /// Always this one.
        case fixed(Tint)
    }

    /// One filled path.
    struct Part: Sendable {
        let path: Path
        let tone: Tone
        /// Whether it belongs to the silhouette, which is outlined as a whole.
        let isSilhouette: Bool
    }

    private(set) var parts: [Part] = []

    /// Adds a part of the silhouette.
    mutating func body(_ path: Path, _ tone: Tone = .main) {
        parts.append(Part(path: path, tone: tone, isSilhouette: true))
    }

    /// Adds a detail that gets no outline.
    mutating func detail(_ path: Path, _ tone: Tone) {
        parts.append(Part(path: path, tone: tone, isSilhouette: false))
    }

    /// Adds a thin line.
    mutating func line(_ points: [(Float, Float)], width: Float = 0.045, _ tone: Tone = .line) {
        detail(Path(smoothStroke: points, width: width), tone)
    }

    /// An eye: white, pupil, glint.
    mutating func eye(_ center: (Float, Float), _ radius: Float) {
        body(Path(ellipse: center, radius, radius, steps: 14), .fixed(.grey(0.97)))
        detail(Path(ellipse: (center.0 + 0.2 * radius, center.1), radius * 0.6, radius * 0.68, steps: 12), .line)
    }

    /// The box around the silhouette.
    var bounds: (low: Point, high: Point) {
        var low = Point(.infinity, .infinity)
        var high = Point(-.infinity, -.infinity)
        for part in parts where part.isSilhouette {
            for contour in part.path.contours {
                for point in contour {
                    low = Point(min(low.x, point.x), min(low.y, point.y))
                    high = Point(max(high.x, point.x), max(high.y, point.y))
                }
            }
        }
        return (low, high)
    }

    /// The figure of a thing; its details vary with the generator.
    init(_ thing: SceneThing, using draw: inout SeededGenerator) {
        switch thing {
        case .cat: addCat(&draw)
        case .dog: addDog(&draw)
        case .bird: addBird(&draw)
        case .fish: addFish(&draw)
        case .car: addCar(&draw)
        case .boat: addBoat(&draw)
        case .house: addHouse(&draw)
        case .tree: addTree(&draw)
        case .ball: addBall(&draw)
        case .cup: addCup(&draw)
        }
    }
}

extension SeededGenerator {
    /// A Float around `center`, at most `spread` away.
    mutating func around(_ center: Float, _ spread: Float) -> Float {
        center + spread * Float(2 * uniform() - 1)
    }

    /// A Float between two.
    mutating func between(_ low: Float, _ high: Float) -> Float {
        low + (high - low) * Float(uniform())
    }
}
