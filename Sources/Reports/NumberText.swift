/// A number with a fixed count of decimals, in no locale; `trims` drops zeros at the end. Not a number is "–".
func decimalText(_ number: Double, digits: Int, trims: Bool = false) -> String {
    guard number.isFinite else { return "–" }
    guard abs(number) < 1e15 else { return String(number) }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (number * scale).rounded()
    guard abs(scaled) < 9e18 else { return String(number) }
    let magnitude = UInt64(abs(scaled))
    let whole = magnitude / UInt64(scale)
    var fraction = String(magnitude % UInt64(scale))
    fraction = String(repeating: "0", count: max(0, digits - fraction.count)) + fraction
    if trims { while fraction.last == "0" { fraction.removeLast() } }
    let sign = scaled < 0 ? "-" : ""
    return digits == 0 || fraction.isEmpty ? "\(sign)\(whole)" : "\(sign)\(whole).\(fraction)"
}

/// A count with thin groups of three: 30,000.
func groupedText(_ count: Int) -> String {
    var digits = Array(String(count.magnitude))
    var position = digits.count - 3
    while position > 0 {
        digits.insert(",", at: position)
        position -= 3
    }
    return (count < 0 ? "-" : "") + String(digits)
}

/// A duration in the unit that reads best: 0.8 ms, 12 ms, 1.4 s.
func durationText(milliseconds: Double) -> String {
    guard milliseconds.isFinite else { return "–" }
    if milliseconds >= 1000 { return decimalText(milliseconds / 1000, digits: 1) + " s" }
    return decimalText(milliseconds, digits: milliseconds < 10 ? 1 : 0) + " ms"
}
