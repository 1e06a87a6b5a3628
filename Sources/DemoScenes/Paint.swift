import Imaging

/// A colour of three channels from 0 to 1, in the picture's own (gamma) space.
struct Tint: Hashable, Sendable {
    var red: Float
    var green: Float
    var blue: Float

    init(_ red: Float, _ green: Float, _ blue: Float) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// Hue in degrees (any number), saturation and value from 0 to 1.
    init(hue: Float, saturation: Float, value: Float) {
        var turn = (hue / 60).truncatingRemainder(dividingBy: 6)
        if turn < 0 { turn += 6 }
        let fraction = turn - turn.rounded(.down)
        let low = value * (1 - saturation)
        let falling = value * (1 - saturation * fraction)
        let rising = value * (1 - saturation * (1 - fraction))
        switch Int(turn) {
        case 0: self.init(value, rising, low)
        case 1: self.init(falling, value, low)
        case 2: self.init(low, value, rising)
        case 3: self.init(low, falling, value)
        case 4: self.init(rising, low, value)
        default: self.init(value, low, falling)
        }
    }

    static func grey(_ value: Float) -> Tint { Tint(value, value, value) }

    /// This colour at share 0, the other at 1.
    func mixed(with other: Tint, _ share: Float) -> Tint {
        Tint(
            red + (other.red - red) * share, green + (other.green - green) * share, blue + (other.blue - blue) * share)
    }

    func lightened(_ share: Float) -> Tint { mixed(with: .grey(1), share) }
    /// Towards its own shade, a little warmer: yellow in shadow is ochre, not olive.
    func darkened(_ share: Float) -> Tint { mixed(with: Tint(red * 0.3, green * 0.14, blue * 0.3), share) }
}

/// How the inside of a path is coloured.
enum Paint: Sendable {
    case solid(Tint, opacity: Float = 1)
    /// From one colour at one point to another at another, in canvas coordinates.
    case linear(from: Point, Tint, to: Point, Tint)
    /// From the first colour and opacity in the middle to the second at the radius, in canvas coordinates.
    case radial(center: Point, radius: Float, Tint, opacity: Float, outer: Tint, outerOpacity: Float)
}
