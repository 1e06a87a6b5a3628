import Samples

/// Changes brightness, contrast, saturation and hue by random amounts, in random order, as torchvision's `ColorJitter`
/// does on Pillow images.
public struct ColorJitter: Hashable, Sendable {
    /// Factors of brightness, contrast and saturation are uniform in [max(0, 1 − amount), 1 + amount]; 0 is off.
    public let brightness: Double
    /// See `brightness`.
    public let contrast: Double
    /// See `brightness`.
    public let saturation: Double
    /// The hue moves by a uniform share of the colour circle in [−amount, amount]; at most 0.5; 0 is off.
    public let hue: Double

    /// Traps if an amount is negative or `hue` is over 0.5.
    public init(brightness: Double = 0, contrast: Double = 0, saturation: Double = 0, hue: Double = 0) {
        precondition(
            brightness >= 0 && contrast >= 0 && saturation >= 0 && (0...0.5).contains(hue),
            "ColorJitter(brightness: \(brightness), contrast: \(contrast), saturation: \(saturation), hue: \(hue))")
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
    }

    /// The picture with one random change of each kind.
    public func callAsFunction(_ image: PixelImage, using generator: inout SeededGenerator) -> PixelImage {
        var order = [0, 1, 2, 3]
        generator.shuffle(&order)
        let factors = [brightness, contrast, saturation].map { amount in
            generator.uniform(in: max(0, 1 - amount)...(1 + amount))
        }
        let shift = generator.uniform(in: -hue...hue)
        var image = image
        for kind in order {
            switch kind {
            case 0 where brightness > 0: image.adjustBrightness(by: factors[0])
            case 1 where contrast > 0: image.adjustContrast(by: factors[1])
            case 2 where saturation > 0: image.adjustSaturation(by: factors[2])
            case 3 where hue > 0: image.shiftHue(by: shift)
            default: break
            }
        }
        return image
    }
}
