#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// An axis: which values it spans and where its ticks stand.
struct PlotScale: Equatable {
    /// How values are spread over the axis.
    enum Kind: Sendable { case linear, logarithmic }

    let kind: Kind
    let lower: Double
    let upper: Double
    let ticks: [Double]

    /// The axis for `values`, of which only finite ones (and for a logarithmic axis positive ones) count.
    /// `bounds` fixes the ends instead. Always has `lower` < `upper` and at least two ticks.
    init(_ values: some Sequence<Double>, kind: Kind, bounds: ClosedRange<Double>? = nil, tickCount: Int, isTight: Bool)
    {
        self.kind = kind
        var low = Double.infinity
        var high = -Double.infinity
        for value in values where value.isFinite && (kind == .linear || value > 0) {
            low = min(low, value)
            high = max(high, value)
        }
        if let bounds, bounds.lowerBound.isFinite, bounds.upperBound.isFinite,
            kind == .linear || bounds.lowerBound > 0
        {
            (low, high) = (bounds.lowerBound, bounds.upperBound)
        }
        if low > high { (low, high) = kind == .linear ? (0, 1) : (1, 10) }
        // Keeps differences and steps finite whatever was measured.
        (low, high) = (max(low, -1e300), min(high, 1e300))
        switch kind {
        case .linear:
            if !(high - low > abs(high) * 1e-9) {
                let margin = isTight || high == 0 ? max(1, abs(high) * 1e-6) : abs(high) * 0.5
                (low, high) = (low - margin, high + margin)
            }
            let step = Self.niceStep((high - low) / Double(max(tickCount, 1)))
            if bounds == nil && !isTight {
                low = (low / step).rounded(.down) * step
                high = (high / step).rounded(.up) * step
            }
            let first = (low / step - 1e-9).rounded(.up)
            let last = (high / step + 1e-9).rounded(.down)
            ticks = stride(from: first, through: last, by: 1).prefix(64).map { $0 * step }
        case .logarithmic:
            low = max(low, 1e-300)
            if high / low < 1.001 { (low, high) = (low / 2, high * 2) }
            let firstDecade = log10(low).rounded(.down)
            let lastDecade = log10(high).rounded(.up)
            let decadeCount = lastDecade - firstDecade
            var marks: [Double] = []
            let digits: [Double] = decadeCount <= 2 ? [1, 2, 5] : [1]
            let stride = max(1, (decadeCount / Double(max(tickCount, 1))).rounded(.up))
            var decade = firstDecade
            while decade <= lastDecade {
                marks += digits.map { $0 * pow(10, decade) }
                decade += stride
            }
            if bounds == nil && !isTight {
                low = marks.last { $0 <= low * 1.000001 } ?? low
                high = marks.first { $0 >= high * 0.999999 } ?? high
            }
            ticks = marks.filter { $0 >= low * 0.999999 && $0 <= high * 1.000001 }
        }
        lower = low
        upper = high
    }

    /// The smallest 1, 2 or 5 times a power of ten that is not below `rough`.
    static func niceStep(_ rough: Double) -> Double {
        guard rough > 0, rough.isFinite else { return 1 }
        let power = pow(10, log10(rough).rounded(.down))
        for digit in [1.0, 2, 5] where digit * power >= rough * 0.999999 { return digit * power }
        return 10 * power
    }

    /// Where a value lies, 0 at `lower` and 1 at `upper`; nil when it has no place (not finite, or not positive on a
    /// logarithmic axis). Values outside lie outside 0…1.
    func position(_ value: Double) -> Double? {
        guard value.isFinite else { return nil }
        switch kind {
        case .linear: return (value - lower) / (upper - lower)
        case .logarithmic: return value > 0 ? log(value / lower) / log(upper / lower) : nil
        }
    }

    /// The text of a tick, with the decimals that its neighbours need and k or M for large counts.
    func label(_ tick: Double) -> String {
        if tick == 0 && kind == .linear && max(abs(lower), abs(upper)) >= 1e4 { return "0" }
        let largest = max(abs(lower), abs(upper))
        let step = ticks.count > 1 ? abs(ticks[1] - ticks[0]) : largest
        if largest >= 1e9 || (largest < 1e-3 && largest > 0) || kind == .logarithmic && (tick < 1e-3 || tick >= 1e6) {
            if tick == 0 { return "0" }
            let exponent = Int(log10(abs(tick)).rounded(.down))
            let mantissa = tick / pow(10, Double(exponent))
            return "\(decimalText(mantissa, digits: 1, trims: true))e\(exponent)"
        }
        if kind == .logarithmic { return decimalText(tick, digits: 3, trims: true) }
        if step >= 1e5 && largest >= 1e6 {
            return decimalText(tick / 1e6, digits: step >= 1e6 ? 0 : 1) + "M"
        }
        if step >= 100 && largest >= 1e4 {
            return decimalText(tick / 1e3, digits: step >= 1e3 ? 0 : 1) + "k"
        }
        let digits = step >= 1 ? 0 : min(6, Int((-log10(step) - 1e-9).rounded(.up)))
        return decimalText(tick, digits: digits)
    }
}
