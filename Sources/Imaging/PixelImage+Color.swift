extension PixelImage {
    /// Blends with black: 0 is black, 1 leaves the picture as it is, more is brighter.
    ///
    /// Like the other adjustments, Pillow's arithmetic (`ImageEnhance`): d + factor · (pixel − d) in Float for a
    /// degenerate pixel d, cut to 0 … 255, fraction dropped.
    public mutating func adjustBrightness(by factor: Double) {
        blend(factor) { _, _, _ in 0 }
    }

    /// Blends with the mean of the grey picture, rounded: 0 is flat grey, 1 leaves the picture as it is.
    public mutating func adjustContrast(by factor: Double) {
        var sum = 0
        for index in stride(from: 0, to: bytes.count, by: 3) {
            sum += Int(Self.luma(bytes[index], bytes[index + 1], bytes[index + 2]))
        }
        let mean = UInt8(Double(sum) / Double(width * height) + 0.5)
        blend(factor) { _, _, _ in mean }
    }

    /// Blends with the grey picture: 0 is grey, 1 leaves the picture as it is.
    public mutating func adjustSaturation(by factor: Double) {
        blend(factor, Self.luma)
    }

    /// The grey picture, in three equal channels: ITU-R 601-2 luma in 16-bit fixed point.
    public func inGrey() -> PixelImage {
        var image = self
        image.adjustSaturation(by: 0)
        return image
    }

    /// Turns the colour circle by `share` of a full turn, −0.5 to 0.5, through Pillow's 8-bit HSV.
    public mutating func shiftHue(by share: Double) {
        precondition((-0.5...0.5).contains(share), "shiftHue(by: \(share)) is not a share of the circle")
        let shift = UInt8(truncatingIfNeeded: Int(share * 255))
        for index in stride(from: 0, to: bytes.count, by: 3) {
            var color = HueColor(bytes[index], bytes[index + 1], bytes[index + 2])
            color.hue &+= shift
            (bytes[index], bytes[index + 1], bytes[index + 2]) = color.channels
        }
    }

    /// 0.299 R + 0.587 G + 0.114 B, rounded.
    static func luma(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> UInt8 {
        UInt8((Int32(red) * 19595 + Int32(green) * 38470 + Int32(blue) * 7471 + 0x8000) >> 16)
    }

    private mutating func blend(_ factor: Double, _ degenerate: (UInt8, UInt8, UInt8) -> UInt8) {
        precondition(factor >= 0 && factor.isFinite, "colour factor \(factor)")
        if factor == 1 { return }
        let factor = Float(factor)
        for index in stride(from: 0, to: bytes.count, by: 3) {
            let base = Int32(degenerate(bytes[index], bytes[index + 1], bytes[index + 2]))
            for channel in index..<index + 3 {
                let value = Float(base) + factor * Float(Int32(bytes[channel]) - base)
                bytes[channel] = UInt8(min(max(value, 0), 255))
            }
        }
    }
}

/// A colour as hue, saturation and value of 8 bits each; hue 255 is almost a full turn.
private struct HueColor {
    var hue: UInt8
    let saturation: UInt8
    let value: UInt8

    init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
        let most = max(red, green, blue)
        let least = min(red, green, blue)
        value = most
        guard most > least else {
            (hue, saturation) = (0, 0)
            return
        }
        let span = Float(most - least)
        let (r, g, b) = (Float(most - red) / span, Float(most - green) / span, Float(most - blue) / span)
        // Sixths of a turn from red.
        let sixths: Float =
            if red == most { b - g } else if green == most { Float(2 + Double(r) - Double(b)) } else {
                Float(4 + Double(g) - Double(r))
            }
        let turn = Float((Double(sixths) / 6 + 1).truncatingRemainder(dividingBy: 1))
        hue = UInt8(Double(turn) * 255)
        saturation = UInt8(Double(span / Float(most)) * 255)
    }

    var channels: (UInt8, UInt8, UInt8) {
        guard saturation > 0 else { return (value, value, value) }
        let sixths = Double(hue) * 6 / 255
        let sector = sixths.rounded(.down)
        let fraction = Double(Float(sixths - sector))
        let share = Double(Float(Double(saturation) / 255))
        func level(_ factor: Double) -> UInt8 {
            UInt8(min(max((Double(value) * factor).rounded(.toNearestOrAwayFromZero), 0), 255))
        }
        let (low, falling, rising) = (level(1 - share), level(1 - share * fraction), level(1 - share * (1 - fraction)))
        switch Int(sector) % 6 {
        case 0: return (value, rising, low)
        case 1: return (falling, value, low)
        case 2: return (low, value, rising)
        case 3: return (low, falling, value)
        case 4: return (rising, low, value)
        default: return (value, low, falling)
        }
    }
}
